"""Uploads: bytes that a program puts to a signed URL, and that a new asset then takes over without a copy."""

import re
import secrets
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from enginehouse.artifacts.integrity import Expected
from enginehouse.artifacts.store import Content, Stored
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Problem, Refusal, Unavailable
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.signatures import Purpose
from enginehouse.operations import bounds, signatures
from enginehouse.operations.audit import trail
from enginehouse.operations.file_types import TypedSource
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import uploads as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.uploads import StoredUpload

UPLOAD: Final = "Upload"
MOST: Final = 1_000  # URLs of one request
ANY_TYPE: Final = "application/octet-stream"
_MICROS: Final = 1_000_000
_PLACE: Final = re.compile(rf"https?://[^/?#]+{signatures.BASE}/upload/([0-9a-f]{{32}})(?:\?[^#]*)?")


class Offer(NamedTuple):
    """A place for one upload: where to put it, where to read it, until when (µs). `url` and `read` are signed paths."""

    id: str
    key: str
    url: str
    read: str
    place: str
    expires_at: int


async def offer(
    house: House,
    principal: Principal,
    count: int = 1,
    *,
    key: str | None = None,
    path: str | None = None,
) -> list[Offer]:
    """Returns places for `count` uploads. Nothing is stored before something is put there. Raises NotAllowed."""
    require(principal, Role.USER)
    problems = bounds.text("key", key, longest=bounds.LONGEST_NAME)
    problems += bounds.text("path", path, longest=bounds.LONGEST_NAME)
    if not 1 <= count <= MOST:
        problems.append(Problem("number", f"1–{MOST}, got {count}.", str(count), f"1–{MOST}"))
    bounds.refuse(problems)
    now = await house.database.peek(lambda tx: tx.read_clock())
    offers = []
    for _ in range(count):
        upload_id = secrets.token_hex(16)
        put = await signatures.signed_path(house, principal, Purpose.PUT_UPLOAD, upload_id, now=now)
        get = await signatures.signed_path(house, principal, Purpose.GET_UPLOAD, upload_id, now=now)
        name = "/".join(
            part.strip("/") for part in (f"uploads/{principal.organization_id}", path, upload_id, key) if part
        )
        expires_at = (now // _MICROS + house.limits.signed_url_seconds) * _MICROS
        offers.append(Offer(upload_id, name, put, get, f"{signatures.BASE}/upload/{upload_id}", expires_at))
    return offers


async def put(
    house: House,
    principal: Principal,
    upload_id: str,
    source: AsyncIterator[bytes],
    *,
    content_type: str,
    expires_at: int,
) -> Stored:
    """The bytes are durable, in place of any that were put to the same URL before. `principal` is from the signature.

    Nobody keeps them if no asset has claimed them for as long again as the URL worked. Raises TooLarge, and NotAllowed
    after an asset has claimed the bytes.
    """
    key = f"uploads/{principal.organization_id}/{upload_id}/{secrets.token_hex(8)}"
    typed = TypedSource(source, content_type)
    stored = await house.store.put(key, typed.content, max_bytes=house.limits.signed_upload_bytes)
    kept_until = expires_at + house.limits.signed_url_seconds * _MICROS
    new = StoredUpload(upload_id, await typed.media_type(), stored.key, stored.size, stored.sha256, stored.md5)
    entry = trail.entry(principal, "putUpload", object_type=UPLOAD, object_id=upload_id)

    async def add(tx: Tx) -> str | None:
        try:
            replaced = await storage.put(tx, principal.organization_id, new, expires_at=kept_until)
        except storage.Claimed as claimed:
            raise NotAllowed(f"What was uploaded here is asset {claimed}, and stays so. Request a new URL.") from None
        await entries.record(tx, [entry])
        return replaced

    try:
        replaced = await house.database.write(add)
    except Unavailable:
        raise  # the commit may have happened
    except Refusal:
        await house.store.delete([stored.key])
        raise
    if replaced is not None:
        await house.store.delete([replaced])
    return stored


async def get(house: House, principal: Principal, upload_id: str) -> StoredUpload:
    """Returns what was uploaded, also after an asset has claimed it. Raises NotFound."""
    require(principal, Role.USER)
    found, _ = await _found(house, principal, upload_id)
    return found


async def content(house: House, principal: Principal, upload_id: str) -> tuple[StoredUpload, Content]:
    """Returns the uploaded bytes, also after an asset has claimed them. Raises NotFound."""
    found, expected = await _found(house, principal, upload_id)
    try:
        return found, await house.integrity.content(expected)
    except NotFound:
        raise NotFound(UPLOAD, upload_id) from None


async def address(house: House, principal: Principal, upload_id: str) -> str | None:
    """Returns the address of the bytes at their store, if readers are sent there. Raises NotFound."""
    _, expected = await _found(house, principal, upload_id)
    try:
        return await house.address(expected)
    except NotFound:
        raise NotFound(UPLOAD, upload_id) from None


async def _found(house: House, principal: Principal, upload_id: str) -> tuple[StoredUpload, Expected]:
    found = await house.database.peek(lambda tx: storage.by_id(tx, principal.organization_id, upload_id))
    if found is None:
        raise NotFound(UPLOAD, upload_id)
    return found, Expected(found.storage_key, found.size, found.sha256)


def id_in(uri: str | None) -> str | None:
    """Returns the id of the upload whose URL this is, None if it is another URL."""
    match = None if uri is None else _PLACE.fullmatch(uri)
    return None if match is None else match[1]


async def named(house: House, organization_id: int, uri: str | None, *, origin: str) -> str | None:
    """Returns the id of the organization's upload that the URI names, None if it names something else.

    Raises InvalidInput if it is a URL of this server (`origin`) to which nothing was uploaded.
    """
    upload_id = id_in(uri)
    if uri is None or upload_id is None:
        return None
    if await house.database.peek(lambda tx: storage.by_id(tx, organization_id, upload_id)) is not None:
        return upload_id
    if origin and uri.startswith(f"{origin}/"):
        raise _nothing()
    return None


async def claim(tx: Tx, organization_id: int, upload_id: str, asset_id: str, *, md5: str | None) -> StoredUpload:
    """The new asset has the uploaded bytes. Raises InvalidInput if there are none, or another asset has them."""
    try:
        found = await storage.claim(tx, organization_id, upload_id, asset_id)
    except storage.Claimed as claimed:
        raise InvalidInput(f"what was uploaded there is asset {claimed} already.", "uri") from None
    if found is None:
        raise _nothing()
    if md5 and md5.lower() != found.md5:
        raise InvalidInput("the bytes that were uploaded have another MD5 sum.", "md5sum")
    return found


def _nothing() -> InvalidInput:
    return InvalidInput("nothing was uploaded to this URL, or it was not used in time.", "uri")


async def prune(house: House, *, now: int, limit: int = 200) -> int:
    """Deletes a bounded batch of uploads whose time is over, with bytes that nobody has claimed. Returns how many."""
    count, keys = await house.database.write(lambda tx: storage.prune(tx, now=now, limit=limit))
    await house.store.delete(keys)
    return count
