"""The catalogue: what is registered, which names find it, and who sees it."""

import asyncio

import pytest
from msgspec import structs
from tests.operations.people import People, arrive

from enginehouse.domain.engine import Engine, EngineCategory, EngineKind, EngineMode, EngineSpec
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.operations import engine_categories, engines
from enginehouse.operations.engines import EngineFilter
from enginehouse.operations.house import House

WORDS = EngineCategory(id="c-words", name="Keywords", type="Cognition", description="Finds terms.")
MEDIA = EngineCategory(id="c-media", name="Transcription", type="Cognition")


def spec(name: str, category: EngineCategory = WORDS, **fields: object) -> EngineSpec:
    made = EngineSpec(id=f"id-{name.lower()}", name=name, category_id=category.id, kind=EngineKind.NATIVE)
    return structs.replace(made, **fields)


SPECS = [
    spec("Zeta", slug="zeta", aliases=("9e611ad7-2d3b-48f6-a51b-0a1ba40fe255",), task_type="zeta-type"),
    spec("alpha", MEDIA, mode=EngineMode.STREAM),
    spec("Beta", kind=EngineKind.PYTHON, manifest={"languages": ["en"]}),
]


@pytest.fixture
async def people(house: House) -> People:
    await engines.register(house, SPECS, [WORDS, MEDIA])
    return await arrive(house)


def own(house: House, organization_id: int, made: EngineSpec) -> None:
    """Adds an engine of one organization to the catalogue."""
    house.catalogue.by_id[made.id] = Engine(
        spec=made, organization_id=organization_id, state="active", created_at=0, modified_at=0
    )


async def test_an_engine_is_found_by_id_alias_and_slug(house: House, people: People) -> None:
    names = [
        "id-zeta",
        "ID-Zeta",
        "zeta",
        "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255",
        "9E611AD7-2D3B-48F6-A51B-0A1BA40FE255",
    ]
    for name in names:
        assert (await engines.get(house, people.reader, name)).spec == SPECS[0]
    assert house.catalogue.by_task_type["zeta-type"].spec == SPECS[0]
    assert engines.find(house, people.reader, "Zeta type") is None


async def test_the_foreign_looks_like_the_unknown(house: House, people: People) -> None:
    own(house, people.stranger.organization_id, spec("Secret"))
    assert (await engines.get(house, people.stranger, "id-secret")).spec.name == "Secret"
    assert engines.find(house, people.admin, "id-secret") is None
    said = []
    for name in ("id-secret", "id-nobody"):
        with pytest.raises(NotFound) as caught:
            await engines.get(house, people.admin, name)
        said.append(caught.value.message.replace(name, "ID"))
    assert said[0] == said[1]
    listed = await engines.list_(house, people.admin, EngineFilter(ids=("id-secret", "id-beta")))
    assert [engine.spec.id for engine in listed] == ["id-beta"]
    owned = await engines.list_(house, people.stranger, EngineFilter(owned=True))
    assert [engine.spec.id for engine in owned] == ["id-secret"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (EngineFilter(), ["alpha", "Beta", "Zeta"]),
        (EngineFilter(name="ET"), ["Beta", "Zeta"]),
        (EngineFilter(categories=("keywords",)), ["Beta", "Zeta"]),
        (EngineFilter(categories=("c-media", "nothing")), ["alpha"]),
        (EngineFilter(categories=("nothing",)), []),
        (EngineFilter(ids=("zeta", "id-alpha", "id-nobody")), ["alpha", "Zeta"]),
        (EngineFilter(ids=()), []),
        (EngineFilter(modes=(EngineMode.STREAM,)), ["alpha"]),
        (EngineFilter(states=("paused",)), []),
        (EngineFilter(states=("active", "paused")), ["alpha", "Beta", "Zeta"]),
        (EngineFilter(owned=True), []),
        (EngineFilter(offset=1, limit=1), ["Beta"]),
        (EngineFilter(limit=0), []),
    ],
)
async def test_engines_are_listed_by_name(house: House, people: People, wanted: EngineFilter, names: list[str]) -> None:
    assert [engine.spec.name for engine in await engines.list_(house, people.reader, wanted)] == names


async def test_a_page_out_of_bounds_is_refused(house: House, people: People) -> None:
    with pytest.raises(InvalidInput, match="limit: must be between 0 and 1000"):
        await engines.list_(house, people.reader, EngineFilter(limit=1_001))


async def test_registering_again_changes_only_what_is_new(house: House, people: People) -> None:
    before = dict(house.catalogue.by_id)
    changed = structs.replace(SPECS[2], description="now described")
    await engines.register(house, [*SPECS[:2], changed], [WORDS])
    after = house.catalogue.by_id
    assert after["id-zeta"] == before["id-zeta"]
    assert after["id-beta"].spec == changed
    assert after["id-beta"].created_at == before["id-beta"].created_at
    assert after["id-beta"].modified_at > before["id-beta"].modified_at


async def test_an_engine_no_longer_declared_is_still_known(house: House, people: People) -> None:
    await engines.register(house, [], [])
    assert (await engines.get(house, people.reader, "id-zeta")).spec == SPECS[0]
    assert [one.id for one in await engine_categories.list_(house, people.reader)] == [WORDS.id, MEDIA.id]


async def test_servers_that_start_at_once_register_the_same_engines(house: House) -> None:
    houses = [house, *(House.build(house.database, house.store) for _ in range(3))]
    orders = [SPECS, SPECS[::-1], SPECS, SPECS[::-1]]
    await asyncio.gather(
        *(engines.register(one, specs, [WORDS, MEDIA]) for one, specs in zip(houses, orders, strict=True))
    )
    for one in houses:
        await engines.refresh(one)
        assert one.catalogue == house.catalogue


async def test_a_declaration_that_does_not_hold_together_is_left_out(house: House) -> None:
    faulty = [spec("A", slug="second"), spec("B", category_id="nowhere"), spec("C", slug="c\0")]
    assert await engines.register(house, [spec("A"), *faulty, spec("D")], [WORDS]) == (
        'engine "A": its id "id-a" is declared twice.',
        'engine "B": names the category "nowhere", which does not exist.',
        "engine 'C': its id, name or slug has a NUL character.",
    )
    assert {name: engine.spec.name for name, engine in house.catalogue.by_id.items()} == {"id-a": "A", "id-d": "D"}


async def test_the_place_of_an_interpreter_stays_on_its_machine(house: House) -> None:
    await engines.register(house, [spec("A", kind=EngineKind.PYTHON, python="/opt/a/bin/python")], [WORDS])
    assert house.catalogue.by_id["id-a"].spec == spec("A", kind=EngineKind.PYTHON)


async def test_an_id_comes_before_an_alias_and_an_alias_before_a_slug(house: House) -> None:
    specs = [spec("A", slug="name", aliases=("id-b",)), spec("B", aliases=("name",)), spec("C", slug="name")]
    await engines.register(house, specs, [WORDS])
    assert house.catalogue.by_id["id-b"].spec.name == "B"
    assert house.catalogue.by_id["name"].spec.name == "B"
