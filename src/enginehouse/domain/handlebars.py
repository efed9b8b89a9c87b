"""Renders the Handlebars templates of single-engine jobs: values, `if`, `unless`, `else`, comments. The text is JSON.

In a JSON string a value is escaped, so it cannot end the string that holds it (decision 0017).
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_TEMPLATE: Final = 64 * 1024  # characters
MAX_RENDERED: Final = 1024 * 1024
MAX_DEPTH: Final = 32

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
_TAG: Final = re.compile(
    rf"""\{{\{{!--.*?--\}}\}} | \{{\{{![^}}]*\}}\}}
      | \{{\{{\{{~?\s*(?P<raw>{_NAME})\s*~?\}}\}}\}}
      | \{{\{{~?\s*\#(?P<block>if|unless)\s+(?P<condition>{_NAME})\s*~?\}}\}}
      | \{{\{{~?\s*else(?:\s+if\s+(?P<other>{_NAME}))?\s*~?\}}\}}
      | \{{\{{~?\s*/(?P<end>if|unless)\s*~?\}}\}}
      | \{{\{{~?\s*(?P<and>&)?\s*(?P<name>{_NAME})\s*~?\}}\}}
      | (?P<unknown>\{{\{{[^\n]{{0,40}})""",
    re.VERBOSE | re.DOTALL,
)
_HTML: Final = {ord("`"): "&#x60;", ord("="): "&#x3D;"}


class BadTemplate(Exception):
    """The text is not a template of this kind. The message says the line."""


@dataclass(frozen=True, slots=True)
class Value:
    """The place of a value. `is_raw`: it is not escaped as HTML."""

    name: str
    is_raw: bool


@dataclass(slots=True)
class Block:
    """Parts that are rendered if a value is set (`wanted`) or is not set, and those for the other case."""

    name: str
    wanted: bool
    parts: "list[str | Value | Block]" = field(default_factory=list)
    others: "list[str | Value | Block]" = field(default_factory=list)


Part = str | Value | Block


def parse(text: str) -> list[Part]:
    """Returns the parts of the template. Raises BadTemplate."""
    if len(text) > MAX_TEMPLATE:
        raise BadTemplate(f"The template has {len(text)} characters; at most {MAX_TEMPLATE} are allowed.")
    whole: list[Part] = []
    open_: list[tuple[str, int]] = []  # the word that ends each open block, and how many blocks that closes
    lists = [whole]
    at = 0
    for tag in _TAG.finditer(text):
        if tag.start() > at:
            lists[-1].append(text[at : tag.start()])
        at = tag.end()
        if tag["unknown"] is not None:
            raise BadTemplate(
                f"Line {_line(text, tag)}: {tag['unknown']} is not understood; "
                "allowed are {{name}}, {{{name}}}, {{#if name}}, {{#unless name}}, {{else}} and comments."
            )
        _add(text, tag, lists, open_)
    if open_:
        raise BadTemplate(f"The template has no {{{{/{open_[-1][0]}}}}} for its last block.")
    whole.append(text[at:])
    return whole


def render(parts: list[Part], values: Mapping[str, str], *, as_json: bool = True) -> str:
    """Returns the text with the values. A missing or empty value is not set. Raises BadTemplate if the text is long.

    `as_json`: the text is JSON, else any text, in which a value is never escaped as a part of a JSON string.
    """
    pieces, size, inside = list[str](), 0, False
    for piece in _pieces(parts, values):
        text = piece if isinstance(piece, str) else _escaped(piece, values.get(piece.name, ""), inside=inside)
        if isinstance(piece, str) or not inside:
            inside = as_json and _ends_inside(text, inside=inside)
        size += len(text)
        if size > MAX_RENDERED:
            raise BadTemplate(f"The template gives more than {MAX_RENDERED} characters.")
        pieces.append(text)
    return "".join(pieces)


def names(parts: list[Part]) -> set[str]:
    """Returns the names of the values that the template looks at."""
    found = set[str]()
    for part in parts:
        if not isinstance(part, str):
            found.add(part.name)
        if isinstance(part, Block):
            found |= names(part.parts) | names(part.others)
    return found


def _add(text: str, tag: re.Match[str], lists: list[list[Part]], open_: list[tuple[str, int]]) -> None:
    if (name := tag["raw"] or tag["name"]) is not None and tag["name"] != "else":
        lists[-1].append(Value(name, tag["raw"] is not None or tag["and"] is not None))
    elif tag["block"] is not None:
        _begin(lists, tag["condition"], wanted=tag["block"] == "if")
        open_.append((tag["block"], 1))
    elif tag["end"] is not None:
        if not open_ or open_[-1][0] != tag["end"]:
            raise BadTemplate(f"Line {_line(text, tag)}: {tag[0]} ends no block.")
        del lists[-open_.pop()[1] :]
    elif not tag[0].startswith("{{!"):
        _else(text, tag, lists, open_)
    if len(lists) > MAX_DEPTH:
        raise BadTemplate(f"Line {_line(text, tag)}: more than {MAX_DEPTH} blocks are inside each other.")


def _begin(lists: list[list[Part]], name: str, *, wanted: bool) -> None:
    block = Block(name, wanted)
    lists[-1].append(block)
    lists.append(block.parts)


def _else(text: str, tag: re.Match[str], lists: list[list[Part]], open_: list[tuple[str, int]]) -> None:
    block = lists[-2][-1] if open_ else None
    if not isinstance(block, Block) or lists[-1] is block.others:
        raise BadTemplate(f"Line {_line(text, tag)}: {tag[0]} belongs to no block.")
    lists[-1] = block.others
    if tag["other"] is not None:
        _begin(lists, tag["other"], wanted=True)
        word, count = open_[-1]
        open_[-1] = (word, count + 1)


def _pieces(parts: list[Part], values: Mapping[str, str]) -> Iterator[str | Value]:
    for part in parts:
        if isinstance(part, Block):
            yield from _pieces(part.parts if bool(values.get(part.name)) == part.wanted else part.others, values)
        else:
            yield part


def _escaped(place: Value, value: str, *, inside: bool) -> str:
    if not place.is_raw:
        value = html.escape(value).translate(_HTML)
    return json.dumps(value, ensure_ascii=False)[1:-1] if inside else value


def _ends_inside(text: str, *, inside: bool) -> bool:
    """Returns True if the text, which begins inside of a JSON string or outside, ends inside of one."""
    quotes = re.sub(r"\\.", "", text, flags=re.DOTALL).count('"')
    return inside if quotes % 2 == 0 else not inside


def _line(text: str, tag: re.Match[str]) -> int:
    return text.count("\n", 0, tag.start()) + 1
