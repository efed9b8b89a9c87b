"""Counters and histograms of a process as plain numbers: to count costs a fraction of a microsecond, and no lock.

Only what reads the numbers knows the formats of Prometheus.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final, NamedTuple

SeriesKey = tuple[str, tuple[str, ...]]
"""What is counted, and the values of its labels."""


class Measure(NamedTuple):
    """What is counted, and how its labels are called. With `bounds` it is a histogram, and else a counter."""

    text: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


_SHORT: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0)
_REQUEST: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
_CALLS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)

JOBS_CREATED: Final = "jobs_created_total"
JOBS_STARTED: Final = "jobs_started_total"
JOBS_ENDED: Final = "jobs_ended_total"
TASKS_ENDED: Final = "tasks_ended_total"
JOB_START: Final = "job_start_seconds"
JOB_TIME: Final = "job_seconds"
LEASES: Final = "leases_total"
LEASES_LOST: Final = "leases_expired_total"
ATTEMPTS: Final = "attempts_ended_total"
ATTEMPT_TIME: Final = "attempt_seconds"
BATCH_SIZE: Final = "batch_calls"
BATCH_TIME: Final = "batch_seconds"
COMMIT_TIME: Final = "commit_seconds"
REQUEST_TIME: Final = "http_request_seconds"

MEASURES: Final[Mapping[str, Measure]] = {
    JOBS_CREATED: Measure("Jobs that were created."),
    JOBS_STARTED: Measure("Jobs whose first attempt has started; once more for a job that was put back."),
    JOBS_ENDED: Measure("Jobs that have ended. A bulk cancel counts when its jobs' rows are written.", ("outcome",)),
    TASKS_ENDED: Measure(
        "Tasks that have ended. Tasks of a cancelled job are not counted one by one.", ("engine", "outcome")
    ),
    JOB_START: Measure("From the creation of a job to the start of its first attempt.", bounds=_LONG),
    JOB_TIME: Measure("From the creation of a job to its end.", ("outcome",), _LONG),
    LEASES: Measure("Leases given to workers: attempts that have started.", ("engine",)),
    LEASES_LOST: Measure("Leases that ended because their worker sent no heartbeat in time."),
    ATTEMPTS: Measure(
        "Attempts that have ended: complete, failed, postponed, stopped, or lost with their worker.",
        ("engine", "outcome"),
    ),
    ATTEMPT_TIME: Measure("From the start of an attempt to its end.", ("engine",), _LONG),
    BATCH_SIZE: Measure("Calls of concurrent clients that one transaction took together.", ("verb",), _CALLS),
    BATCH_TIME: Measure("How long such a transaction took, from its begin to its commit.", ("verb",), _SHORT),
    COMMIT_TIME: Measure("How long a commit took until it was durable.", bounds=_SHORT),
    REQUEST_TIME: Measure(
        "Requests: from the arrival to the beginning of the answer.", ("method", "route", "status"), _REQUEST
    ),
}
"""Everything that a server counts for itself. A new number is a line here and one where it happens."""


class Totals:
    """What was counted. It grows with the series, never with what happens.

    A histogram is a list: how many values were in each bucket, how many were larger than every bound, and their sum.
    """

    __slots__ = ("counters", "histograms")

    def __init__(self) -> None:
        self.counters: dict[SeriesKey, float] = {}
        self.histograms: dict[SeriesKey, list[float]] = {}

    def add(self, name: str, *labels: str, by: float = 1) -> None:
        """Counts `by` more."""
        key = (name, labels)
        self.counters[key] = self.counters.get(key, 0) + by

    def observe(self, name: str, value: float, *labels: str) -> None:
        """Counts the value in its bucket, and adds it to the sum."""
        key, bounds = (name, labels), MEASURES[name].bounds
        found = self.histograms.get(key)
        if found is None:
            found = self.histograms[key] = [0.0] * (len(bounds) + 2)
        found[bisect_left(bounds, value)] += 1
        found[-1] += value

    def merge(self, other: "Totals") -> None:
        """Counts what the other has counted too. The other is not used any more."""
        for key, value in other.counters.items():
            self.counters[key] = self.counters.get(key, 0) + value
        for key, values in other.histograms.items():
            found = self.histograms.get(key)
            self.histograms[key] = values if found is None else [a + b for a, b in zip(found, values, strict=True)]
