"""Targets and their assets: what jobs work on, and what they leave there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from enginehouse.client import files
from enginehouse.client.failure import Json, RequestFailed
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import v1

_ASSET: Final = "id name assetType contentType assetSize createdDateTime uri containerId"
_TARGET: Final = (
    f"id name description status isPublic createdDateTime modifiedDateTime assetCount "
    f'primaryAsset(assetType: "media") {{ {_ASSET} }}'
)
_LIST: Final = f"""query($limit: Int, $offset: Int) {{
  temporalDataObjects(limit: $limit, offset: $offset, orderBy: createdDateTime) {{
    count limit offset records {{ {_TARGET} }} }} }}"""
_ONE: Final = f"""query($id: ID!) {{ temporalDataObject(id: $id) {{
  {_TARGET} details jobs(limit: 20) {{ count records {{ id status createdDateTime }} }} }} }}"""
_ASSETS: Final = f"""query($id: ID!, $limit: Int, $offset: Int) {{ temporalDataObject(id: $id) {{
  assets(limit: $limit, offset: $offset) {{ count limit offset records {{ {_ASSET} }} }} }} }}"""
_DELETE: Final = "mutation($id: ID!) { deleteTDO(id: $id) { id } }"
_GET_ASSET: Final = f"query($id: ID!) {{ asset(id: $id) {{ {_ASSET} description details }} }}"
_DELETE_ASSET: Final = "mutation($id: ID!) { deleteAsset(id: $id) { id } }"


def page(client: ServerConnection, *, limit: int = 20, offset: int = 0) -> Json:
    """Returns `records` of targets, newest first, and the `count` of all. Raises RequestFailed."""
    found: Json = client.graphql(_LIST, {"limit": limit, "offset": offset})["temporalDataObjects"]
    return found


def get(client: ServerConnection, target_id: str) -> Json:
    """Returns the target, with its primary asset and its newest jobs. Raises RequestFailed."""
    found: Json | None = client.graphql(_ONE, {"id": target_id})["temporalDataObject"]
    if found is None:
        raise RequestFailed("not_found", f'Target "{target_id}" was not found.')
    return found


def delete(client: ServerConnection, target_id: str) -> None:
    """The target is gone, and its assets with it. Raises RequestFailed."""
    client.graphql(_DELETE, {"id": target_id})


def assets(client: ServerConnection, target_id: str, *, limit: int = 20, offset: int = 0) -> Json:
    """Returns `records` of a target's assets, newest first, and the `count` of all. Raises RequestFailed."""
    answer = client.graphql(_ASSETS, {"id": target_id, "limit": limit, "offset": offset})["temporalDataObject"]
    if answer is None:
        raise RequestFailed("not_found", f'Target "{target_id}" was not found.')
    found: Json = answer["assets"]
    return found


def add_asset(
    client: ServerConnection, target_id: str, path: Path, *, media_type: str | None = None, asset_type: str = "media"
) -> Json:
    """The file is another asset of the target. Returns it. Raises UnusableFile, OSError, RequestFailed.

    Without a media type, the server finds it.
    """
    files.check(path)
    kind = media_type or files.ANY
    fields = {"containerId": target_id, "contentType": kind, "assetType": asset_type, "name": path.name}
    written = ", ".join(f"{name}: {json.dumps(value)}" for name, value in fields.items())
    query = f"mutation {{ createAsset(input: {{{written}}}) {{ {_ASSET} }} }}"
    made: Json = client.graphql_with_file(query, path, name=path.name, media_type=kind)["createAsset"]
    return made


def asset(client: ServerConnection, asset_id: str) -> Json:
    """Returns the asset as it is now. Raises RequestFailed."""
    found: Json | None = client.graphql(_GET_ASSET, {"id": asset_id})["asset"]
    if found is None:
        raise RequestFailed("not_found", f'Asset "{asset_id}" was not found.')
    return found


def asset_bytes(client: ServerConnection, asset_id: str) -> Iterator[bytes]:
    """Yields the bytes of an asset, block by block. Raises RequestFailed."""
    return client.stream(v1("asset", asset_id, "content"))


def delete_asset(client: ServerConnection, asset_id: str) -> None:
    """The asset is gone. Raises RequestFailed."""
    client.graphql(_DELETE_ASSET, {"id": asset_id})
