"""Where hosts find room on the nodes of a cluster. Pure: it counts, and what it counts may be a moment old."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.engine import EngineSpec

MANY: Final = 1_000_000  # hosts of an engine that takes nothing
_TINY: Final = 1e-6  # amounts are sums of fractions
_OWN: Final = ("node:", "object_store_memory", "bundle_group")  # amounts that Ray keeps for itself


class Node(NamedTuple):
    """A node of the cluster: its amounts in all, and what nobody has taken of them."""

    id: str
    total: Resources
    free: Resources


class HostPlace(NamedTuple):
    """What a host takes on which node. `key` says which host it is."""

    key: int
    node: str
    takes: Resources


def needs(spec: EngineSpec) -> Resources:
    """Returns what a host of the engine takes: what its items take, and a core if they name neither cores nor GPUs."""
    takes = spec.resources
    return takes if takes.cpus or takes.gpus else takes.with_(Resources(cpus=1.0))


def options(takes: Resources) -> dict[str, Any]:
    """Returns the same as options of a Ray actor."""
    return {
        "num_cpus": takes.cpus,
        "num_gpus": takes.gpus,
        "memory": takes.memory_mb << 20,
        "resources": dict(takes.labels),
    }


def bundle(takes: Resources) -> dict[str, float]:
    """Returns the same as Ray's autoscaler wants it."""
    plain = {"CPU": takes.cpus, "GPU": takes.gpus, "memory": float(takes.memory_mb << 20), **takes.labels}
    return {name: amount for name, amount in plain.items() if amount}


def amounts(of_ray: Mapping[str, float]) -> Resources:
    """Returns amounts that Ray tells of a node."""
    known = {name: amount for name, amount in of_ray.items() if not name.startswith(_OWN)}
    return Resources(
        known.pop("CPU", 0.0),
        known.pop("GPU", 0.0),
        int(known.pop("memory", 0.0)) >> 20,
        {name: amount for name, amount in known.items() if amount},
    )


def total(places: Iterable[Resources]) -> Resources:
    """Returns the sum."""
    found = NOTHING
    for each in places:
        found = found.with_(each)
    return found


def hosts(takes: Resources, free: Iterable[Mapping[str, float]]) -> int:
    """Returns how many hosts that take so much find room on nodes with these free amounts."""
    wanted = takes.amounts()
    if not wanted:
        return MANY
    names = list(wanted)
    # The nodes of a cluster are often alike, as far as one engine is concerned.
    alike = Counter(tuple(there.get(name, 0.0) for name in names) for there in free)
    return sum(
        nodes * max(0, min(int(amount / wanted[name] + _TINY) for name, amount in zip(names, there, strict=True)))
        for there, nodes in alike.items()
    )


def free(nodes: Iterable[Node]) -> list[dict[str, float]]:
    """Returns the free amounts of each node."""
    return [node.free.amounts() for node in nodes]


def without(nodes: Iterable[Node], gone: Iterable[HostPlace]) -> list[Node]:
    """Returns the nodes as they are when these hosts are gone."""
    back: dict[str, Resources] = {}
    for place in gone:
        back[place.node] = back.get(place.node, NOTHING).with_(place.takes)
    return [node._replace(free=node.free.with_(back[node.id])) if node.id in back else node for node in nodes]


def evictions(takes: Resources, nodes: Sequence[Node], idle: Sequence[HostPlace]) -> list[HostPlace]:
    """Returns the fewest hosts of one node that must go so that another finds room; none if it does, or never can.

    Of one node the first in `idle` go first.
    """
    found = list[HostPlace]()
    for node in nodes:
        left, gone = node.free, list[HostPlace]()
        for place in (place for place in idle if place.node == node.id):
            if hosts(takes, [left.amounts()]):
                break
            left = left.with_(place.takes)
            gone.append(place)
        if hosts(takes, [left.amounts()]):
            if not gone:
                return []
            if not found or len(gone) < len(found):
                found = gone
    return found
