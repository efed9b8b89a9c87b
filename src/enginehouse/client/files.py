"""Uploads files as the primary assets of new targets. Their server finds out what they are."""

import json
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from enginehouse.client.http import ServerConnection

TEXT, AUDIO = "text", "audio"
ANY: Final = "application/octet-stream"  # then the server finds out what a file is
_TYPES: Final = {
    ".md": "text/markdown",
    ".wav": "audio/wav",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".mkv": "video/x-matroska",
}
_STORED: Final = 'query ($id: ID!) { temporalDataObject(id: $id) { primaryAsset(assetType: "media") { contentType } } }'


class UnusableFile(ValueError):
    """There is nothing to upload. The message says why."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """Text or audio (`medium`), and the media type."""

    medium: str
    media_type: str


def check(path: Path) -> None:
    """Raises UnusableFile if there is nothing to upload. What a file is, its server finds out."""
    if path.is_dir():
        raise UnusableFile(f"{path} is a folder; give a file.")
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise UnusableFile(f"{path} cannot be read: {error.strerror}.") from None
    if is_empty:
        raise UnusableFile(f"{path} is empty.")


def kind_of(media_type: str) -> FileKind:
    """Returns the kind of a file of this media type. A video is worked on as audio."""
    return FileKind(AUDIO if media_type.startswith(("audio/", "video/")) else TEXT, media_type)


def kind_at(url: str) -> FileKind:
    """Returns the likely kind of what is at a URL, by the end of its path."""
    name = Path(url.partition("?")[0].partition("#")[0]).name
    return kind_of(_TYPES.get(Path(name).suffix.lower()) or mimetypes.guess_type(name)[0] or "text/plain")


def stored_kind(client: ServerConnection, target_id: str) -> FileKind:
    """Returns the kind of a target's primary asset, as its server knows it. Raises RequestFailed."""
    answer = client.graphql(_STORED, {"id": target_id})
    asset = answer["temporalDataObject"]["primaryAsset"]
    return kind_of(asset["contentType"] if asset else ANY)


def upload(client: ServerConnection, path: Path, media_type: str | None = None) -> str:
    """The file is the primary asset of a new target. Returns the target's id.

    Without a media type, the server finds it. Raises UnusableFile, OSError, RequestFailed.
    """
    check(path)
    media_type = media_type or ANY
    answer = client.graphql_with_file(upload_query(path.name, media_type), path, name=path.name, media_type=media_type)
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
