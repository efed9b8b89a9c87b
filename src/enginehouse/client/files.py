"""How a person's file gets to a server: what kind it is, and as the primary asset of a new target."""

import json
import mimetypes
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from enginehouse.client.http import Connection

TEXT, AUDIO = "text", "audio"
_TEXTS: Final = {".md": "text/markdown", ".markdown": "text/markdown", ".htm": "text/html", ".html": "text/html"}
_SOUNDS: Final = frozenset({".wav", ".wave"})
_HEAD: Final = 4096


class NotUsable(ValueError):
    """The file cannot be worked on; the message says why and what can."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Whether it is text or sound, and its media type."""

    medium: str
    media_type: str


def kind_of(path: Path) -> Kind:
    """What the file is, by its beginning first and its name second. Raises NotUsable."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise NotUsable(f"{path} cannot be read: {error.strerror}.") from None
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return Kind(AUDIO, "audio/wav")
    if not head:
        raise NotUsable(f"{path} is empty.")
    if path.suffix.lower() in _SOUNDS or not _is_text(head):
        guessed = mimetypes.guess_type(path.name)[0] or "not text"
        raise NotUsable(f"{path} is {guessed}; a text, Markdown or WAV file is needed.")
    return Kind(TEXT, _TEXTS.get(path.suffix.lower(), "text/plain"))


def kind_at(url: str) -> Kind:
    """What a URL most likely answers, by its path alone: sound where it ends like a WAV file, text otherwise."""
    ending = Path(url.partition("?")[0].partition("#")[0]).suffix.lower()
    return Kind(AUDIO, "audio/wav") if ending in _SOUNDS else Kind(TEXT, _TEXTS.get(ending, "text/plain"))


def upload_query(name: str, media_type: str) -> str:
    """The mutation that makes a target with the request's file as its primary asset."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = (
        f'startDateTime: "{at}", contentType: {json.dumps(media_type)}, assetType: "media", name: {json.dumps(name)}'
    )
    return f"mutation {{ createTDOWithAsset(input: {{{fields}}}) {{ id }} }}"


def upload(server: Connection, path: Path, media_type: str) -> str:
    """The file is the primary asset of a new target; answers the target's id."""
    made = server.upload(upload_query(path.name, media_type), path, name=path.name, media_type=media_type)
    target: str = made["createTDOWithAsset"]["id"]
    return target


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True  # UTF-16, which is full of zero bytes
    return b"\0" not in head
