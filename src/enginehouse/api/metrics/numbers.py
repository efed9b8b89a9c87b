"""The table of the numbers of a server. A new number is a line in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from enginehouse.operations.metrics import MOST_COUNTED, Snapshot


@dataclass(frozen=True, slots=True)
class Number:
    """A number that goes up and down. `read` returns its values by its labels: a text if there is one."""

    name: str
    text: str
    labels: tuple[str, ...]
    read: Callable[[Snapshot], Mapping[Any, int]]


_BY_ENGINE: Final = ("pool", "engine", "resources")
_COUNTED: Final = f"counted up to {MOST_COUNTED} for each organization and engine"

NUMBERS: Final = (
    Number(
        "runnable_items",
        f"Items that could start now on a free worker slot, {_COUNTED}.",
        _BY_ENGINE,
        lambda now: now.runnable,
    ),
    Number("waiting_items", f"Items that wait for a worker slot, {_COUNTED}.", _BY_ENGINE, lambda now: now.waiting),
    Number("running_items", "Items that are leased to a worker.", _BY_ENGINE, lambda now: now.running),
    Number("worker_slots", "Worker slots of the connected workers.", ("pool", "state"), lambda now: now.slots),
    Number("workers", "Connected workers.", ("state",), lambda now: now.workers),
    Number("jobs", "Jobs that are stored.", ("status",), lambda now: now.jobs),
)
