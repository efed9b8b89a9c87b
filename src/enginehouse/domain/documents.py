"""Reads the JSON documents of engines. For every document there is a value, or a fault with its place."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

LARGEST: Final = 32 << 20  # bytes of a document that is shown as JSON
DEEPEST_PUBLISHED: Final = 400  # levels of lists and objects in one another
DEEPEST_GATHERED: Final = 450  # the document that gathers others puts each one some levels deeper
DEEPEST: Final = 500  # what is served; the encoder of a response takes more

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_MOST_DIGITS: Final = 4300  # of a whole number; the interpreter reads no longer one
_decode: Final = msgspec.json.Decoder().decode
# The last quotation mark of a text may be missing. Otherwise each mark inside would begin a new search for the end.
_TOKEN: Final = re.compile(
    r'(?P<text>"(?:[^"\\\x00-\x1f]|\\.)*"?)|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(?P<open>[\[{])'
    r"|(?P<close>[\]}])|(?P<word>[A-Za-z]+)"
)
_NOT_JSON: Final = frozenset({"NaN", "Infinity"})
_SEARCHED: Final = 1 << 20  # characters in which the place of a fault is looked for
_BYTE: Final = re.compile(r"\(byte ([0-9]+)\)")


class DocumentError(ValueError):
    """The bytes are no JSON document that can be served. The message says where, and why."""


def is_json(media_type: str) -> bool:
    """Returns True for the media types of JSON documents."""
    kind = media_type.partition(";")[0].strip().lower()
    return kind in {"application/json", "text/json"} or kind.endswith("+json")


def read_document(raw: bytes, deepest: int = DEEPEST) -> Any:
    """Returns the value of the document. A byte order mark of UTF-8 before it is ignored. Raises DocumentError."""
    raw = raw.removeprefix(_BYTE_ORDER_MARK)
    try:
        value = _decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DocumentError(_fault(raw, deepest, str(error))) from None
    if raw.count(b"[") + raw.count(b"{") > deepest and _is_deeper(value, deepest):
        raise DocumentError(_fault(raw, deepest, ""))
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    """Returns True if more than so many lists and objects are in one another."""
    level = [value]
    for _ in range(levels):
        level = [item for each in level for item in _parts(each)]
        if not level:
            return False
    return True


def _parts(value: Any) -> Iterator[Any]:
    """Yields the lists and objects directly in the value."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from (item for item in items if isinstance(item, dict | list))


def _fault(raw: bytes, deepest: int, parser: str) -> str:
    """Returns where the document is wrong, and why. Lines, columns and bytes are counted from 1.

    `parser` is the message of the parser, which often names only a byte or nothing.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return f"not valid JSON at byte {error.start + 1} (it is not UTF-8)."
    if not text.strip():
        return "not valid JSON (it is empty)."
    for at, why in _faults(text, deepest):
        return _at(text, at, why)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return _at(text, error.pos, error.msg[:1].lower() + error.msg[1:])
    except (ValueError, RecursionError):
        pass
    place = f" at byte {int(found[1]) + 1}" if (found := _BYTE.search(parser)) else ""
    return f"not valid JSON{place} (a number or a character that JSON cannot hold)."


def _faults(text: str, deepest: int) -> Iterator[tuple[int, str]]:
    """Yields the place of each thing that a parser does not name by its place."""
    depth = 0
    for token in _TOKEN.finditer(text, 0, _SEARCHED):
        match token.lastgroup:
            case "open":
                depth += 1
                if depth > deepest:
                    yield token.start(), f"more than {deepest} lists and objects in one another"
            case "close":
                depth -= 1
            case "word" if token[0] in _NOT_JSON:
                yield token.start(), f"{token[0]} is not JSON"
            case "number" if _is_too_large(token[0]):
                yield token.start(), "this number is too large"
            case "text" if "\\u" in token[0] and _has_half_pair(token[0]):
                yield token.start(), "this text holds half of a surrogate pair"
            case _:
                pass


def _is_too_large(number: str) -> bool:
    if number.lstrip("-").isdigit():
        return len(number) > _MOST_DIGITS
    return float(number) in {float("inf"), float("-inf")}


def _has_half_pair(text: str) -> bool:
    try:
        json.loads(text).encode()
    except UnicodeEncodeError:
        return True
    except ValueError:
        return False
    return False


def _at(text: str, position: int, why: str) -> str:
    line = text.count("\n", 0, position) + 1
    return f"not valid JSON at line {line} column {position - text.rfind(chr(10), 0, position)} ({why})."
