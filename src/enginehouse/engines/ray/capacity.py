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
    alone = placement.without(nodes, [*busy, *idle])
    own = placement.total([*(node.free for node in alone), *starting])
    if is_away:
        unable = {f"the Ray cluster at {address} does not answer": tuple(sorted(needs))}
        return ExecutorCapacity(calls=at_work, resources=own, most=dict.fromkeys(needs, 0), unable=unable)
    room = _rooms(needs, placement.without(nodes, idle)) | dict.fromkeys(closed, 0)
    left = max(0, min(most - at_work, max(room.values(), default=0)))
    return ExecutorCapacity(
        calls=at_work + left,
        resources=own,
        most={engine_id: max(0, number - waiting) for engine_id, number in room.items() if number - waiting < left},
        unable=_unable(needs, alone, closed, address, are_starting=bool(starting)),
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
    closed: Mapping[str, str],
    address: str,
    *,
    are_starting: bool,
) -> dict[str, tuple[str, ...]]:
    """Returns the engines that find no room though the worker has no other host, by the sentence that says so.

    It is not known on which nodes those are that start.
    """
    found = defaultdict[str, list[str]](list)
    room = _rooms(needs, nodes)
    for engine_id, takes in needs.items():
        if (why := closed.get(engine_id)) is not None:
            found[why[0].lower() + why[1:].rstrip(".")].append(engine_id)
        elif not room[engine_id]:
            could = any(takes.fits(node.total) for node in nodes)
            if not (could and are_starting):
                what = sentence(takes, takes.amounts()) + (" free" if could else "")
                found[f"no node of the Ray cluster at {address} has {what}"].append(engine_id)
    return {why: tuple(sorted(engine_ids)) for why, engine_ids in found.items()}


def _rooms(needs: Mapping[str, Resources], nodes: Sequence[Node]) -> dict[str, int]:
    """Returns how many hosts of each engine find room. Many engines take the same."""
    free = placement.free(nodes)
    counted: dict[tuple[tuple[str, float], ...], int] = {}
    found = dict[str, int]()
    for engine_id, takes in needs.items():
        key = tuple(takes.amounts().items())
        if key not in counted:
            counted[key] = placement.hosts(takes, free)
        found[engine_id] = counted[key]
    return found
