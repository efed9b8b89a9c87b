"""The periodic duties of a server, each with its own pause: apply bulk cancels, expire leases, prune old rows, seal."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.store_errors import StoreUnavailable
from enginehouse.operations import (
    attempt_bytes,
    bulk_act_batches,
    bulk_acts,
    bulk_cancels,
    exports,
    instances,
    job_rates,
    maintenance,
    outbox,
    token_uses,
    uploads,
)
from enginehouse.operations.audit import seals
from enginehouse.operations.house import House
from enginehouse.operations.token_usage import SECONDS
from enginehouse.runtime.loop import Loop

_BATCH: Final = 200
_KEYS: Final = 1000


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty that runs every `seconds`. `run` does a bounded batch and returns True if there is more to do at once."""

    name: str
    seconds: float
    run: Callable[[], Awaitable[bool]]

    def loop(self) -> Loop:
        """Returns the duty's own loop, so that a slow duty does not delay others."""
        return Loop(self.name, self._tick)

    async def _tick(self) -> float:
        return 0.0 if await self.run() else self.seconds


def loops(house: House) -> Sequence[Loop]:
    """Returns the loops of all duties. An accepted bulk cancel or act wakes the loop that carries it out."""
    apply, carry_out = _bulk_cancels(house).loop(), _bulk_acts(house).loop()
    house.listeners.accepted = apply.wake
    house.listeners.act_accepted = carry_out.wake
    others = (*_work(house), *_pruning(house), *_audit(house), *_outbox(house))
    return [apply, carry_out, *(duty.loop() for duty in others)]


def _bulk_cancels(house: House) -> Duty:
    return Duty("apply bulk cancels", 1.0, lambda: bulk_cancels.apply(house))


def _bulk_acts(house: House) -> Duty:
    return Duty("carry out acts on many jobs", 1.0, lambda: bulk_act_batches.apply(house))


def _work(house: House) -> list[Duty]:
    async def expire() -> bool:
        return await maintenance.expire_leases(house) >= _BATCH

    async def end_revoked() -> bool:
        await instances.end_revoked(house)
        return False

    async def store_logs() -> bool:
        try:
            await house.store.show_logs()
            return await house.store.flush()
        except StoreUnavailable:
            return False  # the store itself logs it

    return [
        Duty("expire leases", 1.0, expire),
        Duty("end leases of revoked workers", 1.0, end_revoked),
        Duty("store logs", 1.0, store_logs),
    ]


def _pruning(house: House) -> list[Duty]:
    history = maintenance.SlotHistory()

    async def jobs() -> bool:
        return await maintenance.prune(house, now=await maintenance.storage_time(house)) >= _BATCH

    async def keys() -> bool:
        return await maintenance.prune_keys(house, now=await maintenance.storage_time(house), limit=_KEYS) >= _KEYS

    async def unclaimed() -> bool:
        return await uploads.prune(house, now=await maintenance.storage_time(house), limit=_BATCH) >= _BATCH

    async def expired_exports() -> bool:
        return await exports.prune(house, now=await maintenance.storage_time(house), limit=_BATCH) >= _BATCH

    async def acts() -> bool:
        return await bulk_acts.prune(house, now=await maintenance.storage_time(house), limit=_BATCH) >= _BATCH

    async def unfinished() -> bool:
        now = await maintenance.storage_time(house)
        return await attempt_bytes.prune(house, now=now, limit=_BATCH) >= _BATCH

    async def usage() -> bool:
        await house.token_usage.store()
        return False

    async def uses() -> bool:
        await house.token_uses.store()
        return False

    async def slots() -> bool:
        return await history.prune(house, now=await maintenance.storage_time(house))

    async def old_rates() -> bool:
        return await job_rates.prune(house, now=await maintenance.storage_time(house))

    return [
        Duty("prune", 60.0, jobs),
        Duty("store token usage", SECONDS, usage),
        Duty("store uses of tokens", token_uses.SECONDS, uses),
        Duty("prune keys", 60.0, keys),
        Duty("prune uploads", 60.0, unclaimed),
        Duty("prune exports", 60.0, expired_exports),
        Duty("prune acts on many jobs", 60.0, acts),
        Duty("prune outputs of attempts", 60.0, unfinished),
        Duty("prune slots", 600.0, slots),
        Duty("prune rates", 600.0, old_rates),
    ]


def _outbox(house: House) -> list[Duty]:
    async def prune() -> bool:
        return await outbox.prune(house, now=await maintenance.storage_time(house))

    return [Duty("bound the outbox", 60.0, lambda: outbox.bound(house)), Duty("prune the outbox", 60.0, prune)]


def _audit(house: House) -> list[Duty]:
    async def prune() -> bool:
        return await seals.prune(house, now=await maintenance.storage_time(house))

    async def sum_up() -> bool:
        await house.refusals.sum_up()
        return False

    return [
        Duty("seal", seals.DISTANCE, seals.Sealing(house).turn),
        Duty("prune audit", 60.0, prune),
        Duty("sum up refusals", 10.0, sum_up),
    ]
