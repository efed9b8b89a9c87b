"""Which bytes a page may show as a picture, play as sound or video: none in which a script could run. Pure."""

from collections.abc import Mapping
from typing import Final, Literal

Element = Literal["img", "audio", "video"]

_ELEMENTS: Final[Mapping[str, Element]] = {
    "image/png": "img",
    "image/jpeg": "img",
    "image/gif": "img",
    "image/webp": "img",
    "audio/aac": "audio",
    "audio/flac": "audio",
    "audio/mp4": "audio",
    "audio/mpeg": "audio",
    "audio/ogg": "audio",
    "audio/wav": "audio",
    "audio/webm": "audio",
    "video/mp4": "video",
    "video/mpeg": "video",
    "video/ogg": "video",
    "video/quicktime": "video",
    "video/webm": "video",
}
_OTHER_NAMES: Final = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-wav": "audio/wav",
}
_UNKNOWN: Final = frozenset({"", "application/octet-stream"})
BYTES: Final = "application/octet-stream"
_SIGNS: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
)


def shown_type(media_type: str, head: bytes) -> str:
    """Returns the type under which bytes are sent: that of a picture, sound or video, or that of mere bytes.

    A type that says nothing is told by the first bytes.
    """
    name = media_type.partition(";")[0].strip().lower()
    name = _OTHER_NAMES.get(name, name)
    if name in _UNKNOWN:
        name = next((kind for at, sign, kind in _SIGNS if head.startswith(sign, at)), name)
    return name if name in _ELEMENTS else BYTES


def element(shown: str) -> Element | None:
    """Returns the element that shows the type, None for mere bytes."""
    return _ELEMENTS.get(shown)
