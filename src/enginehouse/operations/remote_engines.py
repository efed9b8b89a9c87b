"""What a worker on another machine needs to call engines over HTTP, and what it learns about them."""

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.engine_health import EngineHealth, HealthEvent
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal
from enginehouse.operations import engine_health, instances
from enginehouse.operations.engine_addresses import ENGINE
from enginehouse.operations.house import House


async def get(house: House, principal: Principal, instance_id: str, engine_id: str) -> tuple[EngineSpec, EngineHealth]:
    """Returns an engine over HTTP whose work the worker takes, with its health. Raises NotAllowed, NotFound."""
    spec = await _offered(house, principal, instance_id, engine_id)
    return spec, await engine_health.read(house, spec.id)


async def record_health(
    house: House,
    principal: Principal,
    instance_id: str,
    engine_id: str,
    event: HealthEvent,
    reason: str | None,
    *,
    probed: bool,
) -> None:
    """What the worker has learned about the engine counts for all workers. Raises NotAllowed, NotFound."""
    spec = await _offered(house, principal, instance_id, engine_id)
    await engine_health.record(house, spec.id, event, reason, probed=probed)


async def due_probes(house: House, principal: Principal, instance_id: str) -> tuple[list[EngineSpec], float]:
    """Returns the engines that the worker probes now, and the seconds until it should look again."""
    state = await instances.known(house, principal, instance_id)
    return await engine_health.take_due(house, lambda spec: spec.id in state.offers)


async def _offered(house: House, principal: Principal, instance_id: str, engine_id: str) -> EngineSpec:
    state = await instances.known(house, principal, instance_id)
    engine = house.catalogue.by_id.get(engine_id)
    if engine is None or engine.spec.address is None or engine.id not in state.offers:
        raise NotFound(ENGINE, engine_id[:80])
    return engine.spec
