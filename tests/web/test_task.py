"""The page of a task: its state and why, items, attempts, log, outputs, routes and payload."""

import asyncio
import re

import pytest
from tests import make
from tests.web.conftest import Place
from tests.web.reader import text
from tests.web.task_jobs import DOWN, NASTY, Bench

from enginehouse.domain.ids import parse_job
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.work import Done
from enginehouse.operations import jobs


@pytest.fixture
def bench(place: Place) -> Bench:
    return Bench(place)


async def test_a_failed_attempt_shows_its_sentence_and_when_it_is_tried_again(bench: Bench) -> None:
    name = await bench.create(make.independent(1))
    lease = await bench.start()
    await bench.print(lease, "it begins\n")
    await bench.end(lease, DOWN)
    answer = await (await bench.place.signed_in()).get(f"/jobs/{name}/tasks/0")
    shown = text(answer)
    assert "internal_error: the engine is down" in shown
    assert "It is tried again at" in shown
    assert "it begins" in shown
    assert "The attempt has ended: failed." in shown
    assert f'href="/jobs/{name}"' in answer.text
    assert f'href="/jobs/{name}/retry?task=0"' in answer.text


async def test_inputs_and_outputs_lead_to_the_other_tasks(bench: Bench) -> None:
    name = await bench.create(make.fan_out(1))
    answer = await (await bench.place.signed_in()).get(f"/jobs/{name}/tasks/1")
    body = answer.text.partition("Inputs and outputs")[2]
    assert re.findall(rf'<a href="/jobs/{name}/tasks/(\d)">', body) == ["0", "2"]
    assert "raw-in" in body
    assert "chunks" in body
    job = await (await bench.place.reader()).get(f"/jobs/{name}")
    assert job.status_code == 200


async def test_the_job_page_leads_to_its_tasks_from_graph_timeline_and_table(bench: Bench) -> None:
    name = await bench.create(make.independent(1))
    await bench.end(await bench.start(), DOWN)
    body = (await (await bench.place.signed_in()).get(f"/jobs/{name}")).text
    graph, timeline = body.partition('class="graph"')[2], body.partition('class="timeline"')[2]
    table = body.partition('id="tasks"')[2]
    assert all(f'href="/jobs/{name}/tasks/0"' in part for part in (graph.partition("</svg>")[0], timeline, table))
    assert f'href="/jobs/{name}/tasks/0?attempt=0.1"' in timeline.partition("</table>")[0]


async def test_items_are_counted_and_listed_by_status_in_pages(bench: Bench) -> None:
    name = await bench.create(make.fan_out(1, parallel=True))
    await bench.end(await bench.start(), Done(make.outputs(0, 1)))
    await bench.end(await bench.start(), Done(make.outputs(1, 60)))
    first = await bench.start()
    await bench.end(first, Done())
    await bench.end(await bench.start(), DOWN)
    reader = await bench.place.signed_in()
    answer = await reader.get(f"/jobs/{name}/tasks/2")
    shown = text(answer)
    assert "all 60 waiting 1 running 58 complete 1" in shown
    assert 'after=49#items" rel="next"' in answer.text
    rest = text(await reader.get(f"/jobs/{name}/tasks/2?after=49"))
    assert "again at" not in rest.partition("Items")[2].partition("Outputs")[0]
    waiting = await reader.get(f"/jobs/{name}/tasks/2?status=waiting")
    assert waiting.text.count('class="status waiting"') == 1
    assert "again at" in text(waiting)
    assert f'href="/jobs/{name}/tasks/2?attempt=1.1#log-title"' in waiting.text


async def test_nothing_that_an_engine_or_a_client_says_is_markup(bench: Bench) -> None:
    task = TaskRequest(engine_id="noop", payload={"say": NASTY}, name=NASTY[:20], max_retries=0)
    name = await bench.create(JobRequest(tasks=(task,), name=NASTY))
    lease = await bench.start()
    await bench.print(lease, f"{NASTY}\n")
    address = await bench.put(lease, (NASTY, "text/plain", NASTY.encode()))
    reader = await bench.place.signed_in()
    for path in (f"/jobs/{name}", f"/jobs/{name}/tasks/0", f"/jobs/{name}/tasks", address, f"/jobs/{name}/retry"):
        answer = await reader.get(path)
        assert answer.status_code == 200
        assert "<svg onload" not in answer.text
        assert "&lt;svg onload" in answer.text
        assert "\u202e" not in re.findall(r"<h1>.*?</h1>", answer.text, re.DOTALL)[0], "a name turns nothing beside it"
    stream = await reader.http.get(f"/jobs/{name}/tasks/0/live?event=0&seen=0.1&log=0")
    assert "&lt;svg onload" in stream.text
    assert "<svg onload" not in stream.text


async def test_a_log_has_older_and_newer_parts_without_javascript(bench: Bench) -> None:
    name = await bench.create(make.independent(1))
    lease = await bench.start()
    await bench.print(lease, "first line\n" + "x" * 70_000 + "\nlast line\n")
    reader = await bench.place.signed_in()
    answer = await reader.get(f"/jobs/{name}/tasks/0")
    assert "last line" in answer.text
    assert "first line" not in answer.text
    older = await reader.get(f"/jobs/{name}/tasks/0?attempt=0.1&offset=0")
    assert "first line" in older.text
    assert "log=none" in older.text, "an earlier part does not grow"
    [newer] = re.findall(r'href="([^"]+)">Newer', older.text)
    assert "last line" in (await reader.get(newer.replace("&amp;", "&").partition("#")[0])).text


@pytest.mark.parametrize("path", ["/tasks/1", "/tasks/x", "/tasks/0/live", "/tasks/0", "/tasks", "/retry"])
async def test_unknown_and_foreign_tasks_are_not_there(bench: Bench, path: str) -> None:
    name = await bench.create(make.independent(1))
    stranger = await bench.place.stranger()
    assert (await stranger.get(f"/jobs/{name}{path}")).status_code == 404
    if path in ("/tasks/1", "/tasks/x"):
        assert (await (await bench.place.signed_in()).get(f"/jobs/{name}{path}")).status_code == 404


async def test_the_stream_sends_what_is_printed_and_what_changes_until_the_job_ends(bench: Bench) -> None:
    name = await bench.create(make.independent(1))
    reader = await bench.place.signed_in()
    lease = await bench.start()
    await bench.print(lease, "one\n")
    await bench.put(lease, ("a.txt", "text/plain", b"a"))
    answer = await reader.http.get(f"/jobs/{name}/tasks/0/live?event=0&seen=0.1&log=0")
    assert answer.text.count('hx-target="#log" hx-swap="beforeend"') == 1
    assert 'hx-target="#state"' in answer.text
    assert "a.txt" in answer.text
    assert answer.text.endswith("event: ended\ndata: \n\n")
    [place] = re.findall(r"^id: (\d+\.0\.1\.4)$", answer.text, re.MULTILINE)
    again = await reader.http.get(f"/jobs/{name}/tasks/0/live", headers={"last-event-id": place})
    assert again.text == "event: ended\ndata: \n\n"


async def test_the_stream_shows_the_log_of_the_next_attempt(bench: Bench) -> None:
    name = await bench.create(make.independent(1))
    first = await bench.start()
    await bench.print(first, "the first try\n")
    await bench.end(first, DOWN)
    await jobs.cancel(bench.place.house, bench.place.caller, Ref.of(parse_job(name) or 0), include_running=True)
    reader = await bench.place.signed_in()
    answer = await reader.http.get(f"/jobs/{name}/tasks/0/live?event=0")
    assert 'hx-target="#log-part"' in answer.text
    assert "the first try" in answer.text


async def test_a_server_that_stops_does_not_say_that_the_job_has_ended(bench: Bench) -> None:
    name = await bench.create(make.independent(1))
    reader = await bench.place.signed_in()
    streams = [
        asyncio.create_task(reader.http.get(f"/jobs/{name}{path}"))
        for path in ("/live?after=0", "/tasks/0/live?event=0")
    ]
    async with asyncio.timeout(30):
        while bench.place.house.watches._open.total() < 2:
            await reader.get("/workers")
    await bench.place.house.watches.close()
    for answer in await asyncio.gather(*streams):
        assert "event: ended" not in answer.text
