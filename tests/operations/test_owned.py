"""Owned objects of every kind: a foreign object looks unknown, and a foreign public one cannot be changed."""

from collections.abc import Awaitable, Callable

import pytest
from msgspec import structs
from tests.operations.scheduled import CALLER, STRANGER, scheduled, template

from enginehouse.domain.errors import NotAllowed, NotFound
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import Ref
from enginehouse.domain.sources import Source
from enginehouse.operations import job_pipelines, sources, templates
from enginehouse.operations.house import House
from enginehouse.operations.schedules import schedules

Create = Callable[[House, bool], Awaitable[int]]
Act = Callable[[House, Principal, Ref], Awaitable[object]]


async def _source(house: House, is_public: bool) -> int:
    [source_type, *_] = await sources.types(house, CALLER)
    source = Source(organization_id=1, source_type_id=source_type, name="s", is_public=is_public)
    return (await sources.create(house, CALLER, source)).id


async def _pipeline(house: House, is_public: bool) -> int:
    return (await job_pipelines.create(house, CALLER, [], is_public=is_public)).id


async def _template(house: House, is_public: bool) -> int:
    pipeline_id = await _pipeline(house, is_public)
    return (await templates.create(house, CALLER, structs.replace(template(), pipeline_id=pipeline_id))).id


async def _schedule(house: House, is_public: bool) -> int:
    return (await scheduled(house, is_public=is_public)).id


KINDS: dict[str, tuple[Create, Act, Act]] = {
    "source": (_source, sources.get, sources.delete),
    "pipeline": (_pipeline, job_pipelines.get, job_pipelines.delete),
    "template": (_template, templates.get, templates.delete),
    "scheduled job": (_schedule, schedules.get, schedules.delete),
}


@pytest.mark.parametrize("word", KINDS)
async def test_the_unknown_and_the_foreign_are_refused_in_the_words_of_the_caller(ready: House, word: str) -> None:
    create, get, delete = KINDS[word]
    foreign = await create(ready, False)
    for act in (get, delete):
        for number in (0, -1, foreign, 1 << 62, 1 << 64):
            with pytest.raises(NotFound, match='"as it was written" was not found'):
                await act(ready, STRANGER, Ref(number, "as it was written"))
    await get(ready, CALLER, Ref.of(foreign))


@pytest.mark.parametrize("word", KINDS)
async def test_a_public_object_of_others_is_read_and_not_changed(ready: House, word: str) -> None:
    create, get, delete = KINDS[word]
    public = Ref.of(await create(ready, True))
    await get(ready, STRANGER, public)
    with pytest.raises(NotAllowed, match=f"This {word} belongs to another organization; it can be read, not changed"):
        await delete(ready, STRANGER, public)
    await get(ready, CALLER, public)
    await delete(ready, CALLER, public)
    with pytest.raises(NotFound):
        await get(ready, CALLER, public)
