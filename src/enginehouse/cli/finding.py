"""One thing that `doctor` looked at, and what it thinks of it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    FINE = "ok"
    DOUBTFUL = "warning"  # works, with something missing
    WRONG = "wrong"  # makes the exit code 1


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` says what was found and, unless it is fine, what to do."""

    name: str
    verdict: Verdict
    text: str
