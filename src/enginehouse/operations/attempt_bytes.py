"""The bytes of an attempt on another machine: its inputs, outputs, log and assets. Each needs the attempt's lease."""

import re
from collections.abc import AsyncIterator
from typing import Final

from enginehouse.artifacts.store import Content, Stored
from enginehouse.domain.artifact import Artifact, Asset, log_key
from enginehouse.domain.errors import InvalidInput, NotFound, Problem, StaleAttempt, TooLarge
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import task_graphql
from enginehouse.domain.refs import Ref
from enginehouse.domain.store_errors import BytesMissing
from enginehouse.domain.work import ItemKey, Lease
from enginehouse.operations import artifacts, bounds, exchange, instances, target_assets
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.attempt_reports import folder_of
from enginehouse.operations.house import House
from enginehouse.operations.work import MICROS
from enginehouse.storage import artifacts as stored_artifacts
from enginehouse.storage import attempt_outputs
from enginehouse.storage.database.database import Tx

LOG_BYTES: Final = 1_048_576  # of one attempt
KEPT: Final = 86_400  # seconds for which bytes are kept that no result has taken over
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,120}")


class InputMissing(NotFound):
    """The store has no bytes of an input. A worker must know it from bytes that have changed."""

    def __init__(self, message: str) -> None:
        super().__init__("Input", "")
        self.message = message
        self.args = (message,)


async def lease(house: House, principal: Principal, instance_id: str, key: ItemKey, token: int) -> Lease:
    """Returns the lease, which the worker holds. Raises NotAllowed, NotFound (worker), StaleAttempt."""
    state = await instances.known(house, principal, instance_id)
    held = await exchange.leases_of(house, state, [(key, token)])
    if (key, token) not in held:
        raise StaleAttempt("The worker does not hold this lease: its time is over, or its job was cancelled.")
    return held[key, token]


async def put_output(
    house: House, held: Lease, name: str, source: AsyncIterator[bytes], *, sha256: str | None
) -> Stored:
    """The bytes are durable, under a key that has the fencing token, and not visible yet.

    The same upload again changes nothing. Raises InvalidInput for a wrong name, for bytes with another SHA-256, and if
    other bytes were uploaded under the name; TooLarge.
    """
    key = output_key(held, name)
    if (before := await refuse_other_bytes(house, key, sha256)) is not None:
        async for _ in source:
            pass  # the client can read the answer only after it has sent everything
        return before
    stored = await house.store.put(key, source, max_bytes=house.limits.signed_upload_bytes)
    if sha256 is not None and stored.sha256 != sha256:
        await house.store.delete([key])
        raise InvalidInput("the SHA-256 of what came is another one; send it again.", "Content-Digest")

    async def record(tx: Tx) -> None:
        new = attempt_outputs.UploadedOutput(stored.key, stored.size, stored.sha256, stored.md5)
        await attempt_outputs.put(tx, (held.key, held.token), new)

    await house.database.write(record)
    return stored


def output_key(held: Lease, name: str) -> str:
    """Returns the key of an output of the attempt, which has its fencing token. Raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput("1–120 letters, digits and . _ -", "name")
    return f"{folder_of(held)}/{name}"


async def refuse_other_bytes(house: House, key: str, sha256: str | None) -> Stored | None:
    """Returns what is stored under the key, None if nothing is. Raises InvalidInput for bytes with another SHA-256."""
    before = (await house.database.read(lambda tx: attempt_outputs.by_keys(tx, [key]))).get(key)
    if before is not None and before.sha256 != sha256:
        raise InvalidInput("other bytes were uploaded under this name.", "name")
    return None if before is None else Stored(*before)


async def append_log(house: House, held: Lease, offset: int, data: bytes) -> int:
    """The attempt's log from `offset` on is `data`. Returns where it ends. Raises InvalidInput, TooLarge, NotFound."""
    if not 0 <= offset <= LOG_BYTES:
        raise InvalidInput([Problem("offset", f"0–{LOG_BYTES}, got {offset}.", str(offset))])
    if offset + len(data) > LOG_BYTES:
        raise TooLarge(f"The log of an attempt has at most {LOG_BYTES} bytes.")
    try:
        return await house.store.append(log_key(held.organization_id, *held.key, held.attempt), offset, data)
    except ValueError:
        raise InvalidInput("bytes before it are missing.", "offset") from None


async def visible(house: House, held: Lease) -> tuple[Artifact, ...]:
    """Returns every visible result of the job so far."""
    return await artifacts.of_job(house, _principal(held), Ref.of(held.key.job_id))


async def artifact(house: House, held: Lease, ordinal: int, folder: int, item: int, part: int) -> Artifact:
    """Returns an output of the job. Raises NotFound."""
    key = (held.key.job_id, ordinal, folder, item, part)
    found = None
    if all(abs(number) < 1 << 31 for number in key[1:]):
        found = await house.database.peek(lambda tx: stored_artifacts.input_(tx, *key))
    if found is None:
        raise NotFound("Output", ".".join(map(str, key[1:])))
    return found


async def content(house: House, found: Artifact) -> Content:
    """Returns the bytes of an output. Raises InputMissing, IntegrityError."""
    try:
        return await artifacts.content(house, found)
    except BytesMissing as missing:
        raise InputMissing(missing.message) from None


async def primary_asset(house: House, held: Lease) -> Asset | None:
    """Returns the primary asset of the job's target, None if there is no target or no asset."""
    if held.target_id is None:
        return None
    return await target_assets.primary_asset(house, _principal(held), Ref.of(held.target_id))


async def asset_content(house: House, asset: Asset) -> Content:
    """Returns the bytes of an asset. Raises InputMissing, IntegrityError."""
    try:
        return await target_assets.content(house, asset)
    except BytesMissing as missing:
        raise InputMissing(missing.message) from None


async def create_asset(
    house: House,
    held: Lease,
    source: AsyncIterator[bytes],
    *,
    asset_type: str,
    content_type: str,
    name: str | None,
    as_primary: bool,
    replay_key: str,
) -> Asset | None:
    """The job's target has a new asset with these bytes, once per `replay_key` of the task. None without a target."""
    if held.target_id is None:
        return None
    own = f"{task_graphql(held.key.job_id, held.key.ordinal)}/"
    problems = bounds.text("replayKey", replay_key, longest=bounds.LONGEST_NAME, required=True)
    if not replay_key.startswith(own):
        problems.append(Problem("replayKey", f"must begin with {own}"))
    bounds.refuse(problems)
    new = AssetRequest(
        target=Ref.of(held.target_id),
        asset_type=asset_type,
        content_type=content_type,
        name=name,
        source=source,
        set_as_primary=as_primary,
        job_id=held.key.job_id,
        ordinal=held.key.ordinal,
        engine_id=held.engine_id,
    )
    return await target_assets.record_asset(house, held.organization_id, new, replay_key=replay_key)


async def prune(house: House, *, now: int, limit: int) -> int:
    """Deletes a bounded batch of uploads that no result has taken over within a day. Returns how many it looked at."""
    before = now - int((KEPT + house.limits.lease_seconds) * MICROS)
    unused, kept = await house.database.read(lambda tx: attempt_outputs.due(tx, before=before, limit=limit))
    if unused or kept:
        await house.store.delete(unused)
        await house.database.write(lambda tx: attempt_outputs.delete(tx, [*unused, *kept]))
    return len(unused) + len(kept)


def _principal(held: Lease) -> Principal:
    """Returns the principal of an attempt: the organization of its job, and no user."""
    return Principal(held.organization_id, None, "attempt", Role.USER)
