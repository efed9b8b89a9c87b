"""What a worker can run on its cluster now, and what it would like the cluster to have. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from enginehouse.domain.resources import Resources, sentence
from enginehouse.engines.python_executor import ExecutorCapacity
from enginehouse.engines.ray import placement
from enginehouse.engines.ray.placement import HostPlace, Node


def of(
    needs: Mapping[str, Resources],
    nodes: Sequence[Node],
    *,
    busy: Sequence[HostPlace],
    idle: Sequence[HostPlace],
    starting: Sequence[Resources],
    most: int,
    waiting: int,
    closed: Mapping[str, str],
    address: str,
    is_away: bool,
) -> ExecutorCapacity:
    """Returns what at most `most` hosts can run: `busy` ones have a call, `starting` ones will, and `idle` ones can go.

    `waiting`: calls that have no host. `closed`: engines whose hosts could not start a moment ago, and why.
    """
    at_work = len(busy) + len(starting)
    own = placement.total([*placement.with_room(nodes, [*busy, *idle]), *starting])
    if is_away:
        unable = {f"the Ray cluster at {address} does not answer": tuple(sorted(needs))}
        return ExecutorCapacity(calls=at_work, resources=own, most=dict.fromkeys(needs, 0), unable=unable)
    free = placement.with_room(nodes, idle)
    room = {engine_id: placement.hosts(takes, free) for engine_id, takes in needs.items()}
    room |= dict.fromkeys(closed, 0)
    left = max(0, min(most - at_work, max(room.values(), default=0)))
    return ExecutorCapacity(
        calls=at_work + left,
        resources=own,
        most={engine_id: max(0, number - waiting) for engine_id, number in room.items() if number - waiting < left},
        unable=_unable(
            needs, nodes, placement.with_room(nodes, [*busy, *idle]), closed, address, are_starting=bool(starting)
        ),
    )


def bundles(
    needs: Mapping[str, Resources], demand: Mapping[str, int], *, at_work: Sequence[HostPlace], most: int
) -> list[dict[str, float]]:
    """Returns what the cluster should have room for: nothing if nothing waits, else what runs and what waits.

    It is no more than `most` hosts. The engines that wait take turns.
    """
    waiting = {engine_id: number for engine_id, number in demand.items() if engine_id in needs and number > 0}
    if not waiting:
        return []
    found = [placement.bundle(place.takes) for place in at_work[:most]]
    while waiting and len(found) < most:
        for engine_id in sorted(waiting):
            if len(found) < most:
                found.append(placement.bundle(needs[engine_id]))
        waiting = {engine_id: number - 1 for engine_id, number in waiting.items() if number > 1}
    return found


def _unable(
    needs: Mapping[str, Resources],
    nodes: Sequence[Node],
    there: Sequence[Resources],
    closed: Mapping[str, str],
    address: str,
    *,
    are_starting: bool,
) -> dict[str, tuple[str, ...]]:
    """Returns the engines that find no room even alone, by the sentence that says so.

    It is not known on which nodes those are that start.
    """
    found = defaultdict[str, list[str]](list)
    for engine_id, takes in needs.items():
        if (why := closed.get(engine_id)) is not None:
            found[why[0].lower() + why[1:].rstrip(".")].append(engine_id)
        elif not placement.hosts(takes, there):
            could = placement.hosts(takes, [node.total for node in nodes]) > 0
            if not (could and are_starting):
                what = sentence(takes, takes.amounts()) + (" free" if could else "")
                found[f"no node of the Ray cluster at {address} has {what}"].append(engine_id)
    return {why: tuple(sorted(engine_ids)) for why, engine_ids in found.items()}
