"""Updates of tasks by engines that no worker of this server runs: their statuses, and why one is refused. Pure."""

from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.quotas import Obstacle
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import TASK_ENDED, JobStatus, TaskStatus
from enginehouse.domain.times import SECOND
from enginehouse.domain.work import ItemKey, NewArtifact

OUTSIDE: Final = "outside/"
"""The prefix of the worker's name in a lease that an update holds. Behind it stands the id of the token."""

INFO: Final = "infoMsg"  # the name of what an engine says of its work, in its messages and in the task's output
LARGEST_INFO: Final = 64 << 10  # bytes of it as JSON


class UpdateStatus(StrEnum):
    """The status that an update reports."""

    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"


class TaskUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine reports about its task.

    `output` is JSON text, None to leave the task's output as it is; so is `poll`, the payload of its last poll.
    `outputs` are stored bytes that become outputs of the task; the asset of each has the type `asset_type`, by default
    that of its media type. With `is_primary` the asset becomes the primary one of its type. With `accumulated` the
    outputs take the place of all that the task has uploaded before. `refers`: there is an asset that only names an
    address. `notification_uris`: these are called besides those of the plan when the task ends. `client_time` (µs UTC):
    the update counts only if the task has not changed since. `is_own`: the caller holds a token for exactly this task.
    """

    organization_id: int
    job_id: int
    ordinal: int
    status: UpdateStatus
    holder: str
    output: str | None = None
    poll: str | None = None
    outputs: tuple[NewArtifact, ...] = ()
    asset_type: str | None = None
    is_primary: bool = False
    accumulated: bool = False
    refers: bool = False
    notification_uris: tuple[str, ...] = ()
    failure_kind: FailureKind = FailureKind.UNKNOWN
    failure_message: str = ""
    client_time: int | None = None
    is_own: bool = False


class OpenItem(NamedTuple):
    """An item of the task that has not ended. It is leased if `lease_until` is set."""

    item: int
    token: int
    lease_until: int | None
    worker: str | None
    stop_requested_at: int | None


class UpdatableTask(NamedTuple):
    """The task and its job as an update finds them, locked."""

    job_status: JobStatus
    cancelled: bool  # nothing of the job starts any more, and it accepts nothing
    paused: bool
    status: TaskStatus
    waits_for: int
    modified_at: int
    items: tuple[OpenItem, ...]
    offered: bool  # a connected worker offers its engine
    obstacles: tuple[Obstacle, ...]


class UpdateOutcome(NamedTuple):
    """What an update has done. With `refused` it has not counted, and this says why.

    `applied`: it has changed something besides the end of its lease. `published`: its outputs are visible. `runnable`:
    items of other tasks may start now. `removed`: the keys of bytes that no row names any more.
    """

    refused: str | None = None
    applied: bool = False
    job_ended: bool = False
    runnable: bool = False
    published: bool = False
    removed: tuple[str, ...] = ()


class TaskSaid(NamedTuple):
    """What an engine has said of its task besides its documents: a reported output, and its last `infoMsg`."""

    output: Any = None
    info: Any = None

    def shown(self, document: Any = None) -> Any:
        """Returns the output of the task as clients see it: the reported one, or the document that the task has made.

        The message stands beside it, under its own name. It never hides anything.
        """
        shown = document if self.output is None else self.output
        if self.info is None or not (shown is None or isinstance(shown, dict)):
            return shown
        return {INFO: self.info} | (shown or {})


def is_stale(task: UpdatableTask, update: TaskUpdate) -> bool:
    """True if the task has changed since the client's time. Clients see whole seconds, so these are compared."""
    return update.client_time is not None and task.modified_at // SECOND * SECOND > update.client_time


def is_repeated(task: UpdatableTask, update: TaskUpdate) -> bool:
    """True if the task has already ended as the update says. The first report counts."""
    return task.status in TASK_ENDED and task.status.value == update.status.value and not update.outputs


def foreign_work(task: UpdatableTask, update: TaskUpdate) -> str | None:
    """Returns why the task is not the caller's to move; None if it is."""
    held = [item for item in task.items if item.worker is not None]
    if any(not (item.worker or "").startswith(OUTSIDE) for item in held):
        return "A worker of this server runs the task and reports for it."
    if task.offered and not held and not update.is_own:
        return "A worker of this server offers the engine of the task and reports for it."
    return None


def refusal(task: UpdatableTask, update: TaskUpdate) -> str | None:
    """Returns why the update is refused; None if it is not."""
    if task.status in TASK_ENDED:
        return f"The task is already {task.status}."
    if task.cancelled:
        return _cancelled(task, update)
    if to_start(task, update) and (why := _not_started(task)) is not None:
        return why
    if not task.items:
        return f"The task is {task.status} and has nothing to work on yet."
    if update.status is UpdateStatus.COMPLETE and task.waits_for:
        return "The tasks before it have not completed, so more of its input may come."
    return None


def _cancelled(task: UpdatableTask, update: TaskUpdate) -> str | None:
    """Only the end of what must still stop is accepted, as from a worker."""
    if all(item.lease_until is None for item in task.items):
        return "The job was cancelled; its tasks take no more updates."
    if update.status is UpdateStatus.RUNNING:
        return "The job was cancelled: end the work, and report it with the status failed."
    return None


def _not_started(task: UpdatableTask) -> str | None:
    if task.paused:
        return "The job is paused; nothing of it starts."
    return " ".join(_OBSTACLES[obstacle] for obstacle in task.obstacles) or None


_OBSTACLES: Final = {
    Obstacle.ORGANIZATION_PAUSED: "The organization is paused; nothing of it starts.",
    Obstacle.ENGINE_PAUSED: "The engine is paused; nothing of it starts.",
    Obstacle.ORGANIZATION_LIMIT: "The organization runs as many attempts as its limit allows.",
    Obstacle.ENGINE_LIMIT: "The engine runs as many attempts as its limit allows.",
}


def to_start(task: UpdatableTask, update: TaskUpdate) -> list[OpenItem]:
    """Returns the items that the update starts: all that wait, unless it only prolongs what is held."""
    if task.cancelled:
        return []
    held = any(item.lease_until is not None for item in task.items)
    if held and update.status is UpdateStatus.RUNNING:
        return []
    return [item for item in task.items if item.lease_until is None]


def keys(update: TaskUpdate, items: "tuple[OpenItem, ...] | list[OpenItem]") -> list[ItemKey]:
    """Returns the keys of these items of the task."""
    return [ItemKey(update.job_id, update.ordinal, item.item) for item in items]


def wrapped(text: str, key: str | None) -> Any:
    """Returns the value of an output that a client sends as text: its JSON, else an object with the text under `key`.

    With a key the text is always wrapped (graphql-contract §2.2).
    """
    if key is None:
        try:
            return msgspec.json.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            key = "data"
    return {key: text}
