"""Exports: a zip with the results of engines and the media of targets."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from enginehouse.client import files
from enginehouse.client.failure import Json
from enginehouse.client.http import ServerConnection

_PAUSE: Final = 0.5  # seconds between two questions
_FIELDS: Final = """id status message size createdDateTime modifiedDateTime expiresDateTime assetUri
    progress { files filesDone bytes bytesDone }"""
_CREATE: Final = f"mutation($in: CreateExportRequest!) {{ createExportRequest(input: $in) {{ {_FIELDS} }} }}"
_GET: Final = f"query($id: ID!) {{ exportRequest(id: $id) {{ {_FIELDS} }} }}"
_LIST: Final = f"query($limit: Int) {{ exportRequests(limit: $limit) {{ records {{ {_FIELDS} }} }} }}"


def create(
    client: ServerConnection, target_ids: Sequence[str], outputs: Sequence[Json] = (), *, media: bool = False
) -> Json:
    """Requests an export. `outputs` are its outputConfigurations. Returns it. Raises RequestFailed."""
    targets = [{"tdoId": target_id} for target_id in target_ids]
    wanted = {"tdoData": targets, "includeMedia": media, "outputConfigurations": list(outputs)}
    made: Json = client.graphql(_CREATE, {"in": wanted})["createExportRequest"]
    return made


def get(client: ServerConnection, export_id: str) -> Json:
    """Returns the export. Raises RequestFailed."""
    found: Json = client.graphql(_GET, {"id": export_id})["exportRequest"]
    return found


def newest(client: ServerConnection, limit: int = 100) -> list[Json]:
    """Returns the newest exports. Raises RequestFailed."""
    records: list[Json] = client.graphql(_LIST, {"limit": limit})["exportRequests"]["records"]
    return records


def follow(client: ServerConnection, export_id: str) -> Iterator[Json]:
    """Yields the export again and again until it is not incomplete any more. Raises RequestFailed."""
    while (export := get(client, export_id))["status"] == "incomplete":
        yield export
        time.sleep(_PAUSE)
    yield export


def save(client: ServerConnection, export: Json, path: Path) -> None:
    """The zip of the complete export is in the file. Raises RequestFailed, and OSError when it cannot be written."""
    place = urlsplit(export["assetUri"])
    # The server may be known here by another address than the one that it knows itself.
    files.write(client.stream(f"{place.path}?{place.query}"), path)
