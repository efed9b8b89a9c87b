"""Which items have room on a worker, by what their engines take."""

from collections.abc import Container, Mapping

from enginehouse.domain.resources import NOTHING, Resources, Room
from enginehouse.operations.house import House


def room(house: House, free: Resources, most: Mapping[str, int], offers: Container[str] | None = None) -> Room | None:
    """Returns the room for a claim with these free resources, and no more items of an engine than in `most`.

    None: no engine takes any, so everything has room. `offers`: the engines of the worker; None for all.
    """
    needs = {
        engine.spec.id: engine.spec.resources
        for engine in house.catalogue.by_id.values()
        if engine.spec.resources != NOTHING and (offers is None or engine.spec.id in offers)
    }
    return Room(free, needs, most) if needs or most else None
