"""The rows of engines: what a second registration keeps."""

from msgspec import structs

from enginehouse.domain.engine import EngineCategory, EngineKind, EngineSpec
from enginehouse.storage import engine_categories, engines
from enginehouse.storage.database.database import Database, Tx

CATEGORY = EngineCategory(id="c", name="Category", type="Cognition", description="d")
SPEC = EngineSpec(
    id="e", name="Engine", category_id="c", kind=EngineKind.HTTP, aliases=("a", "b"), manifest={"b": 1, "a": [None]}
)


async def register(database: Database, spec: EngineSpec, category: EngineCategory = CATEGORY) -> None:
    await database.write(lambda tx: engines.register(tx, [spec], [category]))


async def test_what_is_declared_is_read_back(database: Database) -> None:
    await register(database, SPEC)
    [engine] = await database.read(engines.all_engines)
    assert (engine.spec, engine.organization_id, engine.state) == (SPEC, None, "active")
    assert engine.created_at == engine.modified_at > 0
    [category] = await database.read(lambda tx: engine_categories.readable(tx, 1))
    assert category._replace(created_at=0, modified_at=0) == CATEGORY


async def test_the_dates_of_what_has_not_changed_stay(database: Database) -> None:
    await register(database, SPEC)
    first = await database.read(engines.all_engines)
    await register(database, structs.replace(SPEC, manifest={"a": [None], "b": 1}))
    assert await database.read(engines.all_engines) == first
    await register(database, structs.replace(SPEC, name="Renamed"), CATEGORY._replace(name="Other"))
    [engine] = await database.read(engines.all_engines)
    assert (engine.spec.name, engine.created_at) == ("Renamed", first[0].created_at)
    assert engine.modified_at > first[0].modified_at
    categories = await database.read(lambda tx: engine_categories.readable(tx, 1))
    assert [category.name for category in categories] == ["Other"]


async def test_nothing_declared_is_nothing_stored(database: Database) -> None:
    async def none(tx: Tx) -> None:
        await engines.register(tx, [], [])

    await database.write(none)
    assert await database.read(engines.all_engines) == []
