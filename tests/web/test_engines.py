"""The pages of the engines and of the workers: what they show to whom, and what can be done there."""

import re

import pytest
from tests import make
from tests.web.conftest import Place
from tests.web.reader import Reader, text

from enginehouse.domain.engine_health import HealthEvent
from enginehouse.domain.identity import Role
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.resources import Resources
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Failed, Report
from enginehouse.operations import engine_addresses, engine_health, jobs, work, workers
from enginehouse.operations.engine_addresses import NewHttpEngine
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
    assert re.search(r"noop native, shared .*?ready 3 0 – none", text(answer))
    assert 'href="/jobs?engine=noop"' in answer.text
    assert "<button" not in answer.text.partition("<main")[2]


async def test_a_super_administrator_pauses_and_resumes_a_shared_engine(place: Place) -> None:
    reader = await root(place)
    await reader.get("/engines")
    assert re.search(r"noop native, shared \w* ?paused", text(await reader.post("/engines/noop/pause")))
    assert re.search(r"noop native, shared \w* ?ready", text(await reader.post("/engines/noop/resume")))
    assert (await reader.post("/engines/unknown/pause")).status_code == 404


async def test_an_engine_shows_what_runs_and_what_has_failed_with_a_link(place: Place) -> None:
    await jobs.create(place.house, place.caller, [make.independent(1) for _ in range(3)])
    first, _ = await work.claim(place.house, pool="native", limit=2, worker="w")
    bad = Failed(FailureKind.INVALID_DATA, "a <b>secret</b>", is_final=True)
    await work.finish(place.house, Report(first.key, first.token, bad))
    answer = await (await place.signed_in(Role.READER)).get("/engines")
    assert re.search(r"noop native, shared .*?ready 1 1 1 invalid data", text(answer))
    assert f'href="/jobs/{job_graphql(first.key.job_id)}"' in answer.text
    strange = await (await place.stranger()).get("/engines")
    assert re.search(r"noop native, shared .*?ready 0 0 – none", text(strange))


async def test_a_super_administrator_sets_and_lifts_the_limit_of_a_shared_engine(place: Place) -> None:
    reader = await root(place)
    await reader.get("/engines")
    answer = await reader.post("/engines/noop/limit", limit="7")
    assert 'value="7"' in answer.text
    assert place.house.catalogue.by_id["noop"].running_limit == 7
    for wrong, said in (("-1", "limit: a whole number"), ("x", "limit: a whole number"), ("1000001", "1000000")):
        refused = await reader.post("/engines/noop/limit", limit=wrong)
        assert refused.status_code == 400
        assert said in text(refused)
        await reader.get("/engines")
    await reader.post("/engines/noop/limit", limit="")
    assert place.house.catalogue.by_id["noop"].running_limit is None


async def test_an_engine_that_does_not_answer_says_so_in_a_sentence(place: Place) -> None:
    engine = await engine_addresses.add(
        place.house, place.caller, NewHttpEngine(name="Far away", url="http://10.0.0.5:8080")
    )
    await engine_health.record(place.house, engine.spec.id, HealthEvent.GIVEN_UP, "It refused the call.", probed=False)
    page = text(await (await place.signed_in(Role.READER)).get("/engines"))
    assert "Far away http, own unavailable It refused the call. It is asked again at" in page


async def arrived(place: Place) -> str:
    """Returns the id of a worker that has reported."""
    await workers.appear(
        place.house, name=NAME, pools={"native": 4}, engines=["noop"], resources=Resources(cpus=2, labels={"speech": 1})
    )
    return worker_id(NAME)


async def test_a_worker_is_drained_and_resumed_by_a_super_administrator(place: Place) -> None:
    worker = await arrived(place)
    reader = await root(place)
    page = text(await reader.get("/workers"))
    assert re.search(rf"{NAME} started .*? UTC takes work 0 native 4 2 cpus, 1 speech 1 ", page)
    assert "UTC drained" in text(await reader.post(f"/workers/{worker}/drain"))
    assert "UTC takes work" in text(await reader.post(f"/workers/{worker}/resume"))


@pytest.mark.parametrize(
    "path",
    ["/engines/noop/pause", "/engines/noop/resume", "/engines/noop/limit", "/workers/W/drain", "/workers/W/resume"],
)
@pytest.mark.parametrize("role", [Role.READER, Role.USER, Role.ADMIN])
async def test_nobody_else_may(place: Place, role: Role, path: str) -> None:
    worker = await arrived(place)
    reader = await place.signed_in(role)
    page = await reader.get("/workers")
    assert "<button" not in page.text.partition("<main")[2]
    assert (NAME in page.text) is (role is Role.ADMIN), "the name tells of the machine"
    assert (await reader.post(path.replace("W", worker))).status_code == 403


async def test_a_worker_shows_the_organizations_tasks_that_it_runs(place: Place) -> None:
    await arrived(place)
    await jobs.create(place.house, place.caller, [make.independent(2)])
    [first, _] = await work.claim(place.house, pool="native", limit=2, worker=NAME)
    answer = await (await place.signed_in(Role.READER)).get("/workers")
    name = job_graphql(first.key.job_id)
    assert f"{name} task 1 noop 1" in text(answer)
    assert f'href="/jobs/{name}"' in answer.text
    assert "Nothing of your organization runs now." in text(await (await place.stranger()).get("/workers"))


async def test_without_a_worker_the_page_says_how_to_get_one(place: Place) -> None:
    assert "enginehouse worker run" in text(await (await place.signed_in()).get("/workers"))
