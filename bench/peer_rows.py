"""The rows that show the product beside the task queues: which figure of each contender belongs into which row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.figures import TASK_QUEUES, Figure

OURS: Final = ("Enginehouse SQLite", "Enginehouse PostgreSQL")
CONTENDERS: Final = (*OURS, *TASK_QUEUES)


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A row: for each contender the first of these figures that it has."""

    title: str
    unit: str
    keys: tuple[str, ...]

    @property
    def rises(self) -> bool:
        """True if more is better."""
        return Figure("", "", self.unit).rises

    def values(self, kept: Mapping[str, Any]) -> dict[str, float]:
        """Returns the median of each contender that has one, in the order of the columns."""
        known = {figure["key"]: figure["results"] for figure in kept["figures"]}
        found = dict[str, float]()
        for contender in CONTENDERS:
            for key in self.keys:
                if contender in known.get(key, {}):
                    found[contender] = known[key][contender]["median"]
                    break
        return found


ROWS: Final[Sequence[PeerRow]] = (
    PeerRow("Creates, 1 client", "jobs/s", ("create_1",)),
    PeerRow("Creates, 64 clients", "jobs/s", ("create_64",)),
    PeerRow("Creates, 1000 in a request", "jobs/s", ("create_batch",)),
    PeerRow("No-op tasks, the quickest way", "tasks/s", ("tasks_1",)),
    PeerRow("No-op tasks, Python in processes", "tasks/s", ("tasks_python",)),
    PeerRow("Create to start, median", "ms", ("latency_python_p50",)),
    PeerRow("Create to start, 99th percentile", "ms", ("latency_python_p99",)),
    PeerRow("Status of a job, 64 clients", "calls/s", ("status_64",)),
    PeerRow("List of 30 jobs, 64 clients", "calls/s", ("list_64",)),
    PeerRow("Cancel of a job, 64 clients", "calls/s", ("cancel_64",)),
    PeerRow("Cancel of a million jobs", "s", ("bulk_settle", "bulk_ids", "bulk_each")),
)
PICTURED: Final = tuple(
    row
    for row in ROWS
    if row.keys[0] in ("create_64", "tasks_python", "latency_python_p50", "list_64", "cancel_64", "bulk_settle")
)


def number(value: float) -> str:
    """Returns the value as people read it."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"
