"""How far the pushes are whose clients wait: read from their items, their outputs and their attempts."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.ids import task_graphql
from enginehouse.domain.pushes import PushResult, PushWait
from enginehouse.storage.artifacts import ArtifactRow, artifact
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class PushOutput(NamedTuple):
    """An output that a push waits for: the push's first item, and the columns of the artifact."""

    root_ordinal: int
    root_item: int
    job_id: int
    ordinal: int
    folder: int
    item: int
    part: int
    position: int
    name: str
    media_type: str
    size: int
    sha256: str
    storage_key: str
    start_ms: int | None
    stop_ms: int | None
    metadata: str | None
    created_at: int
    bytes_deleted_at: int | None


class PushFailure(NamedTuple):
    """Why an attempt of a push failed."""

    job_id: int
    root_ordinal: int
    root_item: int
    ordinal: int
    failure_reason: str | None
    failure_message: str | None


class ResultTask(NamedTuple):
    """A task whose result clients wait for, and what its job is."""

    job_id: int
    ordinal: int
    status: str
    job_status: str
    cancelled: int


class OpenPush(NamedTuple):
    """A push of which an item may still run, by its first item."""

    job_id: int
    root_ordinal: int
    root_item: int


_OPEN: Final = Select("pushes.open", OpenPush)
_RESULTS: Final = Select("pushes.results", PushOutput)
_FAILURES: Final = Select("pushes.failures", PushFailure)
_TASKS: Final = Select("pushes.tasks", ResultTask)

Wanted = Sequence[tuple[int, PushWait]]
"""What clients wait for, each with the organization of its client."""


async def ended(tx: Tx, wanted: Wanted) -> dict[PushWait, PushResult]:
    """Returns the results of those pushes that have one, or that will have none. The others go on.

    Which have open items must be read first: what has none has its outputs by then.
    """
    roots = sorted({wait.root for _, wait in wanted})
    still_open = {tuple(row) for row in await _OPEN.each(tx, roots)}
    folders = [(*w.root, w.result_ordinal, folder, owner) for owner, w in wanted for folder in w.result_folders]
    outputs = dict[tuple[int, int, int, int], PushOutput]()
    for row in await _RESULTS.each(tx, sorted(folders)):
        outputs.setdefault((row.job_id, row.root_ordinal, row.root_item, row.ordinal), row)
    found = dict[PushWait, PushResult]()
    without = list[tuple[int, PushWait]]()
    for owner, wait in wanted:
        if (output := outputs.get((*wait.root, wait.result_ordinal))) is not None:
            found[wait] = PushResult(artifact(ArtifactRow(*output[2:])))
        elif wait.root not in still_open:
            without.append((owner, wait))
    return found | (await _without_result(tx, without) if without else {})


async def _without_result(tx: Tx, wanted: Wanted) -> dict[PushWait, PushResult]:
    keys = sorted({(w.job_id, w.result_ordinal, owner) for owner, w in wanted})
    tasks = {row[:2]: row for row in await _TASKS.each(tx, keys)}
    failures = {row[:3]: row for row in await _FAILURES.each(tx, sorted({(*w.root, owner) for owner, w in wanted}))}
    return {
        wait: PushResult(failure=_why(wait, tasks.get((wait.job_id, wait.result_ordinal)), failures.get(wait.root)))
        for _, wait in wanted
    }


def _why(wait: PushWait, task: ResultTask | None, failure: PushFailure | None) -> str | None:
    """Returns why there is no result; None if the engines made none and nothing failed."""
    if task is None:
        return "The job was deleted before there was a result."
    if task.cancelled or task.job_status == "aborted":
        return "The job was cancelled before there was a result."
    if failure is not None:
        text = failure.failure_message or "No message."
        return f"Task {task_graphql(wait.job_id, failure.ordinal)} failed ({failure.failure_reason}): {text}"
    if task.status in ("failed", "aborted"):
        return f"Task {task_graphql(wait.job_id, wait.result_ordinal)} is {task.status}; it makes no result."
    return None
