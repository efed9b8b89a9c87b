"""What each may have of the server: an organization's weight and limit, an engine's limit."""

from typing import Final, Literal

from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import Problem
from enginehouse.domain.identity import Organization, Principal
from enginehouse.operations import accounts, audit, bounds, pausing
from enginehouse.operations.house import House
from enginehouse.operations.permission import require_super_admin
from enginehouse.storage import audit_log
from enginehouse.storage import pausing as storage
from enginehouse.storage.database import Tx

LARGEST_WEIGHT: Final = 1_000
LARGEST_LIMIT: Final = 1_000_000

Unchanged = Literal["unchanged"]
UNCHANGED: Final[Unchanged] = "unchanged"


@audit.mutation("updateOrganization", "Organization", names="organization_id")
async def set_organization(
    house: House,
    principal: Principal,
    organization_id: int | None,
    *,
    weight: int | Unchanged = UNCHANGED,
    running_limit: int | Unchanged | None = UNCHANGED,
) -> Organization:
    """The organization has this weight beside the others, and at most so many attempts at once; None is any number.

    What one gains the others lose: this is for super administrators. Raises NotAllowed, NotFound, InvalidInput.
    """
    require_super_admin(principal)
    problems = _limit_problems(running_limit)
    if weight != UNCHANGED and not 1 <= weight <= LARGEST_WEIGHT:
        problems.append(Problem("weight", f"1–{LARGEST_WEIGHT}, got {weight}.", str(weight), f"1–{LARGEST_WEIGHT}"))
    bounds.refuse(problems)
    found = await accounts.get_organization(house, principal, organization_id)
    new_weight = found.weight if weight == UNCHANGED else weight
    new_limit = found.running_limit if running_limit == UNCHANGED else running_limit
    done = audit.entry(
        principal,
        "updateOrganization",
        object_type="Organization",
        object_id=found.id,
        organization_id=found.id,
        detail=f"weight {new_weight}, running limit {'none' if new_limit is None else new_limit}",
    )

    async def change(tx: Tx) -> None:
        await storage.set_share(tx, found.id, weight=new_weight, running_limit=new_limit)
        await audit_log.record(tx, [done])

    await house.database.write(change)
    house.waiting()
    return await accounts.get_organization(house, principal, found.id)


@audit.mutation("updateEngine", "Engine", names="name")
async def limit_engine(house: House, principal: Principal, name: str, running_limit: int | None) -> Engine:
    """At most so many attempts of the engine run at once, all organizations together; None is any number.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    engine, done = await pausing.changing(house, principal, name, "updateEngine")
    bounds.refuse(_limit_problems(running_limit))

    async def change(tx: Tx) -> None:
        await storage.set_engine_limit(tx, principal.organization_id, engine.spec.id, running_limit)
        await audit_log.record(tx, [done])

    await house.database.write(change)
    return await pausing.changed(house, principal, engine)


def _limit_problems(limit: int | Unchanged | None) -> list[Problem]:
    if limit is None or limit == UNCHANGED or 0 <= limit <= LARGEST_LIMIT:
        return []
    return [Problem("runningLimit", f"0–{LARGEST_LIMIT}, null for any number, got {limit}.", str(limit))]
