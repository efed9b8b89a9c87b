"""Pauses, resumes and limits jobs, organizations and engines. A pause lets running work end, and nothing new starts."""

from typing import Final, Literal

from enginehouse.domain.audit import Entry
from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import InvalidInput, NotFound, Problem
from enginehouse.domain.identity import Organization, Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JOB_ENDED
from enginehouse.operations import accounts, bounds, engines
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require, require_super_admin
from enginehouse.storage import limits as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx


@trail.mutation("pauseJob", "Job", names="ref")
async def pause_job(house: House, principal: Principal, ref: Ref) -> bool:
    """Pauses the job: none of its tasks starts until it is resumed. Returns False if it was paused before.

    Raises InvalidInput for a job that has ended, NotFound.
    """
    require(principal, Role.USER)
    entry = trail.entry(principal, "pauseJob", object_type="Job", object_id=ref.number)

    async def pause(tx: Tx) -> storage.Paused | None:
        paused = await storage.pause_job(tx, principal.organization_id, ref.number)
        await entries.record(tx, [entry] if paused is not None and paused.status not in JOB_ENDED else [])
        return paused

    paused = await house.database.write(pause)
    if paused is None:
        raise NotFound("Job", ref.text)
    if paused.status in JOB_ENDED:
        raise InvalidInput(f"Job is already {paused.status}; there is nothing left to pause.")
    house.watches.changed([ref.number])
    return paused.changed


@trail.mutation("resumeJob", "Job", names="ref")
async def resume_job(house: House, principal: Principal, ref: Ref) -> bool:
    """Resumes the job. Returns False if it was not paused. Raises NotFound."""
    require(principal, Role.USER)
    entry = trail.entry(principal, "resumeJob", object_type="Job", object_id=ref.number)

    async def resume(tx: Tx) -> storage.Paused | None:
        resumed = await storage.resume_job(tx, principal.organization_id, ref.number)
        await entries.record(tx, [entry] if resumed is not None else [])
        return resumed

    resumed = await house.database.write(resume)
    if resumed is None:
        raise NotFound("Job", ref.text)
    house.waiting()
    house.watches.changed([ref.number])
    return resumed.changed


@trail.mutation("pauseOrganization", "Organization", names="organization_id")
async def pause_organization(house: House, principal: Principal, organization_id: int | None = None) -> Organization:
    """Pauses the organization: none of its tasks starts until it is resumed. Raises NotAllowed, NotFound."""
    return await _set_pause(house, principal, organization_id, paused=True)


@trail.mutation("resumeOrganization", "Organization", names="organization_id")
async def resume_organization(house: House, principal: Principal, organization_id: int | None = None) -> Organization:
    """Resumes the organization. Raises NotAllowed, NotFound."""
    return await _set_pause(house, principal, organization_id, paused=False)


async def _set_pause(house: House, principal: Principal, organization_id: int | None, *, paused: bool) -> Organization:
    require(principal, Role.ADMIN)
    organization = await accounts.get_organization(house, principal, organization_id)
    event = "pauseOrganization" if paused else "resumeOrganization"
    entry = trail.entry(
        principal, event, object_type="Organization", object_id=organization.id, organization_id=organization.id
    )

    async def change(tx: Tx) -> None:
        await (storage.pause_organization if paused else storage.resume_organization)(tx, organization.id)
        await entries.record(tx, [entry])

    await house.database.write(change)
    house.waiting()
    return await accounts.get_organization(house, principal, organization.id)


@trail.mutation("pauseEngine", "Engine", names="name")
async def pause_engine(house: House, principal: Principal, name: str) -> Engine:
    """Pauses the engine: none of its tasks starts until it is resumed. Raises NotAllowed, NotFound."""
    engine, entry = await changing(house, principal, name, "pauseEngine")

    async def pause(tx: Tx) -> None:
        await storage.set_engine_state(tx, principal.organization_id, engine.spec.id, was="active", state="paused")
        await entries.record(tx, [entry])

    await house.database.write(pause)
    return await changed(house, principal, engine)


@trail.mutation("resumeEngine", "Engine", names="name")
async def resume_engine(house: House, principal: Principal, name: str) -> Engine:
    """Resumes the engine. Raises NotAllowed, NotFound."""
    engine, entry = await changing(house, principal, name, "resumeEngine")

    async def resume(tx: Tx) -> None:
        await storage.set_engine_state(tx, principal.organization_id, engine.spec.id, was="paused", state="active")
        await entries.record(tx, [entry])

    await house.database.write(resume)
    return await changed(house, principal, engine)


async def changing(house: House, principal: Principal, name: str, event: str) -> tuple[Engine, Entry]:
    """Returns an engine that the caller may change, and the audit entry for the change.

    Only a super administrator may change a shared engine. Raises NotAllowed, NotFound.
    """
    require(principal, Role.ADMIN)
    engine = await engines.get(house, principal, name)
    if engine.organization_id is None:
        require_super_admin(principal)
    return engine, trail.entry(principal, event, object_type="Engine", object_id=engine.spec.id)


async def changed(house: House, principal: Principal, engine: Engine) -> Engine:
    """Refreshes the catalogue, wakes the dispatcher, and returns the changed engine."""
    await engines.refresh(house)
    house.waiting()
    return await engines.get(house, principal, engine.spec.id)


LARGEST_WEIGHT: Final = 1_000
LARGEST_LIMIT: Final = 1_000_000

Unchanged = Literal["unchanged"]
UNCHANGED: Final[Unchanged] = "unchanged"


@trail.mutation("updateOrganization", "Organization", names="organization_id")
async def set_organization(
    house: House,
    principal: Principal,
    organization_id: int | None,
    *,
    weight: int | Unchanged = UNCHANGED,
    running_limit: int | Unchanged | None = UNCHANGED,
) -> Organization:
    """Sets the organization's weight, and how many of its attempts may run at once; None is no limit.

    Only for super administrators, because one organization's gain is a loss for the others. Raises NotAllowed,
    NotFound, InvalidInput.
    """
    require_super_admin(principal)
    problems = _limit_problems(running_limit)
    if weight != UNCHANGED and not 1 <= weight <= LARGEST_WEIGHT:
        problems.append(Problem("weight", f"1–{LARGEST_WEIGHT}, got {weight}.", str(weight), f"1–{LARGEST_WEIGHT}"))
    bounds.refuse(problems)
    organization = await accounts.get_organization(house, principal, organization_id)
    new_weight = organization.weight if weight == UNCHANGED else weight
    new_limit = organization.running_limit if running_limit == UNCHANGED else running_limit
    entry = trail.entry(
        principal,
        "updateOrganization",
        object_type="Organization",
        object_id=organization.id,
        organization_id=organization.id,
        detail=f"weight {new_weight}, running limit {'none' if new_limit is None else new_limit}",
    )

    async def change(tx: Tx) -> None:
        await storage.set_share(tx, organization.id, weight=new_weight, running_limit=new_limit)
        await entries.record(tx, [entry])

    await house.database.write(change)
    house.waiting()
    return await accounts.get_organization(house, principal, organization.id)


@trail.mutation("updateEngine", "Engine", names="name")
async def limit_engine(house: House, principal: Principal, name: str, running_limit: int | None) -> Engine:
    """Sets how many attempts of the engine may run at once, of all organizations together; None is no limit.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    engine, entry = await changing(house, principal, name, "updateEngine")
    bounds.refuse(_limit_problems(running_limit))

    async def change(tx: Tx) -> None:
        await storage.set_engine_limit(tx, principal.organization_id, engine.spec.id, running_limit)
        await entries.record(tx, [entry])

    await house.database.write(change)
    return await changed(house, principal, engine)


def _limit_problems(limit: int | Unchanged | None) -> list[Problem]:
    if limit is None or limit == UNCHANGED or 0 <= limit <= LARGEST_LIMIT:
        return []
    return [Problem("runningLimit", f"0–{LARGEST_LIMIT}, null for any number, got {limit}.", str(limit))]
