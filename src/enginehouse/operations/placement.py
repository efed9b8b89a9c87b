"""Which items have room on a worker, by what their engines take."""

from enginehouse.domain.resources import NOTHING, Resources, Room
from enginehouse.operations.house import House


def room(house: House, free: Resources) -> Room | None:
    """Returns the room for a claim with these free resources. None: no engine takes any, so everything has room."""
    needs = {
        engine.spec.id: engine.spec.resources
        for engine in house.catalogue.by_id.values()
        if engine.spec.resources != NOTHING
    }
    return Room(free, needs) if needs else None
