"""Whitelists and blacklists: which engines an organization may use. An engine that it may not use is absent for it."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from enginehouse.domain.engine import BLACKLIST, WHITELIST, Engine, EngineAccess
from enginehouse.domain.identity import Organization, Principal
from enginehouse.operations import accounts, bounds, engines
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require_super_admin
from enginehouse.operations.references import not_found
from enginehouse.storage import engine_access as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

Change = Callable[[Tx, int, str, Iterable[str]], Awaitable[None]]


def of(house: House, organization: Organization) -> EngineAccess:
    """Returns the lists of an organization that the caller may see."""
    return house.catalogue.access.get(organization.id, EngineAccess())


def named(house: House, ids: Iterable[str]) -> list[Engine]:
    """Returns the engines with these ids by name."""
    known = [house.catalogue.by_id[engine_id] for engine_id in ids if engine_id in house.catalogue.by_id]
    return sorted(known, key=lambda engine: (engine.spec.name.casefold(), engine.id))


@trail.mutation("addToEngineWhitelist", "Organization")
async def allow(house: House, principal: Principal, owner: str | None, names: Sequence[str]) -> Organization:
    """Of the server's engines the organization may use only those on its whitelist, from now on these too.

    Only for super administrators. Raises NotAllowed, NotFound (organization), InvalidInput (an engine is unknown).
    """
    return await _change(house, principal, owner, names, "addToEngineWhitelist", WHITELIST, storage.add)


@trail.mutation("deleteFromEngineWhitelist", "Organization")
async def allow_no_more(house: House, principal: Principal, owner: str | None, names: Sequence[str]) -> Organization:
    """The engines are not on the whitelist. One that is empty allows every engine. Raises as `allow`."""
    return await _change(house, principal, owner, names, "deleteFromEngineWhitelist", WHITELIST, storage.remove)


@trail.mutation("addToEngineBlacklist", "Organization")
async def deny(house: House, principal: Principal, owner: str | None, names: Sequence[str]) -> Organization:
    """The organization may not use these engines. Raises as `allow`."""
    return await _change(house, principal, owner, names, "addToEngineBlacklist", BLACKLIST, storage.add)


@trail.mutation("deleteFromEngineBlacklist", "Organization")
async def deny_no_more(house: House, principal: Principal, owner: str | None, names: Sequence[str]) -> Organization:
    """The engines are not on the blacklist. Raises as `allow`."""
    return await _change(house, principal, owner, names, "deleteFromEngineBlacklist", BLACKLIST, storage.remove)


async def _change(
    house: House, principal: Principal, owner: str | None, names: Sequence[str], event: str, kind: str, change: Change
) -> Organization:
    require_super_admin(principal)
    acting = await accounts.acting(house, principal, owner, "organizationId")
    organization = await accounts.get_organization(house, principal, acting.organization_id)
    found = [engines.shown(house, acting, name) for name in names]
    bounds.refuse([
        not_found(f"engineIds[{number}]", name)
        for number, (name, engine) in enumerate(zip(names, found, strict=True))
        if engine is None
    ])  # fmt: skip
    ids = {engine.id for engine in found if engine is not None}
    entry = trail.entry(
        principal, event, object_type="Organization", object_id=organization.id, organization_id=organization.id
    )

    async def apply(tx: Tx) -> None:
        await change(tx, organization.id, kind, ids)
        await entries.record(tx, [entry])

    await house.database.write(apply)
    await engines.refresh(house)
    return organization
