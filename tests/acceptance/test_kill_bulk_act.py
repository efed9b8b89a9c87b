"""kill -9 of a server while it carries out an act on many jobs, and its undo: each job has its turn exactly once."""

import asyncio
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.server import Server, until
from tests.filling import Filled
from tests.postgres import FSYNC
from tests.thorough import THOROUGH

from enginehouse.domain import times

FILLED = Filled(60_000 if THOROUGH else 6_000, tasks=1)
WINDOW = (1_500, FILLED.count - 501)  # the numbers of the first and the last job of the act
KILLS = 4 if THOROUGH else 1


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yields the test's own server, on either database, not started yet."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    made = Server(tmp_path / "data", dsn, ("--lease-seconds", "2"))
    made.data.mkdir()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


async def test_an_act_and_its_undo_survive_any_number_of_deaths_exactly(server: Server) -> None:
    if server.database is None:
        await FILLED.sqlite(server.data / "enginehouse.db")
    else:
        await FILLED.postgres(server.database, allow_unsafe_durability=FSYNC == "off")
    await asyncio.to_thread(server.start)
    first, last = (times.rest(FILLED.at(number)) for number in WINDOW)
    rule = {"statuses": ["pending", "queued"], "createdAfter": first, "createdBefore": last}
    pause = await _posted(server, "bulk-acts", {"act": "pause", "rule": rule, "confirmCount": FILLED.count})
    assert pause["matched"] > 1_000
    assert await _killed(server, pause["id"], "paused"), "never in the middle of it: the test says nothing"
    paused = await _ended(server, pause["id"])
    undo = await _posted(server, f"bulk-acts/{pause['id']}/undo", {})
    assert undo["matched"] == paused["applied"]
    await _killed(server, undo["id"], "resumed")
    resumed = await _ended(server, undo["id"])
    assert {skip["reason"] for skip in resumed["skips"]} <= {"ended"}, "those of which a task ran when they were paused"
    await until(lambda: _none(server, "SELECT job_id FROM work_item LIMIT 1"), "everything has run", seconds=120)
    assert server.stop() == 0
    twice = "SELECT job_id FROM event WHERE kind = 'paused' GROUP BY job_id HAVING COUNT(*) > 1"
    assert await server.rows(twice) == []
    assert await server.rows("SELECT DISTINCT status FROM job") == [("complete",)]


async def _posted(server: Server, path: str, body: Any) -> Any:
    async with server.client() as client:
        answer = await client.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]


async def _killed(server: Server, act_id: str, kind: str) -> bool:
    """The server is killed and started again. Returns True if once a part of the jobs had had their turn."""
    chance, halfway, had_turn = random.Random(5), False, 0
    for _ in range(KILLS):
        grown = (
            f"SELECT id FROM bulk_act WHERE id = {int(act_id)} AND ended_at IS NULL AND applied + skipped <= {had_turn}"
        )
        await until(partial(_none, server, grown), "some more jobs have had their turn")
        await asyncio.sleep(chance.uniform(0, 0.05))  # chance decides at which point of a batch the kill comes
        server.kill()
        [(matched, applied, skipped)] = await server.rows(
            f"SELECT matched, applied, skipped FROM bulk_act WHERE id = {int(act_id)}"
        )
        [(changed,)] = await server.rows(f"SELECT COUNT(*) FROM event WHERE kind = '{kind}'")
        assert applied == changed, "the count and the jobs agree"
        had_turn = applied + skipped
        halfway |= 0 < had_turn < matched
        await asyncio.to_thread(server.start)
    return halfway


async def _ended(server: Server, act_id: str) -> Any:
    await until(
        lambda: _none(server, "SELECT id FROM bulk_act WHERE ended_at IS NULL"), "the act has ended", seconds=60
    )
    async with server.client() as client:
        act = (await client.get(f"/api/v1/bulk-acts/{act_id}")).json()["result"]
    assert (act["applied"] + act["skipped"], act["left"]) == (act["matched"], 0)
    return act


async def _none(server: Server, statement: str) -> bool:
    return not await server.rows(statement)
