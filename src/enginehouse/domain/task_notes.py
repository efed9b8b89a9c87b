"""The notes that an engine or a person adds to a task: warnings and logs."""

from typing import Final, NamedTuple

MOST_NOTES: Final = 1_000  # of each kind, of one task


class TaskWarning(NamedTuple):
    """A warning of a task. `at` is µs UTC; `reference` is its author's own text for what it is about."""

    id: int
    at: int
    reason: str
    message: str | None
    reference: str | None
