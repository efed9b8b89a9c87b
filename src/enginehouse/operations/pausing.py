"""Pausing and resuming: a job, an organization, an engine. Pausing never stops what runs; afterwards nothing starts."""

from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.identity import Organization, Principal, Role
from enginehouse.domain.status import JOB_ENDED
from enginehouse.operations import accounts, audit, engines
from enginehouse.operations.house import House
from enginehouse.operations.permission import require, require_super_admin
from enginehouse.storage import audit_log, pausing
from enginehouse.storage.audit_log import Entry
from enginehouse.storage.database import Tx


@audit.mutation("pauseJob", "Job", names="job_id")
async def pause_job(house: House, principal: Principal, job_id: int, shown: str = "") -> bool:
    """Nothing more of the job starts until it is resumed; False where it was paused before.

    Raises InvalidInput for a job that has ended, NotFound.
    """
    require(principal, Role.USER)
    done = audit.entry(principal, "pauseJob", object_type="Job", object_id=job_id)

    async def pause(tx: Tx) -> pausing.Paused | None:
        paused = await pausing.pause_job(tx, principal.organization_id, job_id)
        await audit_log.record(tx, [done] if paused is not None and paused.status not in JOB_ENDED else [])
        return paused

    paused = await house.database.write(pause)
    if paused is None:
        raise NotFound("Job", shown or job_id)
    if paused.status in JOB_ENDED:
        raise InvalidInput(f"Job is already {paused.status}; there is nothing left to pause.")
    house.watches.changed([job_id])
    return paused.changed


@audit.mutation("resumeJob", "Job", names="job_id")
async def resume_job(house: House, principal: Principal, job_id: int, shown: str = "") -> bool:
    """The job goes on; False where it was not paused. Raises NotFound."""
    require(principal, Role.USER)
    done = audit.entry(principal, "resumeJob", object_type="Job", object_id=job_id)

    async def resume(tx: Tx) -> pausing.Paused | None:
        resumed = await pausing.resume_job(tx, principal.organization_id, job_id)
        await audit_log.record(tx, [done] if resumed is not None else [])
        return resumed

    resumed = await house.database.write(resume)
    if resumed is None:
        raise NotFound("Job", shown or job_id)
    house.waiting()
    house.watches.changed([job_id])
    return resumed.changed


@audit.mutation("pauseOrganization", "Organization", names="organization_id")
async def pause_organization(house: House, principal: Principal, organization_id: int | None = None) -> Organization:
    """Nothing of the organization starts until it is resumed. Raises NotAllowed, NotFound."""
    return await _set_pause(house, principal, organization_id, paused=True)


@audit.mutation("resumeOrganization", "Organization", names="organization_id")
async def resume_organization(house: House, principal: Principal, organization_id: int | None = None) -> Organization:
    """The organization's jobs go on. Raises NotAllowed, NotFound."""
    return await _set_pause(house, principal, organization_id, paused=False)


async def _set_pause(house: House, principal: Principal, organization_id: int | None, *, paused: bool) -> Organization:
    require(principal, Role.ADMIN)
    found = await accounts.get_organization(house, principal, organization_id)
    event = "pauseOrganization" if paused else "resumeOrganization"
    done = audit.entry(principal, event, object_type="Organization", object_id=found.id, organization_id=found.id)

    async def change(tx: Tx) -> None:
        await (pausing.pause_organization if paused else pausing.resume_organization)(tx, found.id)
        await audit_log.record(tx, [done])

    await house.database.write(change)
    house.waiting()
    return await accounts.get_organization(house, principal, found.id)


@audit.mutation("pauseEngine", "Engine", names="name")
async def pause_engine(house: House, principal: Principal, name: str) -> Engine:
    """No task of the engine starts until it is resumed. Raises NotAllowed, NotFound."""
    engine, done = await changing(house, principal, name, "pauseEngine")

    async def pause(tx: Tx) -> None:
        await pausing.set_engine_state(tx, principal.organization_id, engine.spec.id, was="active", state="paused")
        await audit_log.record(tx, [done])

    await house.database.write(pause)
    return await changed(house, principal, engine)


@audit.mutation("resumeEngine", "Engine", names="name")
async def resume_engine(house: House, principal: Principal, name: str) -> Engine:
    """Tasks of the engine start again. Raises NotAllowed, NotFound."""
    engine, done = await changing(house, principal, name, "resumeEngine")

    async def resume(tx: Tx) -> None:
        await pausing.set_engine_state(tx, principal.organization_id, engine.spec.id, was="paused", state="active")
        await audit_log.record(tx, [done])

    await house.database.write(resume)
    return await changed(house, principal, engine)


async def changing(house: House, principal: Principal, name: str, event: str) -> tuple[Engine, Entry]:
    """The engine, which the caller may change, and what is recorded of it.

    One that every organization may use is a super administrator's to change. Raises NotAllowed, NotFound.
    """
    require(principal, Role.ADMIN)
    engine = await engines.get(house, principal, name)
    if engine.organization_id is None:
        require_super_admin(principal)
    return engine, audit.entry(principal, event, object_type="Engine", object_id=engine.spec.id)


async def changed(house: House, principal: Principal, engine: Engine) -> Engine:
    """The engine as it is now, also in this server's memory; who dispatches has another look."""
    await engines.refresh(house)
    house.waiting()
    return await engines.get(house, principal, engine.spec.id)
