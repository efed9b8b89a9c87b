"""The first page: the numbers of the organization, the last hour in a table, and the stream that sends them again."""

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse
from tests import make
from tests.web.conftest import Place
from tests.web.reader import text

from enginehouse.domain.identity import Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, Report
from enginehouse.operations import jobs, work
from enginehouse.web import overview
from enginehouse.web.page_request import PageRequest
from enginehouse.web.session import Session
from enginehouse.web.streams import MOST, Streams


async def ran(place: Place) -> None:
    """Of five jobs one is complete, one has failed, one was cancelled, one runs and one waits."""
    created = await jobs.create(place.house, place.caller, [make.independent(1) for _ in range(5)])
    await jobs.cancel(place.house, place.caller, Ref.of(created[4].job_id))
    first, second, _ = await work.claim(place.house, pool="native", limit=3, worker="w")
    await work.finish(place.house, Report(first.key, first.token, Done(())))
    bad = Failed(FailureKind.INVALID_DATA, "a <b>secret</b>", is_final=True)
    await work.finish(place.house, Report(second.key, second.token, bad))


async def test_it_shows_every_number_of_the_organization(place: Place) -> None:
    await ran(place)
    answer = await (await place.signed_in(Role.READER)).get("/")
    page = text(answer)
    for number in ("1 ○ pending", "1 ▶ running", "1 ✓ complete", "1 ✕ failed", "1 ⊘ aborted"):
        assert number in page
    assert "Running in native 1" in page
    assert "Waiting for engines Engine Items noop 1" in page
    assert "Reason Tasks invalid data 1" in page
    assert "secret" not in page


async def test_the_table_has_every_minute_of_the_last_hour_the_newest_first(place: Place) -> None:
    await ran(place)
    answer = await (await place.signed_in(Role.READER)).get("/")
    table = answer.text.partition('<table id="rates">')[2].partition("</table>")[0]
    assert re.findall(r'data-colour="([^"]+)"', table) == ["--accent", "--complete", "--failed", "--aborted"]
    rows = [(int(at), [int(n) for n in re.findall(r'data-count="(\d+)"', row)])
            for at, row in re.findall(r'<tr data-at="(\d+)">(.*?)</tr>', table)]  # fmt: skip
    assert len(rows) in (61, 62)
    assert {a - b for (a, _), (b, _) in itertools.pairwise(rows)} == {60}
    assert [sum(column) for column in zip(*(numbers for _, numbers in rows), strict=True)] == [5, 1, 1, 1]
    assert sum(map(sum, (numbers for _, numbers in rows[2:]))) == 0


async def test_another_organization_sees_nothing_of_it(place: Place) -> None:
    await ran(place)
    page = text(await (await place.stranger()).get("/"))
    assert "No jobs yet" in page
    assert "Running in native 0" in page
    assert "No task has failed." in page


@asynccontextmanager
async def stream(place: Place, streams: Streams) -> AsyncIterator[Any]:
    """Yields the messages of the page's stream."""
    request = Request({"type": "http", "method": "GET", "path": "/overview/live", "headers": [], "query_string": b""})
    answer = await overview.live(PageRequest(place.house, request, Session("s", place.caller), streams))
    assert isinstance(answer, StreamingResponse)
    yield answer.body_iterator
    await answer.body_iterator.aclose()  # type: ignore[attr-defined]


async def test_the_stream_sends_the_page_when_jobs_have_changed(place: Place) -> None:
    async with stream(place, Streams()) as messages:
        first = await anext(messages)
        assert "No jobs yet" in first
        await jobs.create(place.house, place.caller, [make.independent(1)])
        second = await anext(messages)
        assert "<b>1</b>" in second
        assert "<html" not in second
        assert all(line.startswith("data: ") for line in second.strip().splitlines())


async def test_a_session_with_many_streams_closes_the_oldest(place: Place) -> None:
    streams = Streams()
    async with stream(place, streams) as messages:
        await anext(messages)
        later = ExitStack()
        for _ in range(MOST):
            later.enter_context(streams.turn("s"))
        assert "event: turn" in await anext(messages)


async def test_the_streams_end_with_the_server(place: Place) -> None:
    async with stream(place, Streams()) as messages:
        await anext(messages)
        await place.house.feeds.close()
        assert "event: ended" in await anext(messages)


@pytest.mark.parametrize("path", ["/", "/overview/live"])
async def test_it_is_for_people_who_have_signed_in(place: Place, path: str) -> None:
    reader = await place.reader()
    assert (await reader.http.get(path)).headers["location"].startswith("/sign-in")
