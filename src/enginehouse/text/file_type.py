"""What a file is: the one decision, from its bytes first, then the type that somebody declared, then its name.

Bytes that prove a format are of that format, whatever anybody says. Bytes that are no text are never of a written type,
and bytes that are text are never a picture, sound or an archive. Between written types, the more specific one of what
the text begins with, the declared type and the name counts.
"""

import re
from pathlib import Path
from typing import Final

from enginehouse.text.charset import NotText, declared_charset, decode, with_charset
from enginehouse.text.media_types import LOOSE_TYPES, OCTETS, PLAIN, UNSPECIFIC, bare, is_written, medium, type_of_name
from enginehouse.text.signature import kin, proven, supposed

__all__ = ["HEAD", "TAIL", "file_type", "is_text", "type_of_file"]

HEAD: Final = 8192
"""The first bytes that the decision looks at."""
TAIL: Final = 1 << 16
"""The last bytes of an archive, where the names of its files are."""

_NEVER_TEXT: Final = frozenset({"audio", "video", "image", "font"})
_MARKED: Final = frozenset({"application/pdf", "application/zip", "application/gzip", "application/msword"})
_PATTERNS: Final = (
    (re.compile(r"(?is)\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b"), "text/html"),
    (re.compile(r"(?i)\s*<\?xml\b[^>]{0,200}\?>\s*<(?:!doctype\s+html|html)\b"), "text/html"),
    (re.compile(r"\s*<\?xml\s"), "application/xml"),
    (re.compile(r"WEBVTT(?:[ \t\n\r]|\Z)"), "text/vtt"),
    (re.compile(r"\s{0,20}\d{1,6}[ \t]*\r?\n\d\d:\d\d:\d\d,\d{3}[ \t]+-->"), "text/srt"),
)
_OBJECT: Final = re.compile(r'\s*(?:\[\s*)?\{\s*"[^"\n]{0,200}"\s*:')
_TWO_OBJECTS: Final = re.compile(r"\s*\{[^\n]*\}[ \t]*\r?\n[ \t]*\{")
_HEADERS: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]{1,60}:(?:[ \t][^\n]*)?\n(?:[ \t][^\n]*\n)*+)++")
_HEADER: Final = re.compile(r"^([A-Za-z-]+):", re.MULTILINE)


def file_type(head: bytes, declared: str = "", name: str = "", *, tail: bytes = b"") -> str:
    """Returns the media type of a file that begins with `head` and ends with `tail`. A declared charset stays.

    `declared` is the media type that came with it, `name` its name; both may be empty, or wrong.
    """
    charset = declared_charset(declared)
    declared, named = bare(declared), type_of_name(name)
    if not head:
        kind = _without_bytes(declared, named)
    elif (found := proven(head, tail)) is not None:
        kind = next((told for told in (declared, named) if told is not None and kin(found, told)), found)
    elif (seeming := supposed(head)) is not None and seeming in (declared, named):
        kind = seeming
    elif (text := _text(head, with_charset(PLAIN, charset))) is not None:
        kind = _written(text, declared, named)
    else:
        kind = _not_written(head, declared, named)
    return with_charset(kind, charset if is_written(kind) else None)


def type_of_file(path: Path, declared: str = "", name: str = "") -> str:
    """Returns the media type of a file on this machine."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        tail = file.read(TAIL) if head.startswith(b"PK") else b""
    return file_type(head, declared, name, tail=tail)


def is_text(head: bytes, declared: str = "") -> bool:
    """Returns True if bytes with this beginning can be read as text."""
    return bool(head) and proven(head) is None and _text(head, declared) is not None


def _text(head: bytes, declared: str) -> str | None:
    try:
        return decode(head, declared)
    except NotText:
        return None


def _without_bytes(declared: str, named: str | None) -> str:
    if named is not None and (declared in UNSPECIFIC or (declared == PLAIN and named in LOOSE_TYPES)):
        return named
    return OCTETS if declared in UNSPECIFIC else declared


def _written(text: str, declared: str, named: str | None) -> str:
    told = named if named is not None and is_written(named) else None
    if told is not None and declared == PLAIN and told in LOOSE_TYPES:
        return told
    if declared not in UNSPECIFIC and declared != PLAIN and _may_be_text(declared):
        return declared
    shown = next((kind for pattern, kind in _PATTERNS if pattern.match(text)), None)
    return shown or told or (PLAIN if declared == PLAIN else _guess(text))


def _may_be_text(declared: str) -> bool:
    """Returns False for a type whose files are never text: those that have a mark of their own."""
    if is_written(declared):
        return True
    archives = ("application/vnd.openxmlformats", "application/vnd.oasis", "application/vnd.ms-")
    return medium(declared) not in _NEVER_TEXT and declared not in _MARKED and not declared.startswith(archives)


def _guess(text: str) -> str:
    """Returns the format that a text without a name and a type probably has."""
    if _OBJECT.match(text):
        return "application/x-ndjson" if _TWO_OBJECTS.match(text) else "application/json"
    if (headers := _HEADERS.match(text)) is not None:
        names = {name.lower() for name in _HEADER.findall(headers[0])}
        if "from" in names and names & {"date", "message-id", "mime-version", "received"}:
            return "message/rfc822"
    return PLAIN


def _not_written(head: bytes, declared: str, named: str | None) -> str:
    for told in (supposed(head), declared, named):
        if told is not None and told not in UNSPECIFIC and not is_written(told):
            return told
    return OCTETS
