"""Finds the operation of a path and a method in a tree of path segments, which each request walks once."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST_SEGMENTS = 16


@dataclass(slots=True)
class Place(Generic[T]):
    """A node of the tree: its named children, its child for a variable part, and the operations by method."""

    named: dict[str, "Place[T]"] = field(default_factory=dict)
    variable: "Place[T] | None" = None
    methods: dict[str, T] = field(default_factory=dict)
    template: str = ""


class Paths(Generic[T]):
    """The operations by path template (`/proc/job/{JobID}/status`) and method."""

    def __init__(self) -> None:
        self._root: Place[T] = Place()
        self._fixed: dict[str, Place[T]] = {}  # those without a variable part, which need no walk

    def add(self, method: str, template: str, operation: T) -> None:
        """The operation is found under its template. Raises ValueError if there is one already."""
        place = self._root
        for segment in template.strip("/").split("/"):
            if segment.startswith("{"):
                place.variable = place.variable or Place()
                place = place.variable
            else:
                place = place.named.setdefault(segment, Place())
        if method in place.methods:
            raise ValueError(f"{method} {template} is there twice")
        place.methods[method] = operation
        place.template = place.template or template
        if "{" not in template:
            self._fixed[template] = place

    def find(self, path: str) -> tuple[dict[str, T], tuple[str, ...], str] | None:
        """Returns the path's methods, variable parts and template. A named segment wins over a variable one."""
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed.methods, (), fixed.template
        segments = path.strip("/").split("/")
        if len(segments) > _MOST_SEGMENTS:
            return None
        return _find(self._root, segments, 0, ())


def _find(
    place: Place[T], segments: list[str], at: int, variables: tuple[str, ...]
) -> tuple[dict[str, T], tuple[str, ...], str] | None:
    if at == len(segments):
        return (place.methods, variables, place.template) if place.methods else None
    segment = segments[at]
    named = place.named.get(segment)
    if named is not None and (found := _find(named, segments, at + 1, variables)) is not None:
        return found
    if place.variable is not None and segment:
        return _find(place.variable, segments, at + 1, (*variables, segment))
    return None
