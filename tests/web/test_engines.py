"""The pages of the engines and of the workers: what they show to whom, and what can be done there."""

import pytest
from tests import make
from tests.web.conftest import Place
from tests.web.reader import Reader, text

from enginehouse.domain.identity import Role
from enginehouse.domain.resources import NOTHING
from enginehouse.operations import jobs, workers
from enginehouse.operations.workers import worker_id

NAME = "box/1234"


async def root(place: Place) -> Reader:
    """Returns a browser of the super administrator, by the bootstrap token in its cookie."""
    reader = await place.reader()
    reader.http.cookies.set("eh", place.secret)
    await reader.get("/")
    return reader


async def test_an_engine_shows_what_waits_for_it_and_leads_to_its_jobs(place: Place) -> None:
    await jobs.create(place.house, place.caller, [make.independent(3)])
    answer = await (await place.signed_in(Role.READER)).get("/engines")
    assert "noop ready 3" in text(answer)
    assert 'href="/jobs?engine=noop"' in answer.text
    assert "<button" not in answer.text.partition("<main")[2]


async def test_a_super_administrator_pauses_and_resumes_a_shared_engine(place: Place) -> None:
    reader = await root(place)
    await reader.get("/engines")
    assert "noop paused" in text(await reader.post("/engines/noop/pause"))
    assert "noop ready" in text(await reader.post("/engines/noop/resume"))
    assert (await reader.post("/engines/unknown/pause")).status_code == 404


async def arrived(place: Place) -> str:
    """Returns the id of a worker that has reported."""
    await workers.appear(place.house, name=NAME, pools={"native": 4}, engines=["noop"], resources=NOTHING)
    return worker_id(NAME)


async def test_a_worker_is_drained_and_resumed_by_a_super_administrator(place: Place) -> None:
    worker = await arrived(place)
    reader = await root(place)
    assert f"{NAME} takes work 0 native 4 1" in text(await reader.get("/workers"))
    assert f"{NAME} drained" in text(await reader.post(f"/workers/{worker}/drain"))
    assert f"{NAME} takes work" in text(await reader.post(f"/workers/{worker}/resume"))


@pytest.mark.parametrize(
    "path", ["/engines/noop/pause", "/engines/noop/resume", "/workers/W/drain", "/workers/W/resume"]
)
@pytest.mark.parametrize("role", [Role.READER, Role.USER, Role.ADMIN])
async def test_nobody_else_may(place: Place, role: Role, path: str) -> None:
    worker = await arrived(place)
    reader = await place.signed_in(role)
    page = await reader.get("/workers")
    assert "<button" not in page.text.partition("<main")[2]
    assert (NAME in page.text) is (role is Role.ADMIN), "the name tells of the machine"
    assert (await reader.post(path.replace("W", worker))).status_code == 403


async def test_without_a_worker_the_page_says_how_to_get_one(place: Place) -> None:
    assert "enginehouse worker run" in text(await (await place.signed_in()).get("/workers"))
