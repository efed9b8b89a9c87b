"""The names under which outputs are listed and fetched. Each one means one output of its list, for as long as it lives.

Engines choose the names of their outputs, so several outputs of a job may have the same one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import PurePath
from typing import Final

from enginehouse.domain.artifact import Artifact

_NOT_A_NAME: Final = ("", ".", "..")  # a client would resolve the last two as parts of a path


def with_unique_names(outputs: Sequence[Artifact]) -> tuple[Artifact, ...]:
    """Returns the outputs in the same order. No two of them have the same name.

    The output that was published first keeps its name. A later one with the same name has its task, its item and, if
    needed, its number before the suffix: `result-1-0.json`. A name depends only on the outputs before, so it stays.
    """
    names = {output.name for output in outputs}
    if len(names) == len(outputs) and all(map(_is_name, names)):
        return tuple(outputs)
    chosen: dict[int, str] = {}
    taken: set[str] = set()
    for place, output in sorted(enumerate(outputs), key=lambda each: _published(each[1])):
        chosen[place] = _first_free(_names(output), taken)
        taken.add(chosen[place])
    return tuple(replace(output, name=chosen[place]) for place, output in enumerate(outputs))


def _first_free(names: Iterable[str], taken: set[str]) -> str:
    """Returns the first of the names that is not taken."""
    return next(name for name in names if name not in taken)


def _before_suffix(name: str, addition: str) -> str:
    """Returns the name with the addition before its suffix."""
    path = PurePath(name)
    return f"{path.stem}-{addition}{path.suffix}"


def _names(output: Artifact) -> Iterator[str]:
    """Yields the names that the output may have, the best first."""
    name = output.name.replace("/", "_")
    name = "output" if name in _NOT_A_NAME else name
    yield name
    place = f"{output.ordinal}-{output.item}"
    yield _before_suffix(name, place)
    yield _before_suffix(name, f"{place}-{output.part}")
    for number in count(2):
        yield _before_suffix(name, f"{place}-{output.part}-{number}")


def _is_name(name: str) -> bool:
    return "/" not in name and name not in _NOT_A_NAME


def _published(output: Artifact) -> tuple[int, int, int, int, int]:
    return (output.created_at, output.ordinal, output.folder, output.item, output.part)
