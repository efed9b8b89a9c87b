"""The health of engines over HTTP in storage. All servers share it."""

from collections.abc import Sequence
from typing import Final

from enginehouse.domain import engine_health
from enginehouse.domain.engine_health import HEALTHY, EngineHealth, HealthEvent
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_READ: Final = Select("engine_health.read", EngineHealth)
_LOCK: Final = Select("engine_health.lock", EngineHealth)


async def read(tx: Tx, engine_id: str) -> EngineHealth:
    """Returns the engine's health; that of an unknown engine is good."""
    return await _READ.one(tx, id=engine_id) or HEALTHY


async def record(tx: Tx, engine_id: str, event: HealthEvent, reason: str | None, *, probed: bool) -> EngineHealth:
    """Stores the engine's health after the event, and returns it."""
    now = await tx.read_clock()
    health = await _LOCK.one(tx, id=engine_id)
    if health is None:
        return HEALTHY
    new = engine_health.after(health, event, reason, now=now, probed=probed)
    if new != health:
        await tx.run("engine_health.put", id=engine_id, **new._asdict())
    return new


async def take_due(tx: Tx, engines: Sequence[str], limit: int) -> list[str]:
    """Returns up to `limit` of these engines to probe now. No other worker probes them for a while."""
    now = await tx.read_clock()
    due = [engine_id for (engine_id,) in await tx.all("engine_health.due", engines=engines, now=now, limit=limit)]
    await tx.many("engine_health.take", [(engine_id, now + engine_health.PROBE_MICROS) for engine_id in due])
    return due


async def next_probe(tx: Tx, engines: Sequence[str]) -> int | None:
    """Returns when the next probe of one of these engines is due (µs), None if all are available."""
    [(at,)] = await tx.all("engine_health.next", engines=engines)
    return None if at is None else int(at)


async def unavailable(tx: Tx, organization_id: int) -> dict[str, EngineHealth]:
    """Returns the unavailable ones of the engines that the organization may see."""
    rows = await tx.all("engine_health.unavailable", organization_id=organization_id)
    return {engine_id: EngineHealth(until, reason, probes) for engine_id, until, reason, probes in rows}
