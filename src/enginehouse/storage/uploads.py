"""Bytes that were put to a signed URL, and wait until an asset claims them."""

from typing import Final, NamedTuple

from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class StoredUpload(NamedTuple):
    """Uploaded bytes, with their key and digests. `asset_id` is the asset that has claimed them."""

    id: str
    content_type: str
    storage_key: str
    size: int
    sha256: str
    md5: str
    asset_id: str | None = None


_BY_ID: Final = Select("uploads.by_id", StoredUpload)
_LOCK: Final = Select("uploads.lock", StoredUpload)


class Claimed(Exception):
    """The bytes belong to an asset already. The message is its id."""


async def put(tx: Tx, organization_id: int, new: StoredUpload, *, expires_at: int) -> str | None:
    """The upload has these bytes. Returns the key of those that they replace. Raises Claimed."""
    fields = new._asdict()
    del fields["asset_id"]
    fields |= {"organization_id": organization_id, "now": tx.now}
    if await tx.run("uploads.insert", **fields, expires_at=expires_at):
        return None
    before = await _LOCK.one(tx, id=new.id, organization_id=organization_id)
    if before is None or before.asset_id is not None:
        raise Claimed(before.asset_id if before else "")
    await tx.run("uploads.replace", **fields)
    return before.storage_key


async def by_id(tx: Tx, organization_id: int, upload_id: str) -> StoredUpload | None:
    return await _BY_ID.one(tx, id=upload_id, organization_id=organization_id)


async def claim(tx: Tx, organization_id: int, upload_id: str, asset_id: str) -> StoredUpload | None:
    """The bytes belong to the new asset. Returns them, None if there are none. Raises Claimed."""
    found = await _LOCK.one(tx, id=upload_id, organization_id=organization_id)
    if found is None:
        return None
    if found.asset_id is not None:
        raise Claimed(found.asset_id)
    await tx.run("uploads.claim", id=upload_id, organization_id=organization_id, asset_id=asset_id)
    return found


async def prune(tx: Tx, *, now: int, limit: int) -> tuple[int, list[str]]:
    """Deletes uploads whose time is over. Returns how many, and the keys of the bytes that nobody has claimed."""
    due = [upload_id for (upload_id,) in await tx.all("uploads.due", now=now, limit=limit)]
    rows = await tx.all("uploads.delete", ids=due) if due else []
    return len(rows), [key for key, asset_id in rows if asset_id is None]
