"""The reasons why a task is not running: each kind with its facts and its text."""

from collections.abc import Iterable
from typing import Final, assert_never

import msgspec

from enginehouse.domain.status import TaskStatus
from enginehouse.domain.times import SECOND, graphql_millis

_NAMED_AT_MOST: Final = 5  # parents in a sentence; the data has all of them


class OtherTask(msgspec.Struct, frozen=True):
    """Another task of the job that a reason names."""

    ordinal: int
    name: str
    status: TaskStatus


class Reason(msgspec.Struct, frozen=True, tag_field="kind"):
    """One reason why a task is not running now."""


class WaitsForParents(Reason, frozen=True, tag="waits_for_parents"):
    """Its input is not complete."""

    parents: tuple[OtherTask, ...]


class WaitsForRoute(Reason, frozen=True, tag="waits_for_route"):
    """It was added to the job with an input folder, and no route to it has been added yet."""


class WaitsForPushes(Reason, frozen=True, tag="waits_for_pushes"):
    """What clients push to these endpoints is its input, or it stands for them."""

    endpoints: tuple[str, ...]


class IsStandby(Reason, frozen=True, tag="standby"):
    """It runs only if its principal fails."""

    principal: OtherTask


class EngineLeft(Reason, frozen=True, tag="engine_left"):
    """Its engine has left and waits for a callback, or asked for another call later."""

    engine: str
    calls_back: bool


class JobPaused(Reason, frozen=True, tag="job_paused"):
    since: int


class OrganizationPaused(Reason, frozen=True, tag="organization_paused"):
    pass


class EnginePaused(Reason, frozen=True, tag="engine_paused"):
    engine_id: str
    engine: str


class EngineDisabled(Reason, frozen=True, tag="engine_disabled"):
    engine_id: str
    engine: str


class EngineUnavailable(Reason, frozen=True, tag="engine_unavailable"):
    """An engine over HTTP does not answer as it should. `at`: when it is probed next (µs)."""

    engine_id: str
    engine: str
    at: int
    failure_message: str


class EngineUnknown(Reason, frozen=True, tag="engine_unknown"):
    """The engine existed when the job was created, and no longer exists."""

    engine_id: str


class WorkersDrained(Reason, frozen=True, tag="workers_drained"):
    """Every connected worker that offers the engine is drained."""

    engine_id: str
    engine: str


class EngineNotInstalled(Reason, frozen=True, tag="engine_not_installed"):
    """Workers with slots for it are connected, and none that reported within a day has the engine."""

    engine_id: str
    engine: str


class WorkersUnable(Reason, frozen=True, tag="workers_unable"):
    """Every connected worker that offers the engine says that it cannot start it now, and one says why."""

    engine_id: str
    engine: str
    failure_message: str


class NoWorker(Reason, frozen=True, tag="no_worker"):
    """No connected worker offers the engine. `last_seen`: the last report of one that did; None if not known."""

    engine_id: str
    engine: str
    pool: str
    last_seen: int | None
    now: int
    lacking: str = ""  # what it takes that no connected worker has


class OrganizationLimit(Reason, frozen=True, tag="organization_limit"):
    limit: int
    running: int


class EngineLimit(Reason, frozen=True, tag="engine_limit"):
    engine_id: str
    engine: str
    limit: int
    running: int


class TaskLimit(Reason, frozen=True, tag="task_limit"):
    """Its own limit is reached by items that run or will soon start; the other items wait for these."""

    limit: int
    running: int
    waiting: int


class Until(Reason, frozen=True, tag="until"):
    """The next attempt of an item waits for its time. `failure_*`: why the last attempt failed; None without one."""

    at: int
    attempt: int
    failure_reason: str | None
    failure_message: str | None


class NoFreeWorkerSlot(Reason, frozen=True, tag="no_free_slot"):
    """Every slot of its pool is taken. `ahead` items of its organization start before it, or `more` than that."""

    pool: str
    slots: int
    taken: int
    ahead: int
    more: bool


class NextUp(Reason, frozen=True, tag="next_up"):
    """Only the items ahead of it, if any, start before it."""

    pool: str
    slots: int
    taken: int
    ahead: int
    more: bool


AnyReason = (
    WaitsForParents
    | WaitsForRoute
    | WaitsForPushes
    | IsStandby
    | EngineLeft
    | JobPaused
    | OrganizationPaused
    | EnginePaused
    | EngineDisabled
    | EngineUnavailable
    | EngineUnknown
    | EngineNotInstalled
    | NoWorker
    | WorkersDrained
    | WorkersUnable
    | OrganizationLimit
    | EngineLimit
    | TaskLimit
    | Until
    | NoFreeWorkerSlot
    | NextUp
)


def kind(reason: AnyReason) -> str:
    """Returns the reason's kind: the word that every interface uses for it."""
    return str(reason.__struct_config__.tag)


def sentence(reasons: Iterable[AnyReason]) -> str:
    """Returns all reasons as one sentence; empty if there are none."""
    clauses = "; ".join([clause(reason) for reason in reasons])
    return f"{clauses[0].upper()}{clauses[1:]}." if clauses else ""


def clause(reason: AnyReason) -> str:  # noqa: C901, PLR0911, PLR0912 - one line a kind
    """Returns the text of the reason, as a part of a sentence about the task."""
    match reason:
        case WaitsForParents(parents):
            return f"it waits for {_parents(parents)}"
        case WaitsForRoute():
            return "it was added with an input folder and waits for its first route"
        case WaitsForPushes(endpoints):
            return f"it waits for pushes to {_endpoints(endpoints)}"
        case IsStandby(principal):
            return f'it is a standby and runs only if task {principal.ordinal} "{principal.name}" fails'
        case EngineLeft(engine, calls_back):
            return f'its engine "{engine}" has ' + (
                "left until it is called back" if calls_back else "asked to be called again later"
            )
        case JobPaused(since):
            return f"its job has been paused since {graphql_millis(since)}"
        case OrganizationPaused():
            return "the organization is paused"
        case EnginePaused(_, engine):
            return f'the engine "{engine}" is paused'
        case EngineDisabled(_, engine):
            return f'the engine "{engine}" is disabled'
        case EngineUnavailable(_, engine, at, why):
            return f'the engine "{engine}" is not available: {why}; it is tried again at {graphql_millis(at)}'
        case EngineUnknown(engine_id):
            return f'the engine "{engine_id}" is not known to this server any more'
        case EngineNotInstalled(_, engine):
            return f'the engine "{engine}" is not installed on any connected server or worker'
        case NoWorker(_, engine, _, _, _, lacking) if lacking:
            return f'the engine "{engine}" takes {lacking}, and no connected worker has that'
        case WorkersDrained(_, engine):
            return f'every connected worker for the engine "{engine}" is drained'
        case WorkersUnable(_, engine, why):
            return f'no worker can start the engine "{engine}" now: {why}'
        case NoWorker(_, engine, _, last_seen, now):
            seen = "" if last_seen is None else f"; one was last seen {_duration(now - last_seen)} ago"
            return f'no worker for the engine "{engine}" is connected{seen}'
        case OrganizationLimit(limit, running):
            return f"the organization has {_counted(running, 'attempt')} running and may have {limit}"
        case EngineLimit(_, engine, limit, running):
            return f'the engine "{engine}" has {_counted(running, "attempt")} running and may have {limit}'
        case TaskLimit(limit, running, waiting):
            return f"{_counted(waiting, 'item')} of it may start when another ends: {running} of {limit} run"
        case Until(at, attempt, None, _):
            return f"attempt {attempt} may start at {graphql_millis(at)}"
        case Until(at, attempt, why, _):
            return f"attempt {attempt} may start at {graphql_millis(at)}, since attempt {attempt - 1} failed ({why})"
        case NoFreeWorkerSlot(pool, slots, taken, ahead, more):
            return f"{_slots(pool, slots, taken)} and {_ahead(ahead, more=more)}"
        case NextUp(_, _, _, 0, False):
            return "nothing keeps it: it is the next to start"
        case NextUp(_, _, _, ahead, more):
            return f"slots are free, and {_ahead(ahead, more=more)}"
        case unknown:
            assert_never(unknown)


def _parents(parents: tuple[OtherTask, ...]) -> str:
    if len(parents) == 1:
        [only] = parents
        return f'task {only.ordinal} "{only.name}", which is {only.status}'
    named = [f'{each.ordinal} "{each.name}" ({each.status})' for each in parents[:_NAMED_AT_MOST]]
    if len(parents) > _NAMED_AT_MOST:
        named.append(f"{len(parents) - _NAMED_AT_MOST} more")
    return f"tasks {', '.join(named[:-1])} and {named[-1]}"


def _slots(pool: str, slots: int, taken: int) -> str:
    if slots == 1:
        return f"the only {pool} slot is taken"
    return f"all {slots} {pool} slots are taken" if taken >= slots else f"{taken} of {slots} {pool} slots are taken"


def _endpoints(endpoints: tuple[str, ...]) -> str:
    named = ", ".join(endpoints[:_NAMED_AT_MOST])
    more = f" and {len(endpoints) - _NAMED_AT_MOST} more" if len(endpoints) > _NAMED_AT_MOST else ""
    return f"{'endpoint' if len(endpoints) == 1 else 'endpoints'} {named}{more}"


def _ahead(ahead: int, *, more: bool) -> str:
    if ahead == 0 and not more:
        return "it is the next of its organization"
    many = "more than " if more else ""
    verb = "is" if ahead == 1 and not more else "are"
    return f"{many}{_counted(ahead, 'item')} of its organization {verb} ahead of it"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _duration(micros: int) -> str:
    seconds = max(0, micros // SECOND)
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return _counted(seconds // size, noun)
    return _counted(seconds, "second")
