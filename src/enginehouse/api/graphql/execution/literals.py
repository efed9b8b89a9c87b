"""The shape of a GraphQL document: everything but the scalar literals in its arguments.

Clients write ids into the text of a query. `scan` removes numbers and strings from it. The rest is the *shape*, the key
of the parsed and validated document in the cache (docs/decisions/0011). The shape has the kind of each literal and the
number of the first literal that equals it, because two fields may be merged only if their arguments are equal.

The shape keeps enum words, true, false, null (they are names), default values of variables (they must be constant), and
page sizes (the cost of a document depends on them).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from graphql import FloatValueNode, IntValueNode, Source, StringValueNode
from graphql.language import Lexer

from enginehouse.api.graphql.execution.rejection import RejectedError
from enginehouse.domain.numbers import is_exact

SIZES: Final = ("limit", "count")  # the arguments that set the length of a list
MAX_TOKENS: Final = 4_000
MAX_BRACKETS: Final = 64  # the parser recurses once per bracket
MAX_DIGITS: Final = 4_300  # Python does not convert more to an integer

LiteralNode = IntValueNode | FloatValueNode | StringValueNode

# It must end a token exactly where the parser's lexer does. Otherwise two texts of one shape could differ in meaning.
_TOKEN: Final = re.compile(
    r"""(?P<ignored>[ \t\r\n,\ufeff]+|\#[^\r\n]*)
      |(?P<name>[_A-Za-z][_0-9A-Za-z]*)
      |(?P<open>[({\[])|(?P<close>[)}\]])
      |(?P<punctuator>\.\.\.|[:!$&=@|])
      |(?P<block>\"\"\"(?:[^"\\]|\\\"\"\"|\\(?!\"\"\")|"(?!""))*\"\"\")
      |(?P<string>"(?!"")(?:[^"\\\r\n]|\\[^\r\n])*")
      |(?P<float>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)(?![.0-9_A-Za-z]))
      |(?P<int>-?(?:0|[1-9][0-9]*)(?![.0-9_A-Za-z]))""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class LiteralToken:
    """A literal outside the shape: its place in the text, and its value node."""

    start: int
    length: int
    node: LiteralNode


@dataclass(frozen=True, slots=True)
class DocumentShape:
    """A document's shape as the `key` of a cache, its literals in order, and the number of its tokens.

    `key` is None if the text does not consist of tokens, or if a number of it would be changed when it is read
    (`has_inexact`). Then it is not looked up and not kept.
    """

    key: str | None
    literals: tuple[LiteralToken, ...]
    token_count: int
    has_inexact: bool = False


def scan(text: str) -> DocumentShape:
    """Returns the document's shape and literals, in one pass over its tokens.

    A text that is not GraphQL has no shape, and the parser reports what is wrong with it. Raises RejectedError if it
    has too many tokens, too many brackets inside one another or too long a number.
    """
    literals: list[LiteralToken] = []
    numbers: dict[tuple[str, str], int] = {}
    pieces: list[str] = []
    position = copied = token_count = depth = 0
    in_definitions = False  # inside the parentheses of an operation's variables
    has_inexact = False
    before = last = ""
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return DocumentShape(None, (), token_count)
        kind, start, position = match.lastgroup or "", position, match.end()
        if kind == "ignored":
            continue
        token_count += 1
        if token_count > MAX_TOKENS:
            raise RejectedError.beyond(
                "too_many_tokens", f"The document has more than {MAX_TOKENS} tokens.", MAX_TOKENS
            )
        lexeme = text[start:position]
        if kind == "open":
            in_definitions = in_definitions or (depth == 0 and lexeme == "(")
            depth += 1
            if depth > MAX_BRACKETS:
                message = f"The document has more than {MAX_BRACKETS} brackets inside one another."
                raise RejectedError.beyond("query_too_deep", message, MAX_BRACKETS)
        elif kind == "close":
            depth -= 1
            in_definitions = in_definitions and depth > 0
        elif kind in _READ:
            node = _READ[kind](lexeme)
            has_inexact = has_inexact or (kind == "float" and not is_exact(lexeme))
            if node is None:
                return DocumentShape(None, (), token_count)
            if depth > 0 and not in_definitions and not (before in SIZES and last == ":"):
                # No token begins with a NUL, so no other completely scanned text can look like this.
                number = numbers.setdefault((kind, node.value), len(numbers))
                pieces.append(f"{text[copied:start]}\0{kind[0]}{number}\0")
                copied = position
                literals.append(LiteralToken(start, position - start, node))
        before, last = last, lexeme
    if has_inexact or not literals:
        return DocumentShape(None if has_inexact else text, (), token_count, has_inexact)
    pieces.append(text[copied:])
    return DocumentShape("".join(pieces), tuple(literals), token_count)


def _integer(token: str) -> IntValueNode:
    digits = len(token.lstrip("-"))
    if digits > MAX_DIGITS:
        message = f"The document has a number of {digits} digits; at most {MAX_DIGITS} are allowed."
        raise RejectedError.beyond("number_too_large", message, MAX_DIGITS)
    return IntValueNode(value=token)


def _string(token: str) -> StringValueNode | None:
    if "\\" in token:
        return _lex(token)
    return StringValueNode(value=token[1:-1], block=False)


def _lex(token: str) -> StringValueNode | None:
    """Returns the string as the parser reads it, with its escapes and indentation, None if the parser refuses it."""
    try:
        lexed = Lexer(Source(token)).advance()
    except Exception:
        return None
    return StringValueNode(value=lexed.value or "", block=token.startswith('"""'))


_READ: Final[dict[str, Callable[[str], LiteralNode | None]]] = {
    "int": _integer,
    "float": lambda token: FloatValueNode(value=token),
    "string": _string,
    "block": _lex,
}
