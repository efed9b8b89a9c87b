"""What stands in the way of whom: weights, limits, pauses, and how many leases there are."""

from dataclasses import replace

from enginehouse.domain.quotas import Lane, Standing
from enginehouse.storage.database.database import Tx


async def read(tx: Tx) -> Standing:
    """The whole standing, as this transaction sees it."""
    return await count_live(tx, await read_settings(tx))


async def read_settings(tx: Tx) -> Standing:
    """What operators have set; nothing is counted."""
    weights, limits, paused = dict[int, int](), dict[int, int](), list[int]()
    for organization_id, weight, limit, paused_at in await tx.all("quotas.organizations"):
        weights[organization_id] = weight
        if limit is not None:
            limits[organization_id] = limit
        if paused_at is not None:
            paused.append(organization_id)
    engine_limits, paused_engines = dict[str, int](), list[str]()
    for engine_id, state, limit in await tx.all("quotas.engines"):
        if limit is not None:
            engine_limits[engine_id] = limit
        if state != "active":  # a disabled engine starts nothing either
            paused_engines.append(engine_id)
    return Standing(weights, limits, engine_limits, frozenset(paused), frozenset(paused_engines))


async def count_live(tx: Tx, standing: Standing) -> Standing:
    """The same standing with the leases there are now."""
    rows = await tx.all("quotas.live")
    return replace(standing, live={Lane(organization_id, engine_id): int(n) for organization_id, engine_id, n in rows})
