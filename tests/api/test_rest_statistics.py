"""The statistics of REST: numbers by status, engine, category, organization, reason and time."""

import time
from typing import Any

import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH, TRANSCRIBE, WEBSTREAM, single, transcription
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids
from enginehouse.domain.retry import FailureKind

OF_JOBS = [
    "/proc/jobs/stats", "/proc/jobs/stats/organization", "/proc/jobs/stats/time_ranges",
    "/proc/jobs/backlog_count_by_engine",
]  # fmt: skip
OF_TASKS = [
    "/proc/tasks/stats", "/proc/tasks/stats/categories", "/proc/tasks/stats/engines",
    "/proc/tasks/stats/organizations", "/proc/tasks/stats/time_ranges", "/proc/tasks/error/count_type_by_engine",
    "/proc/tasks/error/engine_error_time_ranges", "/proc/tasks/instances/by_category_host", "/proc/tasks/sync_backlog",
]  # fmt: skip
WITH_INTERVAL = [path for path in OF_JOBS + OF_TASKS if "ranges" in path or "backlog" in path]


@pytest.fixture
async def busy(rest: Rest) -> dict[str, str]:
    """Returns the jobs by what became of them: failed, complete, running, cancelled, and a graph that waits."""
    jobs = {"failed": await rest.create(single(maxRetries=0))}
    await rest.fail_one(FailureKind.INVALID_DATA)
    jobs["complete"] = await rest.create()
    await rest.run_one()
    jobs["running"] = await rest.create()
    await rest.start_one()
    jobs["aborted"] = await rest.create()
    await rest.post("/proc/jobs/cancel", {"jobID": jobs["aborted"]})
    jobs["pending"] = await rest.create(transcription())
    return jobs


async def counts(rest: Rest, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = await rest.request("GET", path, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["counts"]
    return found


def by_status(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {row["status"]: row["count"] for row in rows}


def sums(rows: list[dict[str, Any]], key: str = "status") -> dict[str, int]:
    """Returns the sum of each series."""
    return {row[key]: sum(number for _, number in row["values"]) for row in rows}


async def test_jobs_by_status(rest: Rest, busy: dict[str, str]) -> None:
    each = dict.fromkeys(("pending", "running", "complete", "aborted", "failed"), 1)
    assert by_status(await counts(rest, "/proc/jobs/stats")) == each
    assert by_status(await counts(rest, "/proc/jobs/stats", chartType="total_by_time_range")) == each
    assert by_status(await counts(rest, "/proc/jobs/stats", status="failed")) == {"failed": 1}
    assert await counts(rest, "/proc/jobs/stats", status="rejected") == []
    assert sums(await counts(rest, "/proc/jobs/stats/time_ranges")) == each
    assert sums(await counts(rest, "/proc/jobs/stats/time_ranges", status="running")) == {"running": 1}
    [own] = {row["internalOrganizationID"] for row in await counts(rest, "/proc/jobs/stats/organization")}
    assert own == ids.organization_uuid(1)
    assert by_status(await counts(rest, "/proc/jobs/stats/organization")) == each


async def test_tasks_by_status_engine_and_category(rest: Rest, busy: dict[str, str]) -> None:
    each = {"pending": 4, "running": 1, "complete": 1, "aborted": 1, "failed": 1}
    assert by_status(await counts(rest, "/proc/tasks/stats")) == each
    assert sums(await counts(rest, "/proc/tasks/stats/time_ranges")) == each
    of_batch = each | {"pending": 0}
    assert by_status(await counts(rest, "/proc/tasks/stats", engineIDs=f"{BATCH},{WEBSTREAM}")) == each | {"pending": 1}
    assert by_status(await counts(rest, "/proc/tasks/stats", engineIDs=WEBSTREAM)) == {"pending": 1}
    rows = await counts(rest, "/proc/tasks/stats/engines")
    assert {row["engineID"] for row in rows} > {BATCH, TRANSCRIBE, WEBSTREAM}
    assert by_status([row for row in rows if row["engineID"] == BATCH]) == {w: n for w, n in of_batch.items() if n}
    for name, value in (("engineID", TRANSCRIBE), ("jobID", busy["pending"]), ("status", "pending")):
        assert {r["status"] for r in await counts(rest, "/proc/tasks/stats/engines", **{name: value})} == {"pending"}
    [failed] = await counts(rest, "/proc/tasks/stats/engines", errorType="bad_data")
    assert (failed["engineID"], failed["status"], failed["count"]) == (BATCH, "failed", 1)
    detail = (await rest.detail(busy["failed"]))["tasks"][0]
    assert failed["engineName"] == detail["engineName"]
    assert failed["engineCategoryName"] == detail["engineCategoryName"]
    total = dict[str, int]()
    for row in await counts(rest, "/proc/tasks/stats/categories"):
        total[row["status"]] = total.get(row["status"], 0) + row["count"]
    assert total == each
    category = detail["engineCategoryID"]
    of_category = await counts(rest, "/proc/tasks/stats/categories", engineCategoryID=category)
    assert {row["engineCategoryID"] for row in of_category} == {category}
    in_time = await counts(rest, "/proc/tasks/stats/time_ranges", engineCategoryID=category)
    assert sums(in_time) == by_status(of_category)
    assert {row["engineCategoryName"] for row in in_time} == {detail["engineCategoryName"]}
    of_jobs = await counts(
        rest, "/proc/jobs/stats/time_ranges", engineCategoryID="00000000-0000-4000-8000-000000000000"
    )
    assert of_jobs == []


async def test_failures_by_engine_reason_and_time(rest: Rest, busy: dict[str, str]) -> None:
    [row] = await counts(rest, "/proc/tasks/error/count_type_by_engine")
    assert (row["engineID"], row["errorType"], row["count"]) == (BATCH, "bad_data", 1)
    for query in ({"errorType": "api"}, {"engineID": WEBSTREAM}, {"status": "running"}):
        assert await counts(rest, "/proc/tasks/error/count_type_by_engine", **query) == [], query
    [part] = await counts(rest, "/proc/tasks/error/engine_error_time_ranges")
    assert part["count"] == 1
    by_engine = {"chartType": "total_failed_task_by_engine"}
    series = await counts(rest, "/proc/tasks/error/engine_error_time_ranges", **by_engine)
    assert sums(series, "engineID") == {BATCH: 1}
    assert await counts(rest, "/proc/tasks/error/engine_error_time_ranges", engineID=WEBSTREAM, **by_engine) == []


async def test_the_backlog_over_time_is_what_had_not_started(rest: Rest, busy: dict[str, str]) -> None:
    now = int(time.time())
    query = {"startTime": now - 60, "endTime": now + 60, "interval": 120}
    rows = await counts(rest, "/proc/jobs/backlog_count_by_engine", **query)
    assert {row["engineID"]: [number for _, number in row["values"]] for row in rows} == {
        task["engineID"]: [0, 1] for task in (await rest.detail(busy["pending"]))["tasks"]
    }
    assert [at for at, _ in rows[0]["values"]] == [now - 60, now + 60]
    by_post = await rest.request("POST", "/proc/jobs/backlog_count_by_engine?" + "&".join(
        f"{name}={value}" for name, value in query.items()
    ))  # fmt: skip
    assert by_post.json()["counts"] == rows
    [all_] = await counts(rest, "/proc/tasks/sync_backlog", **query)
    assert [number for _, number in all_["values"]] == [0, 4]


async def test_the_backlog_is_counted_by_priority(rest: Rest) -> None:
    urgent = await rest.create(single(priority=-3), single(priority=-3))
    await rest.create(single(priority=7))
    added = {"task": {"engineId": BATCH, "priority": 7}}
    assert (await rest.post(f"/proc/job/{urgent}/addtask", added)).status_code == 200
    await rest.start_one()  # of the urgent ones
    now = int(time.time())
    query = {"startTime": now - 60, "endTime": now + 60, "interval": 120}
    rows = await counts(rest, "/proc/jobs/backlog_count_by_engine", **query)
    assert [(row["engineID"], row["priority"], [number for _, number in row["values"]]) for row in rows] == [
        (BATCH, -3, [0, 1]), (BATCH, 7, [0, 2]),
    ]  # fmt: skip
    summary = await rest.result("/admin/backlog/summary")
    assert [(row["priority"], row["count"]) for row in summary] == [(-3, 1), (7, 2)]


async def test_the_instances_are_the_attempts_that_run(rest: Rest, busy: dict[str, str]) -> None:
    answer = (await rest.request("GET", "/proc/tasks/instances/by_category_host")).json()
    category = (await rest.detail(busy["running"]))["tasks"][0]["engineCategoryID"]
    assert answer["hosts"] == ["test"]
    assert [(row["engineCategoryID"], row["count"], row["values"]) for row in answer["counts"]] == [(category, 1, [1])]
    for query in ({"status": "terminated"}, {"engineCategoryID": "00000000-0000-4000-8000-000000000000"}):
        assert await counts(rest, "/proc/tasks/instances/by_category_host", **query) == [], query


async def test_a_range_without_jobs_has_no_counts_and_says_its_times(rest: Rest, busy: dict[str, str]) -> None:
    for path in OF_JOBS + OF_TASKS:
        answer = (await rest.request("GET", path, startTime=1_000_000_000, endTime=1_000_003_599)).json()
        assert answer["success"] is True, path
        assert sum(number for row in answer["counts"] for _, number in row.get("values", [])) == 0, path
        assert "sync" in path or answer["counts"] == [], path
        times = [answer[name][:19] for name in ("startDateTime", "endDateTime")]
        assert times == ["2001-09-09T01:46:40", "2001-09-09T02:46:39"], path


async def test_an_organization_counts_only_its_own(api: Api, foreign: Api) -> None:
    await foreign.edge.create(single(maxRetries=0))
    await foreign.edge.fail_one(FailureKind.INVALID_DATA)
    await foreign.edge.create()
    await foreign.edge.start_one()
    await foreign.edge.create()
    query = {"startTime": int(time.time()) - 60, "endTime": int(time.time()) + 600}
    stranger = await api.another_organization()
    owner = str((await foreign.principal()).organization_id)
    for path in [path for path in OF_JOBS + OF_TASKS if "sync" not in path]:
        of_owner = await counts(foreign.edge, path, **query)
        assert of_owner != [], path
        assert await counts(stranger.edge, path, **query) == [], path
        name = "organizationID" if path.endswith("engines") else "organizationIDs"
        if "error" in path or "instances" in path:
            continue
        assert (await stranger.edge.request("GET", path, **{name: owner})).status_code == 404, path
        assert await counts(api.edge, path, **query, **{name: owner}) == of_owner, path
        if name.endswith("s"):
            assert await counts(api.edge, path, **query, organizationIDs=f"1,{owner},{owner}") == of_owner, path


async def test_a_super_administrator_sees_every_organization_in_the_charts_of_organizations(
    api: Api, foreign: Api
) -> None:
    await api.edge.create()
    await foreign.edge.create()
    for path in ("/proc/jobs/stats/organization", "/proc/tasks/stats/organizations"):
        owners = {row["internalOrganizationID"] for row in await counts(api.edge, path)}
        assert owners == {ids.organization_uuid((await each.principal()).organization_id) for each in (api, foreign)}
        assert len(await counts(foreign.edge, path)) == 1


@pytest.mark.parametrize("path", WITH_INTERVAL)
async def test_a_range_has_at_most_a_thousand_marks(rest: Rest, path: str) -> None:
    for query, said in (
        ({"startTime": 1_000_000_000, "endTime": 1_000_001_000, "interval": 1}, "interval: 2 or more"),
        ({"startTime": 1_000_000_001, "endTime": 1_000_000_000}, "startTime: must be before endTime"),
        ({"interval": -1}, "interval"),
    ):
        answer = await rest.request("GET", path, **query)
        assert answer.status_code == 400, query
        assert said in answer.text
    assert (await rest.request("GET", path, startTime=1, endTime=1_900_000_000)).status_code == 200


@pytest.mark.parametrize("path", OF_JOBS + OF_TASKS)
@mostly_on_sqlite
async def test_a_wrong_parameter_is_refused_by_name(rest: Rest, path: str) -> None:
    wrong = {"status": "x", "chartType": "x", "errorType": "x", "engineID": "x", "engineIDs": "x"}
    wrong |= {"engineCategoryID": "x", "organizationIDs": "x", "startTime": "soon", "endTime": "soon"}
    refused = {name for name, value in wrong.items() if (await rest.request("GET", path, **{name: value})).is_error}
    assert refused >= {"startTime", "endTime"}
    answer = await rest.request("GET", path, startTime="soon")
    assert answer.status_code == 400
    assert "startTime" in answer.text
