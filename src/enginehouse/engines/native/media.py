"""The media type of a stream, also if its server does not declare one or uses another name."""

from pathlib import Path, PurePosixPath
from typing import Final

from enginehouse.text.captions import CAPTIONS
from enginehouse.text.charset import NotText, declared_charset, decode, with_charset

OCTETS: Final = "application/octet-stream"
WAVE: Final = "audio/wav"
_HEAD: Final = 4096
_UNSPECIFIC: Final = frozenset({OCTETS, "binary/octet-stream", "application/binary", "application/x-download", ""})
_ALIASES: Final = {
    "audio/x-wav": WAVE,
    "audio/wave": WAVE,
    "audio/vnd.wave": WAVE,
    "audio/x-pn-wav": WAVE,
    "text/x-markdown": "text/markdown",
    "application/xhtml+xml": "text/html",
    "application/x-subrip": "text/srt",
    "text/x-srt": "text/srt",
    "audio/mp3": "audio/mpeg",
    "image/jpg": "image/jpeg",
}
_EXTENSIONS: Final = {
    ".txt": "text/plain",
    ".text": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".vtt": "text/vtt",
    ".srt": "text/srt",
    ".json": "application/json",
    ".wav": WAVE,
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".ts": "video/mp2t",
    ".avi": "video/x-msvideo",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".pdf": "application/pdf",
}
_MARKED_TEXT: Final = frozenset({"text/markdown", *CAPTIONS})  # servers often call it plain text
_MAGIC: Final = (
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"%PDF-", "application/pdf"),
)


def normalize(media_type: str) -> str:
    """Returns the media type without parameters, in lower case, under the name that is used here."""
    bare = media_type.partition(";")[0].strip().lower()
    return _ALIASES.get(bare, bare)


def detect(declared: str, name: str, head: bytes) -> str:
    """Returns the media type of a stream with the name `name`, the first bytes `head` and the declared type `declared`.

    The declared type counts, unless it is unspecific (octet-stream) or less specific than the name (plain text for
    .md). A declared charset stays with it.
    """
    charset = declared_charset(declared)
    declared = normalize(declared)
    by_name = _EXTENSIONS.get(PurePosixPath(name).suffix.lower())
    if declared == "text/plain" and by_name in _MARKED_TEXT:
        declared = by_name
    if declared in _UNSPECIFIC:
        declared = _by_content(head) or by_name or ("text/plain" if _is_text(head) else OCTETS)
    return with_charset(declared, charset if is_written(declared) else None)


def is_written(media_type: str) -> bool:
    """Returns True for a format that is written in characters, so that its bytes have an encoding."""
    kind = normalize(media_type)
    return (
        kind.startswith("text/") or kind in ("application/json", "application/xml") or kind.endswith(("+json", "+xml"))
    )


def content_of(path: Path) -> str | None:
    """Returns the media type that the first bytes of a file show, None if they show none."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return _by_content(head) or ("text/plain" if _is_text(head) else None)


def _by_content(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return WAVE
    return next((kind for offset, magic, kind in _MAGIC if head.startswith(magic, offset)), None)


def _is_text(head: bytes) -> bool:
    if not head:
        return False
    try:
        decode(head)
    except NotText:
        return False
    return True
