"""Finds out what kind a file is, and uploads it as the primary asset of a new target."""

import json
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from enginehouse.client.http import Client

TEXT, AUDIO = "text", "audio"
_TEXTS: Final = {".md": "text/markdown", ".markdown": "text/markdown", ".htm": "text/html", ".html": "text/html"}
_SOUNDS: Final = frozenset({".wav", ".wave"})
_HEAD: Final = 4096


class UnusableFile(ValueError):
    """No engine can work on the file. The message says why, and which files engines can work on."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """Text or audio (`medium`), and the media type."""

    medium: str
    media_type: str


def kind_of(path: Path) -> FileKind:
    """Returns the kind of the file. Its first bytes decide, then its name. Raises UnusableFile."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise UnusableFile(f"{path} cannot be read: {error.strerror}.") from None
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return FileKind(AUDIO, "audio/wav")
    if not head:
        raise UnusableFile(f"{path} is empty.")
    if path.suffix.lower() in _SOUNDS or not _is_text(head):
        media_type = mimetypes.guess_type(path.name)[0] or "not text"
        raise UnusableFile(f"{path} is {media_type}; a text, Markdown or WAV file is needed.")
    return FileKind(TEXT, _TEXTS.get(path.suffix.lower(), "text/plain"))


def kind_at(url: str) -> FileKind:
    """Returns the likely kind of what is at a URL: audio if its path ends like a WAV file's, else text."""
    suffix = Path(url.partition("?")[0].partition("#")[0]).suffix.lower()
    return FileKind(AUDIO, "audio/wav") if suffix in _SOUNDS else FileKind(TEXT, _TEXTS.get(suffix, "text/plain"))


def upload(client: Client, path: Path, media_type: str | None = None) -> str:
    """The file is the primary asset of a new target. Returns the target's id.

    Without a media type, `kind_of` finds it. Raises UnusableFile, OSError, RequestFailed.
    """
    media_type = media_type or kind_of(path).media_type
    answer = client.upload(upload_query(path.name, media_type), path, name=path.name, media_type=media_type)
    target_id: str = answer["createTDOWithAsset"]["id"]
    return target_id


def upload_query(name: str, media_type: str) -> str:
    """Returns the mutation that creates a target with the file of the request as its primary asset."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    fields = (
        f'startDateTime: "{at}", contentType: {json.dumps(media_type)}, assetType: "media", name: {json.dumps(name)}'
    )
    return f"mutation {{ createTDOWithAsset(input: {{{fields}}}) {{ id }} }}"


def write(blocks: Iterator[bytes], path: Path) -> None:
    """The bytes are in the file. If they do not come to their end, the file does not hold a part of them: it is gone.

    Raises OSError, and the errors of `blocks`.
    """
    first = next(blocks, b"")  # a refusal leaves a file that exists as it is
    with path.open("wb") as writer:
        try:
            writer.write(first)
            writer.writelines(blocks)
        except BaseException:
            if path.is_file():  # not a pipe or a device
                path.unlink()
            raise


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True  # UTF-16, which is full of zero bytes
    return b"\0" not in head
