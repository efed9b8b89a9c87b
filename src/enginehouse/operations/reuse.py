"""The outputs that a retry of only the failed tasks reuses from the old job."""

from enginehouse.domain.errors import NotRetryable
from enginehouse.domain.event import NOT_NEEDED
from enginehouse.domain.job import Job, Task
from enginehouse.domain.planning import pushes
from enginehouse.domain.planning.edges import edges_of, reach
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.operations.house import House
from enginehouse.storage.jobs import reuse

_NAMED = 3  # how many lost outputs a message names


def refuse_complete(job: Job) -> None:
    """Raises NotRetryable if the job is complete."""
    if job.status is JobStatus.COMPLETE:
        raise NotRetryable("Job is complete; only a job that is not complete can be retried.")


async def taken_over(house: House, job: Job, changed: frozenset[int] = frozenset()) -> dict[int, int]:
    """Returns the tasks whose stored outputs the retry reuses, each with the job that made them.

    Tasks with a `changed` payload run again, and so does all that can follow them. Raises NotRetryable if there is no
    such task and none has failed, or if stored outputs no longer exist.
    """
    if not changed and not any(_came_to_nothing(task) for task in job.tasks):
        text = f"Job is {job.status} and none of its tasks has failed or was aborted; only a whole retry is possible."
        raise NotRetryable(text)
    edges = edges_of(job.plan)
    again = {reached for ordinal in changed for reached in reach(edges, ordinal)}
    reused = {ordinal: origin for ordinal, origin in reusable(job).items() if ordinal not in again}
    await _refuse_without_bytes(house, job.id, sorted(reused))
    return reused


def reusable(job: Job) -> dict[int, int]:
    """Returns the complete tasks, each with the job that ran it.

    Standbys are left out: a standby is needed again only if its principal fails again. So are tasks that work on pushed
    content: a retry waits for new pushes.
    """
    pushed = pushes.of_pushes(job.plan)
    return {
        task.ordinal: job.id if task.reused_from is None else task.reused_from
        for task in job.tasks
        if task.status is TaskStatus.COMPLETE
        and task.plan.standby_for is None
        and task.deleted_at is None
        and task.ordinal not in pushed
    }


def _came_to_nothing(task: Task) -> bool:
    if task.status is TaskStatus.ABORTED:
        return task.failure_reason != NOT_NEEDED
    return task.status is TaskStatus.FAILED


async def _refuse_without_bytes(house: House, job_id: int, ordinals: list[int]) -> None:
    tasks = [(job_id, ordinal) for ordinal in ordinals]
    outputs = await house.database.peek(lambda tx: reuse.outputs(tx, tasks))
    gone = set(await house.store.missing([output.storage_key for output in outputs]))
    if not gone:
        return
    lost = [output for output in outputs if output.storage_key in gone]
    names = ", ".join(f'"{output.name}" of task {output.ordinal}' for output in lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    verb = "is" if len(lost) == 1 else "are"
    raise NotRetryable(f"The stored output {names}{more} {verb} gone; only a whole retry is possible.")
