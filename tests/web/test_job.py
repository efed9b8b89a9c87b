"""The page of a job: what it shows, and what can be done on it."""

import asyncio
from collections.abc import Sequence

import pytest
from tests import make
from tests.web.conftest import Place
from tests.web.reader import Reader, text

from enginehouse.domain.identity import Role
from enginehouse.domain.ids import job_graphql, job_uuid, parse_job
from enginehouse.domain.job import JobRequest
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.status import JobStatus
from enginehouse.domain.work import Done, Failed, Report
from enginehouse.operations import jobs, work
from enginehouse.web.streams import MOST


async def created(place: Place, request: JobRequest) -> str:
    [job] = await jobs.create(place.house, place.caller, [request])
    return job_graphql(job.job_id)


async def run(place: Place, outcomes: Sequence[Done | Failed]) -> None:
    for outcome in outcomes:
        [lease] = await work.claim(place.house, pool="native", limit=1, worker="w")
        await work.finish(place.house, Report(lease.key, lease.token, outcome))


async def status(place: Place, name: str) -> JobStatus:
    page = await jobs.get_many(place.house, place.caller, [number(name)])
    return page[number(name)].status


def number(name: str) -> int:
    return parse_job(name) or 0


async def test_a_job_has_its_graph_its_tasks_and_why_it_waits(place: Place) -> None:
    name = await created(place, make.fan_out(3))
    reader = await place.signed_in()
    answer = await reader.get(f"/jobs/{name}")
    shown = text(answer)
    assert answer.text.count('class="node ') == 6
    assert answer.text.count('class="edge"') == 7
    assert answer.text.count('aria-label="read, pending"') == 3
    assert "waits for" in shown
    assert "created" in shown
    assert (await reader.get(f"/jobs/{job_uuid(number(name))}")).status_code == 200, "in any spelling of its id"


async def test_what_has_run_is_on_the_timeline_and_a_message_cannot_be_markup(place: Place) -> None:
    name = await created(place, make.independent(2))
    await run(place, [Done(), Failed(FailureKind.INVALID_DATA, "<b>bad</b>")])
    answer = await (await place.signed_in()).get(f"/jobs/{name}")
    assert 'class="bar complete"' in answer.text
    assert 'class="bar failed"' in answer.text
    assert "<b>bad</b>" not in answer.text
    assert "<b>bad</b>" in text(answer)


async def test_a_graph_that_is_too_large_is_drawn_in_groups(place: Place) -> None:
    name = await created(place, make.independent(301))
    reader = await place.signed_in()
    answer = await reader.get(f"/jobs/{name}")
    assert answer.text.count('class="node ') == 1
    assert "301 × noop" in answer.text
    assert answer.text.count('id="task-') == 100
    assert "All 301 tasks" in text(answer)
    rest = await reader.get(f"/jobs/{name}/tasks?page=2")
    assert rest.text.count('id="task-') == 101
    assert "201–301 of 301" in text(rest)


async def test_a_job_that_does_not_exist(place: Place) -> None:
    reader = await place.signed_in()
    for name in ("26114829_0000000000", "x", "0", "1" * 40):
        answer = await reader.get(f"/jobs/{name}")
        assert answer.status_code == 404
        assert "Not found" in text(answer)


async def act(reader: Reader, name: str, action: str, **fields: str) -> str:
    """Returns the path to which the action leads, or what the page says instead."""
    await reader.get(f"/jobs/{name}")
    answer = await reader.post(f"/jobs/{name}/{action}", fields, follow=False)
    return answer.headers["location"] if answer.status_code == 303 else text(answer)


async def test_a_job_is_paused_resumed_and_cancelled(place: Place) -> None:
    name = await created(place, make.independent(1))
    reader = await place.signed_in()
    assert await act(reader, name, "pause") == f"/jobs/{name}"
    assert "paused" in text(await reader.get(f"/jobs/{name}"))
    assert await act(reader, name, "resume") == f"/jobs/{name}"
    assert await act(reader, name, "cancel") == f"/jobs/{name}"
    assert await status(place, name) is JobStatus.ABORTED
    answer = await reader.get(f"/jobs/{name}")
    assert "Retry" in text(answer)
    assert 'formaction="/jobs/' in answer.text
    assert f'formaction="/jobs/{name}/cancel"' not in answer.text


async def test_a_job_that_has_started_is_stopped_instead(place: Place) -> None:
    name = await created(place, make.independent(2))
    await run(place, [Done()])
    reader = await place.signed_in()
    assert "one of its tasks has started" in await act(reader, name, "cancel")
    assert await act(reader, name, "stop") == f"/jobs/{name}"
    assert await status(place, name) is JobStatus.ABORTED


async def test_a_failed_job_is_retried_whole_or_where_it_failed(place: Place) -> None:
    name = await created(place, make.independent(2))
    await run(place, [Done(), Failed(FailureKind.INVALID_DATA, "bad")])
    reader = await place.signed_in()
    for fields in ({}, {"only": "failed"}):
        new = (await act(reader, name, "retry", **fields)).removeprefix("/jobs/")
        assert new != name
        assert f"Retry of {name}" in text(await reader.get(f"/jobs/{new}"))
    assert "Retried as" in text(await reader.get(f"/jobs/{name}"))


async def test_who_may_only_read_sees_no_button_and_can_press_none(place: Place) -> None:
    name = await created(place, make.independent(1))
    reader = await place.signed_in(Role.READER)
    answer = await reader.get(f"/jobs/{name}")
    assert "<button" not in answer.text.partition("<main")[2]
    for action in ("cancel", "stop", "retry", "pause", "resume"):
        assert (await reader.post(f"/jobs/{name}/{action}")).status_code == 403
    assert await status(place, name) is JobStatus.PENDING


@pytest.mark.parametrize("action", ["cancel", "stop", "retry", "pause", "resume"])
async def test_the_job_of_another_organization_is_not_there(place: Place, action: str) -> None:
    name = await created(place, make.independent(1))
    reader = await place.stranger()
    await reader.get("/jobs")
    assert (await reader.post(f"/jobs/{name}/{action}")).status_code == 404
    assert await status(place, name) is JobStatus.PENDING


async def test_the_stream_sends_the_changing_part_until_the_job_ends(place: Place) -> None:
    name = await created(place, make.independent(1))
    reader = await place.signed_in()
    await run(place, [Done()])
    answer = await reader.http.get(f"/jobs/{name}/live?after=0")
    assert answer.headers["content-type"].startswith("text/event-stream")
    messages = answer.text.split("\n\n")
    assert 'class="status complete"' in messages[0]
    assert messages[0].startswith("id: ")
    assert messages[-2] == "event: ended\ndata: "
    last = messages[0].partition("\n")[0].removeprefix("id: ")
    again = await reader.http.get(f"/jobs/{name}/live", headers={"last-event-id": last})
    assert again.text == "event: ended\ndata: \n\n"
    stranger = await place.stranger()
    assert (await stranger.http.get(f"/jobs/{name}/live")).status_code == 404


async def test_the_oldest_stream_of_a_session_makes_room_for_a_new_one(place: Place) -> None:
    name = await created(place, make.independent(1))
    reader = await place.signed_in()
    path = f"/jobs/{name}/live?after=0"
    streams = [asyncio.create_task(reader.http.get(path)) for _ in range(MOST)]
    other = await place.stranger()
    for _ in range(3):
        assert (await other.get("/jobs")).status_code == 200
    assert not any(stream.done() for stream in streams)
    streams.append(asyncio.create_task(reader.http.get(path)))
    async with asyncio.timeout(20):
        done, going = await asyncio.wait(streams, return_when=asyncio.FIRST_COMPLETED)
    [one] = done
    assert one.result().text.startswith("retry: 5000\n")
    for stream in going:
        stream.cancel()
    await asyncio.wait(going)
