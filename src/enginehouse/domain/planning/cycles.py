"""Finding a cycle in a directed graph, and a shortest one to name."""

from collections import deque
from collections.abc import Sequence
from typing import Final

# Looking for the shortest cycle is quadratic; after this many edges the best one found so far is named.
_EDGES_LOOKED_AT: Final = 50_000


def find_cycle(count: int, edges: Sequence[tuple[int, int]]) -> list[int] | None:
    """The nodes of a cycle among `edges` (parent, child), in order and each once; None when there is none.

    It is a shortest one unless the graph is so large that looking for that would not be linear.
    """
    if all(parent < child for parent, child in edges):
        return None
    children: list[list[int]] = [[] for _ in range(count)]
    for parent, child in edges:
        children[parent].append(child)
    left = _without_roots(count, children)
    if not left:
        return None
    within = {node: [child for child in children[node] if child in left] for node in left}
    return _shortest(within, _some_cycle(within))


def _without_roots(count: int, children: Sequence[Sequence[int]]) -> set[int]:
    """What remains when nodes without a parent are taken away until there are none: empty without a cycle."""
    waiting = [0] * count
    for heirs in children:
        for child in heirs:
            waiting[child] += 1
    roots = [node for node in range(count) if not waiting[node]]
    left = set(range(count))
    while roots:
        node = roots.pop()
        left.discard(node)
        for child in children[node]:
            waiting[child] -= 1
            if not waiting[child]:
                roots.append(child)
    return left


def _some_cycle(children: dict[int, list[int]]) -> list[int]:
    """Any cycle. Every node has a parent here, so walking up must come back to a node already seen."""
    parent_of = {child: node for node, heirs in children.items() for child in heirs}
    node = next(iter(parent_of))
    seen: dict[int, int] = {}
    walk: list[int] = []
    while node not in seen:
        seen[node] = len(walk)
        walk.append(node)
        node = parent_of[node]
    return walk[seen[node] :][::-1]


def _shortest(children: dict[int, list[int]], best: list[int]) -> list[int]:
    budget = _EDGES_LOOKED_AT
    for start in sorted(children):
        if budget <= 0 or len(best) == 2:
            break
        cycle, looked_at = _through(start, children, len(best) - 1, budget)
        budget -= looked_at
        best = cycle or best
    first = best.index(min(best))
    return best[first:] + best[:first]


def _through(start: int, children: dict[int, list[int]], limit: int, budget: int) -> tuple[list[int], int]:
    """The shortest cycle through `start` of at most `limit` nodes (empty: none), and how many edges that took."""
    came_from = {start: start}
    depth = {start: 1}
    ahead = deque([start])
    looked_at = 0
    while ahead and looked_at < budget:
        node = ahead.popleft()
        if depth[node] > limit:
            break
        for child in children[node]:
            looked_at += 1
            if child == start:
                return _path(came_from, start, node), looked_at
            if child not in came_from:
                came_from[child] = node
                depth[child] = depth[node] + 1
                ahead.append(child)
    return [], looked_at


def _path(came_from: dict[int, int], start: int, node: int) -> list[int]:
    path = [node]
    while node != start:
        node = came_from[node]
        path.append(node)
    return path[::-1]
