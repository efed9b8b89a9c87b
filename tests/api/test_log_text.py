"""The log of a task in GraphQL: the attempts' logs one after the other, cut between two lines."""

import pytest
from tests.api.clients import Api

from enginehouse.api.graphql.fields import tasks
from enginehouse.domain import ids
from enginehouse.domain.artifact import log_key

LOG = "query($id: ID!) { job(id: $id) { tasks { records { log { text } } } } }"


async def text_of(api: Api, *logs: bytes) -> str:
    job_id = await api.edge.create()
    number = ids.parse_job(job_id) or 0
    for attempt, log in enumerate(logs, 1):
        await api.house.store.put(log_key(1, number, 0, 0, attempt), log)
    [task] = (await api.graphql.ask(LOG, {"id": job_id}))["job"]["tasks"]["records"]
    text: str = task["log"]["text"]
    return text


async def test_the_next_attempt_begins_a_line(api: Api) -> None:
    assert await text_of(api, b"no end", b"of a line\n", b"last") == "no end\nof a line\nlast"


async def test_what_is_too_long_ends_with_a_whole_line(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_LOG_BYTES", 100)
    lines = "".join(f"žluť {number}\n" for number in range(30))
    assert await text_of(api, b"first\n", lines.encode()) == "first\n" + "".join(lines.splitlines(keepends=True)[:10])
    assert await text_of(api, ("€" * 100).encode()) == "€" * 33


async def test_a_log_that_still_grows_ends_with_a_whole_character(api: Api) -> None:
    assert await text_of(api, "half €".encode()[:-1]) == "half "
