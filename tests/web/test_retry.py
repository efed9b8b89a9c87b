"""A retry with other payloads, on a page: the old ones to be edited, and what is wrong beside them."""

import re
from html import unescape

import httpx
import pytest
from tests.web.conftest import Place
from tests.web.reader import Reader, text
from tests.web.task_jobs import DOWN, Bench

from enginehouse.domain.identity import Role
from enginehouse.domain.ids import parse_job
from enginehouse.domain.job import Job, JobRequest, TaskRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.work import Done
from enginehouse.operations import jobs


@pytest.fixture
async def bench(place: Place) -> Bench:
    made = Bench(place)
    tasks = [TaskRequest(engine_id="noop", payload={"n": n, "é": "<b>"}, max_retries=0) for n in range(2)]
    await made.create(JobRequest(tasks=tuple(tasks)))
    return made


async def send(reader: Reader, path: str, sent: dict[str, str]) -> httpx.Response:
    """Returns the answer to the form, whose fields have names with points."""
    return await reader.post(path, follow=False, **sent)  # type: ignore[arg-type]


async def job(bench: Bench, name: str) -> Job:
    return await jobs.get(bench.place.house, bench.place.caller, Ref.of(parse_job(name) or 0))


async def test_the_old_payloads_are_edited_and_the_new_job_has_them(bench: Bench) -> None:
    await bench.end(await bench.start(), Done())
    await bench.end(await bench.start(), DOWN)
    reader = await bench.place.signed_in()
    page = await reader.get(f"/jobs/{bench.job}/retry")
    texts = [unescape(found) for found in re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)]
    assert texts == ['{\n  "n": 0,\n  "é": "<b>"\n}', '{\n  "n": 1,\n  "é": "<b>"\n}']
    sent = {"payload.0": texts[0].replace("\n", "\r\n"), "payload.1": '{"n": 7}', "only": "failed"}
    answer = await send(reader, f"/jobs/{bench.job}/retry", sent)
    assert answer.status_code == 303
    new = await job(bench, answer.headers["location"].removeprefix("/jobs/"))
    assert [task.plan.payload for task in new.tasks] == [{"n": 0, "é": "<b>"}, {"n": 7}]
    assert [task.reused_from is not None for task in new.tasks] == [True, False]
    assert new.retry_of == parse_job(bench.job)


async def test_what_is_wrong_stands_beside_its_payload_and_nothing_is_lost(bench: Bench) -> None:
    reader = await bench.place.signed_in()
    await reader.get(f"/jobs/{bench.job}/retry")
    sent = {"payload.0": "{", "payload.1": '{"n": NaN}', "only": ""}
    answer = await send(reader, f"/jobs/{bench.job}/retry", sent)
    assert answer.status_code == 400
    assert re.findall(r'aria-describedby="(fault-\d)"', answer.text) == ["fault-0", "fault-1"]
    assert "\n{</textarea>" in answer.text
    assert not (await job(bench, bench.job)).retries


async def test_a_complete_job_is_retried_only_with_another_payload(bench: Bench) -> None:
    for _ in range(2):
        await bench.end(await bench.start(), Done())
    reader = await bench.place.signed_in()
    page = await reader.get(f"/jobs/{bench.job}/retry?task=1")
    assert re.findall(r'name="(payload\.\d)"', page.text) == ["payload.1"]
    same = await send(reader, f"/jobs/{bench.job}/retry", {"payload.1": '{ "n": 1, "é": "<b>" }', "only": "failed"})
    assert same.status_code == 400
    assert "complete" in text(same)
    other = await send(reader, f"/jobs/{bench.job}/retry", {"payload.1": "{}", "only": "failed"})
    assert "Reuses outputs of" in text(await reader.get(other.headers["location"]))


async def test_who_may_only_read_gets_no_form(bench: Bench) -> None:
    reader = await bench.place.signed_in(Role.READER)
    assert (await reader.get(f"/jobs/{bench.job}/retry")).status_code == 403
    assert "retry?task" not in (await reader.get(f"/jobs/{bench.job}/tasks/0")).text
    assert (await send(reader, f"/jobs/{bench.job}/retry", {"payload.0": "{}"})).status_code == 403
