"""What one check of `enginehouse doctor` has found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but something is missing
    WRONG = "wrong"  # makes the exit code 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found. If the verdict is not OK, `text` also says what to do."""

    name: str
    verdict: Verdict
    text: str
