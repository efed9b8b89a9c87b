"""Jobs in memory as clients see them. A job is read whole only after a change of it.

Whatever changes a task writes the row of its job too, in the same transaction, with a time that is the last (or, on
PostgreSQL, another version of the row). So the row, with the ids of its retries, says whether a job is as it was.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, Protocol

from enginehouse.domain.job import Job

_JOB_BYTES: Final = 2_000
_TASK_BYTES: Final = 600
_BYTES_PER_CHARACTER: Final = 6  # of its document, when it is decoded


class JobHead(Protocol):
    """The row of a job."""

    @property
    def id(self) -> int: ...


@dataclass(slots=True)
class JobViews:
    """The jobs that were read last, up to about `max_bytes`. Safe for use from several threads."""

    max_bytes: int = 24 * 1024 * 1024
    _kept: OrderedDict[int, tuple[JobHead, Job, int]] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def size(self) -> int:
        """About how many bytes the jobs take."""
        return self._bytes

    def of(self, rows: Sequence[JobHead]) -> dict[int, Job]:
        """Returns the jobs that are as they were when they were kept."""
        found = dict[int, Job]()
        with self._lock:
            kept = self._kept
            for row in rows:
                one = kept.get(row.id)
                if one is not None and one[0] == row:
                    found[row.id] = one[1]
                    kept.move_to_end(row.id)
        return found

    def keep(self, jobs: Iterable[tuple[JobHead, Job, int]]) -> None:
        """Keeps jobs with their rows and the lengths of their documents, as a transaction has read them."""
        with self._lock:
            for row, job, characters in jobs:
                size = _JOB_BYTES + _TASK_BYTES * len(job.tasks) + _BYTES_PER_CHARACTER * characters
                self._drop(row.id)
                if size <= self.max_bytes:
                    self._kept[row.id] = (row, job, size)
                    self._bytes += size
            while self._bytes > self.max_bytes:
                self._drop(next(iter(self._kept)))

    def _drop(self, job_id: int) -> None:
        if (kept := self._kept.pop(job_id, None)) is not None:
            self._bytes -= kept[2]
