"""The media type that a file's own bytes prove: the marks that its format begins with, or that its archive holds.

Nothing is parsed. Only the first and the last bytes are searched, so a hostile file can at most lie about itself.
"""

from collections.abc import Mapping
from typing import Final

from enginehouse.text.media_types import WAVE, type_of_name

__all__ = ["OLE", "ZIP", "kin", "proven", "supposed"]

ZIP: Final = "application/zip"
OLE: Final = "application/x-ole-storage"

_MARKS: Final = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"%!PS-", "application/postscript"),
    (0, b"ID3\2\0", "audio/mpeg"),
    (0, b"ID3\3\0", "audio/mpeg"),
    (0, b"ID3\4\0", "audio/mpeg"),
    (0, b"fLaC\0", "audio/flac"),
    (0, b"OggS\0", "audio/ogg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"caff\0", "audio/x-caf"),
    (0, b"riff\x2e\x91\xcf\x11", "audio/x-w64"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (0, b"\0\0\x01\xba", "video/mpeg"),
    (0, b"\0\0\x01\xb3", "video/mpeg"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (4, b"1AY&SY", "application/x-bzip2"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"\0asm", "application/wasm"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (257, b"ustar", "application/x-tar"),
)
_RIFF: Final = {b"WAVE": WAVE, b"AVI ": "video/x-msvideo", b"WEBP": "image/webp"}
_BRANDS: Final = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
}
_BOXES: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip"})  # QuickTime files from before `ftyp`
# The names of files by which an archive shows what document it is.
_INSIDE: Final = (
    (b"word/document.xml", "_.docx"),
    (b"ppt/presentation.xml", "_.pptx"),
    (b"xl/workbook.xml", "_.xlsx"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text-template", "_.odt"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "_.odt"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "_.ods"),
    (b"mimetypeapplication/vnd.oasis.opendocument.presentation", "_.odp"),
    (b"mimetypeapplication/epub+zip", "_.epub"),
)
_EMBEDDED_PDF: Final = 1024  # bytes before its mark that readers of PDF pass over
_TRANSPORT_PACKET: Final = 188
_KIN: Final[Mapping[str, frozenset[str]]] = {
    "video/mp4": frozenset({"audio/mp4", "video/quicktime", "video/3gpp", "audio/3gpp", "video/3gpp2"}),
    "video/x-matroska": frozenset({"audio/x-matroska"}),
    "video/webm": frozenset({"audio/webm"}),
    "audio/ogg": frozenset({"video/ogg", "application/ogg", "audio/opus"}),
    "audio/mpeg": frozenset({"audio/aac"}),
    "video/x-ms-asf": frozenset({"video/x-ms-wmv", "audio/x-ms-wma"}),
    "image/tiff": frozenset({"image/x-adobe-dng", "image/x-canon-cr2", "image/x-nikon-nef"}),
    OLE: frozenset(
        {
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.ms-outlook",
        }
    ),
}


def proven(head: bytes, tail: bytes = b"") -> str | None:
    """Returns the media type that the first bytes prove, None if they prove none. `tail` tells archives apart."""
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[4:8] == b"ftyp" and head[:1] == b"\0":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _archive(head, tail)
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    return next((kind for at, mark, kind in _MARKS if head.startswith(mark, at)), None)


def supposed(head: bytes) -> str | None:
    """Returns the media type of bytes that are no text and prove nothing, by marks that are too short for a proof."""
    if b"%PDF-" in head[:_EMBEDDED_PDF]:
        return "application/pdf"
    if head[4:8] in _BOXES and head[:1] == b"\0":
        return "video/quicktime"
    if head[:1] == b"G" and head[_TRANSPORT_PACKET : _TRANSPORT_PACKET + 1] == b"G":
        return "video/mp2t"
    if len(head) >= 3 and head[0] == 0xFF and 0xE0 <= head[1] < 0xFE:  # UTF-16 begins with FF FE
        return _sound_frame(head)
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    return None


def kin(kind: str, named: str | None) -> bool:
    """Returns True if the bytes of `kind` may as well be of the type `named`, which says more than they do."""
    if kind == ZIP:
        return named is not None and (named.endswith("+zip") or named.startswith("application/vnd."))
    return named in _KIN.get(kind, ())


def _archive(head: bytes, tail: bytes) -> str:
    for name, like in _INSIDE:
        if name in head or name in tail:
            return type_of_name(like) or ZIP
    return ZIP


def _sound_frame(head: bytes) -> str | None:
    """Returns what a frame of MPEG sound is, if the numbers in it can be true."""
    layer, rate, frequency = head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    if layer == 0:
        return "audio/aac" if head[1] & 0xF0 == 0xF0 and head[2] >> 2 & 15 < 13 else None
    return "audio/mpeg" if head[1] >> 3 & 3 != 1 and rate != 15 and frequency != 3 else None
