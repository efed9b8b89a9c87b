"""The engines that the server and its entry points declare, and those that a caller may see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from enginehouse.domain.engine import Engine, EngineAccess, EngineCategory, EngineMode, EngineSpec
from enginehouse.domain.errors import NotFound, NotRetryable
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.resources import Resources
from enginehouse.engines.native import aion
from enginehouse.operations import bounds, engine_categories
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import engine_access
from enginehouse.storage import engine_categories as stored_categories
from enginehouse.storage import engines as storage
from enginehouse.storage.database.database import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFilter:
    """Which engines to list; a field that is None or empty excludes nothing.

    `name` is a part of the engine's name, in any case; each of `categories` is a category's name or id; `owned` selects
    only the organization's own.
    """

    name: str | None = None
    categories: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None
    states: tuple[str, ...] = ()
    modes: tuple[EngineMode, ...] = ()
    owned: bool = False
    offset: int = 0
    limit: int = 30


async def register(house: House, specs: Sequence[EngineSpec], categories: Sequence[EngineCategory]) -> tuple[str, ...]:
    """Stores the declared engines and refreshes the catalogue. The state that an operator has set stays.

    An engine that is no longer declared stays known, because old jobs name it. One that names an unknown category, or
    an id that was declared before, is left out. Returns a sentence about each of these.
    """

    async def store(tx: Tx) -> tuple[str, ...]:
        known = {c.id for c in categories} | await stored_categories.ids(tx)
        sound, problems = _sound(specs, known)
        await storage.register(tx, [structs.replace(spec, python=None) for spec in sound], categories)
        return problems

    problems = await house.database.write(store)
    await refresh(house)
    return problems


def _sound(specs: Sequence[EngineSpec], categories: set[str]) -> tuple[list[EngineSpec], tuple[str, ...]]:
    """Returns the engines that can be stored, and what is wrong with the others."""
    sound, problems = dict[str, EngineSpec](), list[str]()
    for spec in specs:
        if any(not bounds.storable(text) for text in (spec.id, spec.name, spec.slug or "")):
            problems.append(f"engine {spec.name!a}: its id, name or slug has a NUL character.")
        elif spec.category_id not in categories:
            problems.append(f'engine "{spec.name}": names the category "{spec.category_id}", which does not exist.')
        elif spec.id in sound:
            problems.append(f'engine "{spec.name}": its id "{spec.id}" is declared twice.')
        else:
            sound[spec.id] = spec
    return [*sound.values()], tuple(problems)


async def refresh(house: House) -> None:
    """Reloads the catalogue from storage.

    The first engine that claims a name gets it. Ids come before aliases, aliases before slugs. An organization's own
    engine is found only by its id, so that no organization can take a name from another.
    """

    async def read(tx: Tx) -> tuple[list[Engine], dict[int, EngineAccess]]:
        return await storage.all_engines(tx), await engine_access.all_(tx)

    stored, access = await house.database.read(read)
    shared = [engine for engine in stored if engine.organization_id is None]
    by_id = {engine.spec.id: engine for engine in stored}
    by_task_type: dict[str, Engine] = {}
    for engine in shared:
        for alias in engine.spec.aliases:
            by_id.setdefault(alias, engine)
        if engine.spec.task_type:
            by_task_type.setdefault(engine.spec.task_type, engine)
    for engine in shared:
        if engine.spec.slug:
            by_id.setdefault(engine.spec.slug, engine)
    called = over_http(house)
    house.catalogue.by_id, house.catalogue.by_task_type, house.catalogue.access = by_id, by_task_type, access
    if over_http(house) != called:
        house.work_waits.end()  # workers elsewhere learn what they call now when they wait again


def find(house: House, principal: Principal, name: str) -> Engine | None:
    """Returns the engine with this id, alias or slug, if the caller may use it. UUIDs may be in upper case."""
    known = house.catalogue.by_id
    engine = known.get(name) or known.get(name.lower())
    return engine if engine is not None and usable(house, principal, engine) else None


def shown(house: House, principal: Principal, engine_id: str) -> Engine | None:
    """Returns the engine that an old job names, also if the organization may not use it any more."""
    known = house.catalogue.by_id
    engine = known.get(engine_id) or known.get(engine_id.lower())
    return engine if engine is not None and _is_of(engine, principal) else None


def of_category(house: House, principal: Principal, category_id: str) -> tuple[str, ...]:
    """Returns the ids of the engines of the category that `shown` finds."""
    known = {engine.spec.id: engine for engine in house.catalogue.by_id.values()}
    return tuple(
        sorted(i for i, engine in known.items() if engine.spec.category_id == category_id and _is_of(engine, principal))
    )


def usable_of_category(house: House, principal: Principal, category_id: str) -> list[Engine]:
    """Returns the engines of the category that the caller may use: the organization's own first, then by name."""
    known = _distinct(house.catalogue.by_id.values())
    found = [each for each in known if each.spec.category_id == category_id and usable(house, principal, each)]
    return sorted(found, key=lambda each: (each.organization_id is None, each.spec.name, each.id))


def over_http(house: House) -> dict[str, Resources]:
    """Returns the engines with an address, and what a call takes of a machine: servers take their work."""
    return {
        engine.id: engine.spec.resources for engine in house.catalogue.by_id.values() if engine.spec.address is not None
    }


def refuse_withdrawn(house: House, principal: Principal, engine_ids: Iterable[str]) -> None:
    """Raises NotRetryable if an engine of an old job was deleted, or the organization may not use it any more."""
    known = [house.catalogue.by_id[each] for each in dict.fromkeys(engine_ids) if each in house.catalogue.by_id]
    gone = [engine.spec.name for engine in known if not usable(house, principal, engine)]
    if gone:
        raise NotRetryable(f'The engine "{gone[0]}" is no longer available to your organization.')


def validates(principal: Principal, document: Any) -> bool:
    """Returns True if the value is a document of engine results that satisfies the contracts that it lists."""
    require(principal, Role.READER)
    return aion.is_valid(document)


async def get(house: House, principal: Principal, name: str) -> Engine:
    """Returns the engine with this id, alias or slug. Raises NotFound, also for a foreign one."""
    require(principal, Role.READER)
    engine = find(house, principal, name)
    if engine is None:
        raise NotFound("Engine", name)
    return engine


async def list_(house: House, principal: Principal, criteria: EngineFilter) -> list[Engine]:
    """Returns one page of the engines the caller may use, by name. Raises InvalidInput for a page out of bounds."""
    require(principal, Role.READER)
    bounds.page(criteria.offset, criteria.limit, largest=house.limits.page_size)
    category_ids = await _category_ids(house, principal, criteria.categories)
    ids = None if criteria.ids is None else {e.spec.id for e in (find(house, principal, i) for i in criteria.ids) if e}
    part = (criteria.name or "").casefold()
    matching = [
        engine
        for engine in _distinct(house.catalogue.by_id.values())
        if usable(house, principal, engine)
        and (ids is None or engine.spec.id in ids)
        and (category_ids is None or engine.spec.category_id in category_ids)
        and (not criteria.states or engine.state in criteria.states)
        and (not criteria.modes or engine.spec.mode in criteria.modes)
        and (not criteria.owned or engine.organization_id is not None)
        and part in engine.spec.name.casefold()
    ]
    matching.sort(key=lambda engine: (engine.spec.name.casefold(), engine.spec.id))
    return matching[criteria.offset : criteria.offset + criteria.limit]


async def _category_ids(house: House, principal: Principal, names: tuple[str, ...]) -> set[str] | None:
    """Returns the ids of the categories with these names or ids that the caller can see; None for any category."""
    if not names:
        return None
    folded = {name.casefold() for name in names}
    stored = await engine_categories.list_(house, principal)
    return {c.id for c in stored if c.id.casefold() in folded or c.name.casefold() in folded}


def usable(house: House, principal: Principal, engine: Engine) -> bool:
    """True if the caller's organization may use the engine."""
    if engine.state == "deleted" or not _is_of(engine, principal):
        return False
    access = house.catalogue.access.get(principal.organization_id)
    return access is None or access.allows(engine)


def _is_of(engine: Engine, principal: Principal) -> bool:
    return engine.organization_id is None or engine.organization_id == principal.organization_id


def _distinct(engines: Iterable[Engine]) -> list[Engine]:
    return list({engine.spec.id: engine for engine in engines}.values())
