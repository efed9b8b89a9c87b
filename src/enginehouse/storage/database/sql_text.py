"""The text of a statement: what its comments declare, and its parameters and words in braces put in place."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from enginehouse.storage.database import sql_words
from enginehouse.storage.database.sql_words import Dialect

_TOKEN: Final = re.compile(
    r"""(?P<comment> --[^\n]* | /\*.*?\*/ )
      | (?P<literal> '(?:[^']|'')*' | "(?:[^"]|"")*" )
      | (?P<cast> :: )
      | :(?P<param> [a-z_][a-z0-9_]* )
      | (?P<among> \b(?:NOT[ ]+)?IN[ ]+ )?\{(?P<fragment> [^{}]* )\}
      | (?P<end> ; )""",
    re.VERBOSE | re.DOTALL,
)
_DECLARATION: Final = re.compile(r"^[ \t]*-- (rows|lists|only|parts|changes|alike|apart):[ ]*(.*?)[ ]*$", re.MULTILINE)


class BadStatement(Exception):
    """A block of a .sql file is invalid. The message names the block."""


def declarations(text: str) -> dict[str, str]:
    """Returns what the comments of the text declare, by its first word."""
    return dict(_DECLARATION.findall(text))


def fragment(name: str, key: str, dialect: Dialect) -> str:
    """Returns what stands for a word in braces. Raises BadStatement for an unknown one."""
    text = sql_words.fragment(key, dialect)
    if text is None:
        raise BadStatement(f"{name}: nothing is known to put in place of {{{key}}}.")
    return text


def no_params(name: str) -> Callable[[str], str]:
    """Returns what refuses every parameter."""

    def refuse(key: str) -> str:
        raise BadStatement(f"{name}: :{key} stands in a text that takes no parameters.")

    return refuse


def fill(name: str, text: str, fragment: Callable[[str, str], str], param: Callable[[str], str]) -> str:
    """Returns `text` without comments, with every fragment and parameter outside literals replaced."""

    def replace(match: re.Match[str]) -> str:
        match match.lastgroup:
            case "comment":
                return ""
            case "cast":
                raise BadStatement(f'{name}: "::" is PostgreSQL\'s alone; write CAST(… AS …).')
            case "param":
                return param(match["param"])
            case "fragment":
                return fragment(match["fragment"], match["among"] or "")
            case "end" if text[match.end() :].strip() and not _only_comments(text[match.end() :]):
                raise BadStatement(f"{name}: one statement per block; text follows the semicolon.")
            case "end":
                return ""
            case _:
                return match[0]

    lines = (line.rstrip() for line in _TOKEN.sub(replace, text).splitlines())
    return "\n".join(line for line in lines if line)


def _only_comments(text: str) -> bool:
    return not re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL).strip()


def split(text: str) -> Iterator[str]:
    """Yields the texts between semicolons."""
    start = 0
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "end":
            yield text[start : match.start()]
            start = match.end()
    yield text[start:]
