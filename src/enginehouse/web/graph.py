"""Where the tasks of a job's graph stand in its picture: in layers from left to right, with few crossings. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

NODE_WIDTH: Final = 184
NODE_HEIGHT: Final = 46
_ACROSS: Final = 56  # between two layers
_DOWN: Final = 18  # between two nodes
_EDGE: Final = 12  # around the picture
_SWEEPS: Final = 4
_ALONE: Final = 12  # tasks without an edge that stand below one another, before they become a grid
_ABREAST: Final = 5  # of them in a row of this grid, at least

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Corner:
    """The upper left corner of a task."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture: its size, the place of every task, and the path of every edge, from layer to layer."""

    width: int
    height: int
    places: tuple[Corner, ...]
    paths: tuple[str, ...]


def layout(count: int, edges: Sequence[Edge]) -> Layout:
    """Returns the picture of a graph without cycles.

    An edge over several layers gets a place of its own in each of them, so that it passes beside the tasks there. Many
    tasks without an edge fill a grid.
    """
    edges = list(dict.fromkeys(edges))
    rank = _spread(layers(count, edges), edges)
    chains, joints = _chains(count, edges, rank)
    steps = [step for chain in chains for step in pairwise(chain)]
    rows = _ordered(_rows(rank + joints), steps, len(rank) + len(joints))
    places = _places(rows, len(rank) + len(joints))
    tallest = max((len(row) for row in rows), default=1)
    return Layout(
        width=2 * _EDGE + len(rows) * NODE_WIDTH + max(0, len(rows) - 1) * _ACROSS,
        height=2 * _EDGE + tallest * NODE_HEIGHT + (tallest - 1) * _DOWN,
        places=tuple(places[:count]),
        paths=tuple(_path(chain, places, count) for chain in chains),
    )


def layers(count: int, edges: Sequence[Edge]) -> list[int]:
    """Returns the layer of each task: the length of the longest way to it."""
    children: list[list[int]] = [[] for _ in range(count)]
    waits = [0] * count
    for parent, child in edges:
        children[parent].append(child)
        waits[child] += 1
    rank, ready = [0] * count, [n for n in range(count) if not waits[n]]
    for n in ready:  # it grows during the walk
        for child in children[n]:
            rank[child] = max(rank[child], rank[n] + 1)
            waits[child] -= 1
            if not waits[child]:
                ready.append(child)
    return rank


def _spread(rank: list[int], edges: Sequence[Edge]) -> list[int]:
    """Returns the layers with the tasks that have no edge in turn in all of them, if they are many."""
    joined = {n for edge in edges for n in edge}
    alone = [n for n in range(len(rank)) if n not in joined]
    if len(alone) <= _ALONE:
        return rank
    across = max(_ABREAST, max(rank) + 1)
    places = {n: at % across for at, n in enumerate(alone)}
    return [places.get(n, layer) for n, layer in enumerate(rank)]


def _chains(count: int, edges: Sequence[Edge], rank: list[int]) -> tuple[list[list[int]], list[int]]:
    """Returns each edge as a chain of neighbours in adjacent layers, and the layers of the joints between them."""
    joints: list[int] = []
    chains = []
    for parent, child in edges:
        chain = [parent]
        for layer in range(rank[parent] + 1, rank[child]):
            chain.append(count + len(joints))
            joints.append(layer)
        chains.append([*chain, child])
    return chains, joints


def _rows(rank: Sequence[int]) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in range(max(rank, default=0) + 1)]
    for n, layer in enumerate(rank):
        rows[layer].append(n)
    return rows


def _ordered(rows: list[list[int]], steps: Sequence[Edge], count: int) -> list[list[int]]:
    """Returns the layers with each member near the middle of its neighbours: barycentres, in sweeps down and up."""
    before: list[list[int]] = [[] for _ in range(count)]
    behind: list[list[int]] = [[] for _ in range(count)]
    for first, second in steps:
        behind[first].append(second)
        before[second].append(first)
    place = {n: at for row in rows for at, n in enumerate(row)}
    for sweep in range(_SWEEPS):
        near = behind if sweep % 2 else before
        for row in reversed(rows) if sweep % 2 else rows:
            middle = {n: sum(place[m] for m in near[n]) / len(near[n]) if near[n] else place[n] for n in row}
            row.sort(key=lambda n: (middle[n], n))
            place.update({n: at for at, n in enumerate(row)})
    return rows


def _places(rows: Sequence[Sequence[int]], count: int) -> list[Corner]:
    places = [Corner(0, 0)] * count
    tallest = max((len(row) for row in rows), default=1)
    for layer, row in enumerate(rows):
        above = (tallest - len(row)) * (NODE_HEIGHT + _DOWN) // 2
        for at, n in enumerate(row):
            places[n] = Corner(_EDGE + layer * (NODE_WIDTH + _ACROSS), _EDGE + above + at * (NODE_HEIGHT + _DOWN))
    return places


def _path(chain: Sequence[int], places: Sequence[Corner], count: int) -> str:
    """Returns the path of an edge. It leaves a task at its right side, and enters the next one at its left side."""
    half = NODE_HEIGHT // 2
    first = places[chain[0]]
    x, y = first.x + NODE_WIDTH, first.y + half
    parts = [f"M{x} {y}"]
    for n in chain[1:]:
        to = places[n]
        bend = (to.x - x) // 2
        parts.append(f"C{x + bend} {y} {to.x - bend} {to.y + half} {to.x} {to.y + half}")
        x, y = to.x, to.y + half
        if n >= count:  # a joint: straight through its layer
            x += NODE_WIDTH
            parts.append(f"H{x}")
    return "".join(parts)
