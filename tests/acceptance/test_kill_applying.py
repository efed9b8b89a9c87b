"""kill -9 of a server while it applies a bulk cancel, again and again: its response stays exactly true."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.acceptance.server import Server, until
from tests.filling import Filled
from tests.postgres import FSYNC
from tests.thorough import THOROUGH

from enginehouse.domain import ids, times

FILLED = Filled(100_000 if THOROUGH else 40_000, tasks=1)
WINDOW = (3_000, FILLED.count - 3_001)  # the numbers of the first and the last job of the bulk cancel
KILLS = 4 if THOROUGH else 2
SOON = 0.05  # the most seconds that a server works before it is killed


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yields the test's own server, on either database, not started yet."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    made = Server(tmp_path / "data", dsn, ("--lease-seconds", "2"))
    made.data.mkdir()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


async def test_a_bulk_cancel_survives_any_number_of_deaths_exactly(server: Server) -> None:
    if server.database is None:
        await FILLED.sqlite(server.data / "enginehouse.db")
    else:
        await FILLED.postgres(server.database, allow_unsafe_durability=FSYNC == "off")
    await asyncio.to_thread(server.start)
    async with server.client() as client:
        count = await _cancel(client)
    assert count > 0

    chance, halfway = random.Random(5), 0
    for turn in range(KILLS):
        if turn == 0:
            # Else all kills come before the first batch on a slow machine.
            await until(lambda: _some(server, "SELECT 1 FROM barrier WHERE settled > 0"), "a batch is applied")
        else:
            # Chance decides at which point of a batch the kill comes.
            await asyncio.sleep(chance.uniform(0, SOON))
        server.kill()
        halfway += await _agrees_with_itself(server, count)
        await asyncio.to_thread(server.start)
        async with server.client() as client:
            await _reads_as_aborted(client, count)
    assert halfway > 0, "it was never killed in the middle of it: the test says nothing"

    await until(lambda: _none(server, "SELECT id FROM barrier WHERE settled_at IS NULL"), "all is settled")
    await until(lambda: _none(server, "SELECT job_id FROM work_item LIMIT 1"), "all else has run", seconds=120)
    assert server.stop() == 0
    await _exactly_those_are_aborted(server, count)


async def _cancel(client: httpx.AsyncClient) -> int:
    first, last = (times.rest(FILLED.at(number)) for number in WINDOW)
    # An upper bound without a fraction would cover its whole second.
    assert "." in last
    body = {"organizationID": "1", "createdAfterDateTime": first, "createdBeforeDateTime": last}
    answer = await client.post("/edge/v1/proc/jobs/cancel", json=body)
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["count"]
    return found


async def _agrees_with_itself(server: Server, count: int) -> bool:
    """The count and the rows of the bulk cancel agree. Returns True if there are more rows to come."""
    [(matched, settled, ended)] = await server.rows("SELECT matched, settled, settled_at FROM barrier")
    [(aborted,)] = await server.rows("SELECT COUNT(*) FROM job WHERE cancelled = 1")
    assert matched == count
    assert settled == aborted
    assert ended is None or settled == count
    return bool(0 < settled < count)


async def _reads_as_aborted(client: httpx.AsyncClient, count: int) -> None:
    answer = await client.get("/edge/v1/proc/jobs", params={"status": "aborted", "limit": "1"})
    assert answer.json()["count"] == count
    # The jobs at the end of the window were waiting when it was accepted.
    for number in (WINDOW[1], WINDOW[1] - 1000):
        job = ids.job_uuid(FILLED.job_id(number))
        assert (await client.get(f"/edge/v1/proc/job/{job}/status")).json()["job"]["jobStatus"] == "aborted"


async def _some(server: Server, statement: str) -> bool:
    return bool(await server.rows(statement))


async def _none(server: Server, statement: str) -> bool:
    return not await server.rows(statement)


async def _exactly_those_are_aborted(server: Server, count: int) -> None:
    [(accepted_at, settled)] = await server.rows("SELECT accepted_at, settled FROM barrier")
    assert settled == count
    jobs = await server.rows("SELECT id, status, cancelled, aborted_at, cancellable_since, started_at FROM job")
    assert len(jobs) == FILLED.count
    first, last = (FILLED.job_id(number) for number in WINDOW)
    aborted = 0
    for job_id, status, cancelled, aborted_at, since, started_at in jobs:
        assert since is None
        if cancelled:
            aborted += 1
            assert first <= job_id <= last
            assert (status, aborted_at, started_at) == ("aborted", accepted_at, None)
        else:
            assert status == "complete"
            assert started_at < accepted_at or not first <= job_id <= last
    assert aborted == count
    assert await server.rows("SELECT a.job_id FROM attempt a JOIN job j ON j.id = a.job_id WHERE j.cancelled = 1") == []
    kept: dict[str, int] = dict(
        await server.rows(
            "SELECT status, CAST(SUM(jobs) AS BIGINT) FROM job_count WHERE engine_id = '' AND reason = '' "
            "GROUP BY status"
        )
    )
    assert {word: jobs for word, jobs in kept.items() if jobs} == {
        "aborted": count,
        "complete": FILLED.count - count,
    }
