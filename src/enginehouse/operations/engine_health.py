"""Records what workers learn about engines over HTTP, and says which engines are unavailable."""

from collections.abc import Callable

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.engine_health import EngineHealth, HealthEvent
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import engine_health as storage
from enginehouse.storage.database.database import Tx

_LONGEST_REASON = 500
_AT_ONCE = 64
_MICROS = 1_000_000
_LOOK_SECONDS = 5.0  # another server may find an engine unavailable and then vanish


async def read(house: House, engine_id: str) -> EngineHealth:
    """Returns the engine's health. For workers."""
    return await house.database.glance(lambda tx: storage.read(tx, engine_id))


async def record(house: House, engine_id: str, event: HealthEvent, reason: str | None, *, probed: bool) -> None:
    """Stores what a worker has learned. From this commit on no work of an unavailable engine starts."""
    text = None if reason is None else reason.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    short = text if text is None or len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}…"
    new = await house.database.write(lambda tx: storage.record(tx, engine_id, event, short, probed=probed))
    if new.until is None:
        house.waiting()
    else:
        house.listeners.unavailable()


async def take_due(house: House, offered: Callable[[EngineSpec], bool]) -> tuple[list[EngineSpec], float]:
    """Returns the engines that the calling worker probes now, and the seconds until it should look again.

    It probes only those whose work it takes: another machine may not reach an engine.
    """
    over_http = [engine.spec for engine in house.catalogue.by_id.values() if engine.spec.address is not None]
    own = sorted({spec.id for spec in over_http if offered(spec)})
    if not own:
        return [], _LOOK_SECONDS

    async def look(tx: Tx) -> tuple[int | None, int]:
        return await storage.next_probe(tx, own), await tx.read_clock()

    at, now = await house.database.glance(look)
    if at is None:
        return [], _LOOK_SECONDS
    if at > now:
        return [], min(_LOOK_SECONDS, (at - now) / _MICROS)
    due = await house.database.write(lambda tx: storage.take_due(tx, own, _AT_ONCE))
    known = [house.catalogue.by_id[engine_id].spec for engine_id in due if engine_id in house.catalogue.by_id]
    return [spec for spec in known if spec.address is not None], 0.0


async def unavailable(house: House, principal: Principal) -> dict[str, EngineHealth]:
    """Returns the unavailable ones of the engines that the caller may see."""
    require(principal, Role.READER)
    return await house.database.read(lambda tx: storage.unavailable(tx, principal.organization_id))
