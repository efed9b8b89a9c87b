"""Requests for assets: checks the description, and stores the bytes before a row names them."""

import secrets
import string
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from enginehouse.artifacts.store import Stored
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.refs import Ref
from enginehouse.operations import bounds
from enginehouse.operations.file_types import TypedSource
from enginehouse.operations.house import House
from enginehouse.operations.uploads import ANY_TYPE
from enginehouse.storage.target_assets import NewAsset
from enginehouse.storage.uploads import StoredUpload
from enginehouse.text.file_type import file_type
from enginehouse.text.media_types import is_written

NOTHING_GIVEN: Final = "One of uri or file (upload) must be provided to create an asset."

_LONGEST_URI: Final = 8192
_ALPHABET: Final = string.ascii_letters + string.digits


NOBODY: Final = Ref.of(0)  # stands for the target that is created together with the asset


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRequest:
    """An asset to create from `source`, or as a reference to an http(s) `uri`.

    `target` is its target. `origin` is the address of this server: a `uri` there may name an upload, whose bytes the
    asset takes over. `md5` is the client's checksum of the bytes, and is checked. `job_id`, `ordinal` and
    `engine_id` name the task that made it.
    """

    target: Ref = NOBODY
    asset_type: str = "media"
    content_type: str = ANY_TYPE
    name: str | None = None
    description: str | None = None
    uri: str | None = None
    origin: str = ""
    source: bytes | Path | AsyncIterator[bytes] | None = None
    md5: str | None = None
    set_as_primary: bool = False
    details: Any = None
    job_id: int | None = None
    ordinal: int | None = None
    engine_id: str | None = None
    echo: dict[str, Any] = field(default_factory=dict)


def new_id(target_id: int) -> str:
    return f"{target_id}_{''.join(secrets.choice(_ALPHABET) for _ in range(10))}"


def problems(new: AssetRequest) -> list[Problem]:
    """Returns everything that is wrong with the description."""
    result = [] if new.uri or new.source is not None else [Problem("", NOTHING_GIVEN)]
    result += bounds.text("assetType", new.asset_type, longest=bounds.LONGEST_NAME, required=True)
    result += bounds.text("name", new.name, longest=bounds.LONGEST_NAME)
    result += bounds.text("description", new.description)
    result += bounds.json("details", new.details)
    # It is sent again as a header, where a line break would begin another header.
    media_type = new.content_type
    if not (media_type.isascii() and media_type.isprintable() and "/" in media_type and len(media_type) <= 255):
        result.append(Problem("contentType", 'must be a media type like "video/mp4".'))
    if new.uri and not _is_web_address(new.uri):
        result.append(Problem("uri", "must be an http or https URL."))
    return result


def _is_web_address(uri: str) -> bool:
    if len(uri) > _LONGEST_URI or not uri.isprintable() or " " in uri or not bounds.storable(uri):
        return False
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


async def keep_bytes(
    house: House, organization_id: int, target_id: int, asset_id: str, new: AssetRequest, *, max_bytes: int | None
) -> tuple[Stored | None, AssetRequest]:
    """Stores the bytes durably under the asset's own key. Returns them, if there are any, and the asset with its type.

    Raises TooLarge above `max_bytes`, and InvalidInput if the bytes do not match `new.md5`.
    """
    if new.source is None:
        return None, new
    key = f"assets/{organization_id}/{target_id}/{asset_id}/bytes"
    source = TypedSource(new.source, new.content_type, new.name)
    stored = await house.store.put(key, source.content, max_bytes=max_bytes)
    if new.md5 and new.md5.lower() != stored.md5:
        await drop_bytes(house, stored)
        raise InvalidInput("the bytes that arrived have another MD5 sum.", "md5sum")
    return stored, replace(new, content_type=await source.media_type())


async def drop_bytes(house: House, stored: Stored | None) -> None:
    """Deletes stored bytes that no asset names."""
    if stored is not None:
        await house.store.delete([stored.key])


def taken_over(row: NewAsset, upload: StoredUpload) -> NewAsset:
    """Returns the row with the bytes of the upload in place of its URI, and with its media type if it has no other."""
    content_type = row.content_type
    if content_type == ANY_TYPE:  # its bytes were looked at when they arrived, without this name
        named = file_type(b"", upload.content_type, row.name or "")
        content_type = ANY_TYPE if upload.content_type == ANY_TYPE and is_written(named) else named
    return replace(
        row,
        uri=None,
        key=upload.storage_key,
        size=upload.size,
        sha256=upload.sha256,
        md5=upload.md5,
        content_type=content_type,
    )


def row(
    new: AssetRequest,
    *,
    asset_id: str,
    organization_id: int,
    target_id: int,
    stored: Stored | None,
    replay_key: str | None = None,
) -> NewAsset:
    """Returns the row of the asset."""
    kept: dict[str, Any] = {}
    if stored is not None:
        kept = {"key": stored.key, "size": stored.size, "sha256": stored.sha256, "md5": stored.md5}
    return NewAsset(
        id=asset_id,
        target_id=target_id,
        organization_id=organization_id,
        asset_type=new.asset_type,
        content_type=new.content_type,
        name=new.name,
        description=new.description,
        uri=new.uri,
        is_primary=new.set_as_primary,
        job_id=new.job_id,
        ordinal=new.ordinal,
        engine_id=new.engine_id,
        replay_key=replay_key,
        details=new.details,
        echo=new.echo,
        **kept,
    )
