"""An act on many jobs: what it does, which jobs its rule names, and what it leaves alone and why. Pure rules."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, NamedTuple, assert_never

import msgspec

from enginehouse.domain import times
from enginehouse.domain.errors import Problem
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import JobFilter
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JOB_ENDED, JobStatus

MOST: Final = 1_000_000  # jobs of one act
MOST_IDS: Final = 1_000  # jobs that a rule names one by one
_ORDER: Final = frozenset({"order_by", "descending", "above", "below", "offset", "limit"})


class Act(StrEnum):
    """What is done to each job."""

    CANCEL = "cancel"  # a job that has not started is aborted
    STOP = "stop"  # the same, and what runs is stopped
    RETRY = "retry"  # a failed job runs again under its id
    PAUSE = "pause"
    RESUME = "resume"


UNDO: Final = {Act.PAUSE: Act.RESUME, Act.RESUME: Act.PAUSE, Act.RETRY: Act.CANCEL}
"""What takes an act back. A cancelled job stays cancelled."""


class SkipReason(StrEnum):
    """Why an act leaves a job alone."""

    STARTED = "started"
    ENDED = "ended"
    CANCELLED = "cancelled"
    NOT_FAILED = "not_failed"
    PAUSED = "paused"
    NOT_PAUSED = "not_paused"
    NOT_REPEATABLE = "not_repeatable"
    GONE = "gone"
    ERROR = "error"


SENTENCES: Final = {
    SkipReason.STARTED: "A task has started; stop ends it too.",
    SkipReason.ENDED: "The job has ended.",
    SkipReason.CANCELLED: "The job is cancelled.",
    SkipReason.NOT_FAILED: "The job has not failed.",
    SkipReason.PAUSED: "The job is paused already.",
    SkipReason.NOT_PAUSED: "The job is not paused.",
    SkipReason.NOT_REPEATABLE: "A task of it cannot run again; a retry of the single job says why.",
    SkipReason.GONE: "The job was deleted.",
    SkipReason.ERROR: "The server made a mistake with this job. Its log has the details.",
}


class JobKind(NamedTuple):
    """What decides whether an act changes a job. `started`: one of its tasks runs or has ended."""

    status: JobStatus
    started: bool
    paused: bool
    cancelled: bool


class SkipCount(NamedTuple):
    """How many jobs an act leaves alone for this reason, and one of them; 0 if none is known."""

    reason: SkipReason
    jobs: int
    example: int = 0


def verdict(act: Act, kind: JobKind) -> SkipReason | None:
    """Returns why the act leaves such a job alone, None if it changes the job."""
    if kind.cancelled or kind.status is JobStatus.ABORTED:
        return SkipReason.CANCELLED
    ended = SkipReason.ENDED if kind.status in JOB_ENDED else None
    match act:
        case Act.RETRY:
            return None if kind.status is JobStatus.FAILED else SkipReason.NOT_FAILED
        case Act.CANCEL:
            return ended or (SkipReason.STARTED if kind.started else None)
        case Act.STOP:
            return ended
        case Act.PAUSE:
            return ended or (SkipReason.PAUSED if kind.paused else None)
        case Act.RESUME:
            return ended or (None if kind.paused else SkipReason.NOT_PAUSED)
        case unknown:
            assert_never(unknown)


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many jobs a rule matches now, how many of them the act would change, and why not the others."""

    matched: int
    changes: int
    skips: tuple[SkipCount, ...]


def forecast(act: Act, kinds: Iterable[tuple[JobKind, int]]) -> Forecast:
    """Returns what the act would do with so many jobs of each kind."""
    changes, skips = 0, Counter[SkipReason]()
    for kind, jobs in kinds:
        reason = verdict(act, kind)
        if reason is None:
            changes += jobs
        else:
            skips[reason] += jobs
    rows = tuple(SkipCount(reason, jobs) for reason, jobs in sorted(skips.items()) if jobs)
    return Forecast(changes + sum(skips.values()), changes, rows)


def parts(rule: JobFilter) -> dict[str, Any]:
    """Returns the fields of the rule that choose jobs. Its order and its page do not."""
    default = JobFilter()
    values = {field.name: getattr(rule, field.name) for field in fields(rule) if field.name not in _ORDER}
    return {name: value for name, value in values.items() if value != getattr(default, name)}


def problems(rule: JobFilter) -> list[Problem]:
    """Returns everything that is wrong with a rule."""
    found = list[Problem]()
    if not parts(rule):
        found.append(Problem("rule", "must name at least one filter. To take all jobs, give createdBefore."))
    if rule.ids is not None and len(rule.ids) > MOST_IDS:
        found.append(Problem("rule.jobs", f"at most {MOST_IDS} jobs, got {len(rule.ids)}."))
    for first, last in (("created_from", "created_to"), ("modified_from", "modified_to")):
        since, until = getattr(rule, first), getattr(rule, last)
        if since is not None and until is not None and since > until:
            word = first.partition("_")[0]
            found.append(Problem(f"rule.{word}Before", f"must be after {word}After."))
    words = sorted(FailureKind)
    for number, reason in enumerate(rule.failure_reasons):
        if reason not in words:
            found.append(Problem(f"rule.failures[{number}]", f"one of {', '.join(words)}, got {reason[:40]}."))
    return found


def is_range(rule: JobFilter) -> bool:
    """True if the rule is exactly a range of time: a cancel of it is one barrier."""
    return bool(parts(rule)) and parts(rule).keys() <= {"created_from", "created_to"}


def encode(rule: JobFilter) -> str:
    """Returns the rule as JSON text."""
    return msgspec.json.encode(parts(rule)).decode()


def decode(text: str) -> JobFilter:
    """Returns the rule of the JSON text."""
    return msgspec.json.decode(text, type=JobFilter)


def in_words(rule: JobFilter) -> str:
    """Returns the rule as a person reads it: `status failed or aborted, engine x`."""
    said = list[str]()
    for name, value in parts(rule).items():
        match name, value:
            case (("created_from" | "modified_from"), int(at)):
                said.append(f"{name.partition('_')[0]} after {times.rest(at)}")
            case (("created_to" | "modified_to"), int(at)):
                said.append(f"{name.partition('_')[0]} before {times.rest(at)}")
            case "ids", tuple(ids):
                named = " or ".join(job_graphql(one) for one in ids[:3])
                said.append(f"job {named}{f' and {len(ids) - 3} more' if len(ids) > 3 else ''}")
            case _, bool():
                said.append(name.replace("_", " ") if value else f"no {name.removeprefix('has_')}")
            case _, tuple(words):
                said.append(f"{_WORDS.get(name, name)} {' or '.join(map(str, words))}")
            case _:
                said.append(f"{_WORDS.get(name, name)} {value}")
    return ", ".join(said)


_WORDS: Final = {
    "statuses": "status", "engine_ids": "engine", "failure_reasons": "failure", "schedule_ids": "schedule",
    "target_id": "target", "core_id": "core",
}  # fmt: skip
