"""Deletes one task of a job that has ended."""

from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import TaskRef
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import task_deletion as storage


@trail.mutation("deleteTask", "Task", names="ref")
async def delete(house: House, principal: Principal, ref: TaskRef) -> None:
    """Deletes a task of a job that has ended: nobody sees it, its outputs, attempts or logs any more.

    The status of the job stays as it is. Raises NotFound, InvalidInput if the job has not ended.
    """
    require(principal, Role.USER)
    named = f"{ref.job_id}/{ref.ordinal}"
    entry = trail.entry(principal, "deleteTask", object_type="Task", object_id=named)

    async def drop(tx: Tx) -> storage.TaskDeletion | None:
        done = await storage.delete(tx, principal.organization_id, ref.job_id, ref.ordinal)
        await entries.record(tx, [entry] if done is not None and done.refused is None else [])
        return done

    done = await house.database.write_work(drop)
    if done is None:
        raise NotFound("Task", ref.text)
    if done.refused is not None:
        text = f"Its job is {done.refused}, and other tasks may need it. Cancel the job or wait for its end first."
        raise InvalidInput(text)
    house.watches.changed([ref.job_id])
    await house.store.delete(list(done.removed))
