"""The names of media types: one name for each, and what the end of a file's name stands for."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

from enginehouse.text.captions import CAPTIONS

__all__ = [
    "ANY",
    "CONTAINERS",
    "LOOSE_TYPES",
    "OCTETS",
    "PLAIN",
    "TABLES",
    "UNSPECIFIC",
    "WAVE",
    "bare",
    "is_written",
    "medium",
    "takes",
    "type_of_name",
]

OCTETS: Final = "application/octet-stream"
PLAIN: Final = "text/plain"
WAVE: Final = "audio/wav"
CONTAINERS: Final = "aac,aiff,amr,asf,avi,caf,flac,flv,m4v,matroska,mov,mp3,mpeg,mpegts,mpegvideo,ogg,w64,wav,webm"
"""The formats of sound and video that are opened, by FFmpeg's names: those that hold their media themselves.

A playlist can name other files and addresses.
"""
ANY: Final = frozenset({"*/*", "*"})
"""The patterns of an engine that takes anything."""
UNSPECIFIC: Final = frozenset(
    {OCTETS, "binary/octet-stream", "application/binary", "application/x-download", "application/x-binary", ""}
)
"""Types that say nothing about the bytes."""

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_ALIASES: Final = {
    "audio/x-wav": WAVE,
    "audio/wave": WAVE,
    "audio/vnd.wave": WAVE,
    "audio/x-pn-wav": WAVE,
    "audio/mp3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-aac": "audio/aac",
    "audio/x-aiff": "audio/aiff",
    "video/avi": "video/x-msvideo",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "application/x-pdf": "application/pdf",
    "application/xhtml+xml": "text/html",
    "application/csv": "text/csv",
    "text/x-csv": "text/csv",
    "text/tsv": "text/tab-separated-values",
    "text/x-markdown": "text/markdown",
    "application/x-subrip": "text/srt",
    "text/x-srt": "text/srt",
    "text/json": "application/json",
    "application/jsonl": "application/x-ndjson",
    "application/x-jsonlines": "application/x-ndjson",
    "application/jsonlines": "application/x-ndjson",
    "application/ndjson": "application/x-ndjson",
    "text/rtf": "application/rtf",
    "text/xml": "application/xml",
}
_EXTENSIONS: Final = {
    ".txt": PLAIN,
    ".text": PLAIN,
    ".log": PLAIN,
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".tab": "text/tab-separated-values",
    ".vtt": "text/vtt",
    ".srt": "text/srt",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".xml": "application/xml",
    ".eml": "message/rfc822",
    ".rtf": "application/rtf",
    ".pdf": "application/pdf",
    ".docx": f"{_OFFICE}wordprocessingml.document",
    ".pptx": f"{_OFFICE}presentationml.presentation",
    ".xlsx": f"{_OFFICE}spreadsheetml.sheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".epub": "application/epub+zip",
    ".zip": "application/zip",
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
    ".msg": "application/vnd.ms-outlook",
    ".wav": WAVE,
    ".wave": WAVE,
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".amr": "audio/amr",
    ".caf": "audio/x-caf",
    ".flac": "audio/flac",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".mka": "audio/x-matroska",
    ".weba": "audio/webm",
    ".wma": "audio/x-ms-wma",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".3gp": "video/3gpp",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".ogv": "video/ogg",
    ".ts": "video/mp2t",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".avi": "video/x-msvideo",
    ".flv": "video/x-flv",
    ".wmv": "video/x-ms-wmv",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".heic": "image/heic",
    ".avif": "image/avif",
}
_WRITTEN: Final = frozenset(
    {"application/json", "application/xml", "application/x-ndjson", "application/rtf", "message/rfc822"}
    | {"application/yaml", "application/javascript", "application/dash+xml", "application/vnd.apple.mpegurl"}
)
TABLES: Final = frozenset({"text/csv", "text/tab-separated-values"})
LOOSE_TYPES: Final = frozenset({"text/markdown", "message/rfc822", "application/x-ndjson", *TABLES, *CAPTIONS})
"""Written types that servers and people often call plain text."""


def bare(media_type: str) -> str:
    """Returns the media type without parameters, in lower case, under the name that is used here."""
    kind = media_type.partition(";")[0].strip().lower()
    return _ALIASES.get(kind, kind)


def medium(media_type: str) -> str:
    """Returns what stands before the slash: text, audio, video, image, application …"""
    return bare(media_type).partition("/")[0]


def is_written(media_type: str) -> bool:
    """Returns True for a format that is written in characters, so that its bytes have an encoding."""
    kind = bare(media_type)
    return kind.startswith("text/") or kind in _WRITTEN or kind.endswith(("+json", "+xml", "+yaml"))


def type_of_name(name: str) -> str | None:
    """Returns the media type that the end of a file's name stands for, None if it stands for none."""
    return _EXTENSIONS.get(PurePosixPath(name).suffix.lower())


def takes(patterns: Iterable[str], media_type: str) -> bool:
    """Returns True if an engine that declares these inputs takes the type.

    A pattern may end in a wildcard. Whoever takes plain text takes any text, as RFC 2046 has it.
    """
    kind = bare(media_type)
    wanted = {bare(pattern) for pattern in patterns}
    if wanted & {kind, *ANY}:
        return True
    is_json = kind.endswith("+json") and "application/json" in wanted
    return is_json or (kind.startswith("text/") and PLAIN in wanted) or any(fnmatchcase(kind, one) for one in wanted)
