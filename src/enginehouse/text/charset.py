"""Turns the bytes of a text file into characters. This is the one place that decides which encoding they are in.

In this order: a byte order mark, the charset that the media type declares, what the document declares itself (`<meta>`,
an XML declaration), and then the bytes alone. This package is public, like `enginehouse.engine`, for engines that read
text.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from enginehouse.text.detection import CONTROL, CONTROL_BYTES, detect

__all__ = [
    "Encoding",
    "NotText",
    "declared_charset",
    "declares_itself",
    "decode",
    "encode_utf8",
    "find_encoding",
    "with_charset",
]

Blocks = Callable[[], Iterable[bytes]]

_BLOCK: Final = 1 << 20
_HEAD: Final = 4096  # bytes in which a document declares its encoding
_SAMPLE: Final = 1 << 15
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # it begins with the mark of UTF-16, so it is tried first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._:+-]{1,40})", re.IGNORECASE)
_META: Final = re.compile(rb"<meta\b[^>]{0,500}?\bcharset\s*=\s*[\"']?\s*([A-Za-z0-9._:+-]{1,40})", re.IGNORECASE)
_XML: Final = re.compile(rb"\A\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9._:+-]{1,40})[\"']")
# The names stand for these larger sets, as in the Encoding Standard of the web.
_SUPERSETS: Final = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "cp950",
    "euc_kr": "cp949",
}
_WIDE: Final = ("utf-16-", "utf-32-")
_NOT_CHARSETS: Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"})


class NotText(ValueError):
    """The bytes cannot be read as text. The message says what was tried."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding that fits the bytes. `errors` is "strict", or "replace" if a few characters are damaged."""

    name: str
    errors: str = "strict"

    @property
    def is_utf8(self) -> bool:
        """True if the bytes are clean UTF-8 without a mark already."""
        return self.name == "utf-8" and self.errors == "strict"


def decode(data: bytes, media_type: str = "text/plain") -> str:
    """Returns the text without a byte order mark. Raises NotText."""
    encoding = find_encoding(lambda: (data,), media_type)
    return data.decode(encoding.name, encoding.errors).removeprefix("\ufeff")


def encode_utf8(source: Path, target: Path, media_type: str) -> Encoding:
    """The text of `source` is also at `target`, in UTF-8 without a mark, if `source` is not so itself.

    Returns the encoding of `source`. Raises NotText.
    """

    def blocks() -> Iterator[bytes]:
        with source.open("rb") as file:
            yield from _blocks(file)

    encoding = find_encoding(blocks, media_type)
    if not encoding.is_utf8:
        decoder = codecs.getincrementaldecoder(encoding.name)(encoding.errors)
        with target.open("wb") as file:
            for number, block in enumerate(chain(blocks(), (b"",))):
                text = decoder.decode(block, final=not block)
                file.write((text.removeprefix("\ufeff") if number == 0 else text).encode("utf-8", "replace"))
    return encoding


def declared_charset(media_type: str) -> str | None:
    """Returns the parameter `charset` of a media type."""
    match = _CHARSET.search(media_type)
    return match[1] if match else None


def with_charset(media_type: str, charset: str | None) -> str:
    """Returns the bare media type with this charset."""
    return f"{media_type}; charset={charset}" if charset else media_type


def find_encoding(blocks: Blocks, media_type: str) -> Encoding:
    """Returns the encoding of a text whose bytes `blocks()` yields from the start at each call. Raises NotText."""
    head = _first(blocks(), _HEAD)
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return _must_fit(name, blocks, head)
    tried: list[str] = []
    for label in _declared(media_type, head):
        codec = _codec(label, head)
        tried.append(codec or label)
        if codec is None or (codec.startswith(_WIDE) and b"\0" not in head and _fit("utf-8", blocks)):
            continue
        if (encoding := _fit(codec, blocks)) is not None:
            return encoding
    zeros = any(b"\0" in block for block in blocks()) or len(CONTROL_BYTES.findall(head)) * 3 > len(head)
    if not zeros and not _has_escapes(head):
        tried.append("utf-8")
        if (encoding := _fit("utf-8", blocks)) is not None:
            return encoding
    sample = head if zeros else _sample(blocks())
    for name in detect(sample, zeros=zeros):
        tried.append(name)
        if (encoding := _fit(name, blocks)) is not None:
            return encoding
    why = "it holds zero bytes and no byte order mark" if zeros else "it fits no encoding"
    raise NotText(f"{why} (tried {', '.join(dict.fromkeys(tried)) or 'UTF-16 and UTF-32'})")


def declares_itself(media_type: str) -> bool:
    """Returns True for a format whose documents may say which encoding they are in."""
    return media_type.partition(";")[0].strip().lower().endswith(("xml", "html"))


def _declared(media_type: str, head: bytes) -> Iterator[str]:
    if label := declared_charset(media_type):
        yield label
    if not declares_itself(media_type):
        return
    if match := _XML.search(head):
        yield _own(match[1])
    if match := _META.search(head):
        yield _own(match[1])


def _own(label: bytes) -> str:
    """Returns what a document says about itself. It says so in ASCII, so UTF-16 cannot be true."""
    text = label.decode("ascii")
    return "utf-8" if text.lower().startswith(("utf-16", "utf-32")) else text


def _codec(label: str, head: bytes) -> str | None:
    """Returns the codec for a charset's name, None for an unknown one."""
    label = re.sub(r"^x-|-i$", "", label.lower())
    label = re.sub(r"^(?:windows|win)-?(?=\d)", "cp", label)
    try:
        found = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    name = found.name
    if not found._is_text_encoding or name.replace("_", "-") in _NOT_CHARSETS:
        return None
    if name in ("utf-16", "utf-32"):  # there is no mark, so the bytes tell the order
        return next(detect(head, zeros=True, only=name), f"{name}-le")
    return _SUPERSETS.get(name, name)


def _must_fit(name: str, blocks: Blocks, head: bytes) -> Encoding:
    encoding = _fit(name, blocks)
    if encoding is None:
        raise NotText(f"it begins with the byte order mark of {name.removesuffix('-sig')}, but is not in it")
    return encoding


def _fit(name: str, blocks: Blocks) -> Encoding | None:
    """Returns the encoding if all of the text is in it, or nearly all, because some characters are damaged.

    A text in UTF-16 or UTF-32 without a mark has no damage: nearly all bytes could be such a text.
    """
    decoder = codecs.getincrementaldecoder(name)("strict")
    wide = name.startswith(_WIDE)
    try:
        for block in chain(blocks(), (b"",)):
            text = decoder.decode(block, final=not block)
            if "\0" in text or (wide and CONTROL.search(text)):
                return None
    except UnicodeDecodeError:
        return Encoding(name, "replace") if not wide and _nearly_fits(name, _sample(blocks())) else None
    return Encoding(name)


def _nearly_fits(name: str, sample: bytes) -> bool:
    # The file may be a piece of another, cut inside its first or last character.
    if name == "utf-8":
        sample = re.sub(rb"\A[\x80-\xbf]{1,3}", b"", sample)
    text = codecs.getincrementaldecoder(name)("replace").decode(sample, final=False)
    damaged = text.count("\ufffd")
    read = sum(character > "\x7f" for character in text) - damaged
    return read > 0 and (damaged == 0 or read >= 10 * damaged) and not CONTROL.search(text)


def _has_escapes(head: bytes) -> bool:
    """Returns True for the escapes of ISO 2022, which look like ASCII."""
    return b"\x1b$" in head and max(head) < 0x80


def _sample(blocks: Iterable[bytes]) -> bytes:
    """Returns a part of the text that begins with its first byte outside ASCII; such a part is text in any encoding."""
    first = b""
    for block in blocks:
        if found := re.search(rb"[\x80-\xff]", block):
            start = max(0, found.start() - 1)
            return block[start : start + _SAMPLE]
        first = first or block
    return first[:_SAMPLE]


def _first(blocks: Iterable[bytes], size: int) -> bytes:
    return next(iter(blocks), b"")[:size]


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block
