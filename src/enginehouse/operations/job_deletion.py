"""Deletes a job with everything that belongs to it."""

from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.audit import entries as audit_entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import deletion


@trail.mutation("deleteJob", "Job", names="ref")
async def delete(house: House, principal: Principal, ref: Ref) -> None:
    """Deletes the job, its tasks, history and outputs. Running attempts are fenced and stopped. Raises NotFound."""
    require(principal, Role.USER)
    entry = trail.entry(principal, "deleteJob", object_type="Job", object_id=ref.number)

    async def drop(tx: Tx) -> list[str] | None:
        keys = await deletion.delete(tx, [ref.number], organization_id=principal.organization_id)
        await audit_entries.record(tx, [] if keys is None else [entry])
        return keys

    keys = await house.database.write(drop)
    if keys is None:
        raise NotFound("Job", ref.text)
    house.plans.forget(ref.number)
    house.listeners.cancelled([ref.number])
    house.watches.changed([ref.number])
    await house.store.delete(keys)
