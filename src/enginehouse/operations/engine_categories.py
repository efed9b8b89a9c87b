"""The operations on engine categories: get and list; create, update and delete the organization's own."""

from collections.abc import Awaitable, Sequence
from typing import Final
from uuid import uuid4

from msgspec import structs

from enginehouse.domain.engine import CATEGORY_TYPES, CategoryRequest, EngineCategory
from enginehouse.domain.errors import InvalidInput, Problem, unknown_word
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import UuidRef
from enginehouse.operations import bounds, owned
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require
from enginehouse.storage import engine_categories as storage
from enginehouse.storage.database.database import Tx

CATEGORY: Final = "EngineCategory"
KIND: Final = OwnedKind(
    CATEGORY, "engine category", by_ids=storage.by_ids, lock=storage.lock, role=Role.ADMIN, owner="the server"
)


async def list_(house: House, principal: Principal) -> list[EngineCategory]:
    """Returns the built-in categories and the organization's own, by name."""
    require(principal, Role.READER)
    return await house.database.glance(lambda tx: storage.readable(tx, principal.organization_id))


async def get(house: House, principal: Principal, ref: UuidRef) -> EngineCategory:
    """Returns the category. Raises NotFound, also for a foreign one."""
    return await owned.get(house, KIND, principal, ref)


@trail.mutation("createEngineCategory", CATEGORY)
async def create(
    house: House, principal: Principal, request: CategoryRequest, known_problems: Sequence[Problem] = ()
) -> EngineCategory:
    """Creates the category. Raises InvalidInput with all problems, including the entrance's `known_problems`."""

    def make(tx: Tx) -> Awaitable[EngineCategory]:
        new = EngineCategory(str(uuid4()), "", "", "", principal.organization_id, created_at=tx.now)
        return _put(tx, new, request, known_problems)

    return await owned.create(house, KIND, principal, "createEngineCategory", make)


@trail.mutation("updateEngineCategory", CATEGORY, names="ref")
async def update(
    house: House, principal: Principal, ref: UuidRef, request: CategoryRequest, known_problems: Sequence[Problem] = ()
) -> EngineCategory:
    """Updates the fields that the request sets. Raises NotFound, NotAllowed, InvalidInput as `create` does."""

    def change(tx: Tx, old: EngineCategory) -> Awaitable[EngineCategory]:
        return _put(tx, old, request, known_problems)

    return await owned.change(house, KIND, principal, "updateEngineCategory", ref, change)


@trail.mutation("deleteEngineCategory", CATEGORY, names="ref")
async def delete(house: House, principal: Principal, ref: UuidRef) -> None:
    """Deletes the category. Raises InvalidInput while an engine names it, NotFound, NotAllowed for a built-in one.

    An engine that was deleted does not count.
    """

    async def remove(tx: Tx, category: EngineCategory) -> None:
        if names := await storage.engines(tx, category.id):
            users = f'the engine "{names[0]}" names it' if len(names) == 1 else f"{len(names)} engines name it"
            raise InvalidInput(
                f'"{category.id}" cannot be deleted: {users}. Declare another category there first.', "id"
            )
        await storage.delete(tx, category)

    await owned.change(house, KIND, principal, "deleteEngineCategory", ref, remove)


async def _put(tx: Tx, old: EngineCategory, request: CategoryRequest, known: Sequence[Problem]) -> EngineCategory:
    given = {name: value for name, value in structs.asdict(request).items() if value is not None}
    new = old._replace(**given, modified_at=tx.now)
    problems = bounds.text("name", new.name, longest=bounds.LONGEST_NAME, required=True)
    problems += bounds.text("description", new.description)
    if not new.type:
        problems.append(Problem("type", "must be given."))
    elif new.type not in CATEGORY_TYPES:
        problems.append(unknown_word("type", new.type, CATEGORY_TYPES))
    bounds.refuse(problems, known)
    await storage.put(tx, new)
    return new
