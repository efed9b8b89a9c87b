"""The backlog over REST: what waits, and its cancellation."""

import time
from typing import Any

import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH, WEBSTREAM, single, transcription

from enginehouse.domain.identity import Role


async def clear(rest: Rest, query: str = "") -> Any:
    answer = await rest.post(f"/admin/backlog/clear{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    return answer.json()["count"]


async def test_the_summary_counts_the_tasks_that_wait_by_engine_and_priority(rest: Rest) -> None:
    assert await rest.result("/admin/backlog/summary") == []
    await rest.create(single(priority=-3), single(priority=-3), single(), transcription())
    rows = [(row["engineID"], row["priority"], row["count"]) for row in await rest.result("/admin/backlog/summary")]
    usual = next(priority for engine, priority, _ in rows if engine == WEBSTREAM)
    assert sorted(rows) == sorted([(BATCH, -3, 2), (BATCH, usual, 1), (WEBSTREAM, usual, 1)])
    await rest.start_one()
    assert sum(row["count"] for row in await rest.result("/admin/backlog/summary")) == 3


async def test_all_that_waits_is_cancelled_and_what_runs_goes_on(rest: Rest) -> None:
    running = await rest.create()
    await rest.start_one()
    await rest.create(single(), transcription())
    assert await clear(rest) == 2
    assert await rest.result("/admin/backlog/summary") == []
    assert (await rest.get(f"/proc/job/{running}/status")).json()["job"]["jobStatus"] == "running"
    assert await clear(rest) == 0


async def test_each_filter_narrows_what_is_cancelled(rest: Rest) -> None:
    await rest.create(single(), transcription())
    now = int(time.time())
    for none in (
        f"?CreatedAfter={now + 60}", f"?CreatedBefore={now - 60}", f"?modifiedAfter={now + 60}", "?status=queued",
        f"?modifiedBefore={now - 60}", "?status=running", "?status=scheduled", "?status=terminated",
        "?engineID=00000000-0000-4000-8000-000000000000",
    ):  # fmt: skip
        assert await clear(rest, none) == 0, none
    assert await clear(rest, f"?engineID={WEBSTREAM}&modifiedAfter={now - 60}") == 1
    assert [row["engineID"] for row in await rest.result("/admin/backlog/summary")] == [BATCH]
    assert await clear(rest, "?status=pending") == 1


async def test_only_an_administrator_clears_and_only_its_own_organization(api: Api, foreign: Api) -> None:
    await foreign.edge.create()
    owner = str((await foreign.principal()).organization_id)
    user = await foreign.in_role(Role.USER)
    assert (await user.edge.post("/admin/backlog/clear")).status_code == 403
    assert await clear(api.edge) == 0
    stranger = await api.another_organization()
    assert (await stranger.edge.post(f"/admin/backlog/clear?organizationID={owner}")).status_code == 404
    assert len(await foreign.edge.result("/admin/backlog/summary")) == 1
    assert await clear(api.edge, f"?organizationID={owner}") == 1


async def test_every_cancelled_job_is_in_the_audit(api: Api) -> None:
    await api.edge.create(single(), single())
    await clear(api.edge, f"?engineID={BATCH}")
    assert [entry.event for entry in await api.audit()].count("cancelJob") == 2
    await clear(api.edge)
    assert [entry.event for entry in await api.audit()].count("cancelJobs") == 1


@pytest.mark.parametrize("query", ["?status=x", "?engineID=x", "?CreatedAfter=soon", "?modifiedBefore=soon"])
async def test_a_wrong_filter_cancels_nothing(rest: Rest, query: str) -> None:
    await rest.create()
    assert (await rest.post(f"/admin/backlog/clear{query}")).status_code == 400
    assert len(await rest.result("/admin/backlog/summary")) == 1
