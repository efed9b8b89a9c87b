"""What an engine takes of a machine besides a worker slot, and what a machine has."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

_UNITS: Final = {"cpus": "CPU", "gpus": "GPU", "memory_mb": "MB of memory"}


class Resources(msgspec.Struct, frozen=True, omit_defaults=True):
    """Amounts of an item, or of a machine. `labels` are resources with a name of their own, such as a licence.

    An engine that takes nothing is not counted, and runs on every machine with a free worker slot.
    """

    cpus: float = 0.0
    gpus: float = 0.0
    memory_mb: int = 0
    labels: dict[str, float] = {}

    def amounts(self) -> dict[str, float]:
        """Returns the amounts that are not 0, by their names."""
        plain = {"cpus": self.cpus, "gpus": self.gpus, "memory_mb": float(self.memory_mb), **self.labels}
        return {name: amount for name, amount in plain.items() if amount}

    def fits(self, free: "Resources") -> bool:
        """True if all of this is there."""
        return not self.lacking(free)

    def lacking(self, free: "Resources") -> list[str]:
        """Returns the names of the resources of which there is not enough."""
        there = free.amounts()
        return [name for name, amount in self.amounts().items() if amount > there.get(name, 0.0)]

    def without(self, taken: "Resources") -> "Resources":
        """Returns what is left."""
        return self._with(taken, -1)

    def with_(self, more: "Resources") -> "Resources":
        """Returns both together."""
        return self._with(more, 1)

    def _with(self, other: "Resources", sign: int) -> "Resources":
        names = self.labels.keys() | other.labels.keys()
        labels = {name: self.labels.get(name, 0.0) + sign * other.labels.get(name, 0.0) for name in names}
        return Resources(
            self.cpus + sign * other.cpus,
            self.gpus + sign * other.gpus,
            self.memory_mb + sign * other.memory_mb,
            {name: amount for name, amount in labels.items() if amount},
        )


NOTHING: Final = Resources()


class Room:
    """What a claim may still take: the free resources, and the needs of the engines. An engine without needs fits.

    Of an engine in `most` only so many items fit, whatever is free: its worker knows more about it.
    """

    def __init__(
        self, free: Resources, needs: Mapping[str, Resources], most: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self.free = free
        self.needs = needs
        self.most = most

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Room) and (self.free, self.needs, self.most) == (other.free, other.needs, other.most)

    __hash__ = None  # type: ignore[assignment]

    def fits(self, engine_id: str) -> bool:
        """True if one item of the engine fits."""
        return self.most.get(engine_id, 1) > 0 and self.needs.get(engine_id, NOTHING).fits(self.free)

    def first_that_fit(self, engine_ids: Iterable[str]) -> list[bool]:
        """Returns for each of these items, in their order, whether it fits beside those before it."""
        free, found, taken = self.free, list[bool](), Counter[str]()
        for engine_id in engine_ids:
            need = self.needs.get(engine_id, NOTHING)
            found.append(taken[engine_id] < self.most.get(engine_id, taken[engine_id] + 1) and need.fits(free))
            if found[-1]:
                free = free.without(need)
                taken[engine_id] += 1
        return found


def sentence(needs: Resources, lacking: Iterable[str]) -> str:
    """Returns what an engine needs of the resources that nobody has, in words."""
    amounts = needs.amounts()
    return " and ".join(f"{amounts[name]:g} {_UNITS.get(name, name)}" for name in lacking)
