"""The task lists of REST: filters, pages, totals, the statuses that details show, and the failed tasks."""

import time
from typing import Any

import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH, TRANSCRIBE, WEBSTREAM, single, transcription
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids
from enginehouse.domain.retry import FailureKind


async def engines(rest: Rest, **query: Any) -> list[str]:
    """Returns the engines of the tasks that the list shows."""
    return [task["engineID"] for task in await rest.result("/proc/tasks", **query)]


async def failed(rest: Rest, kind: FailureKind) -> str:
    """Returns a job whose only task has failed."""
    job_id = await rest.create(single(maxRetries=0))
    await rest.fail_one(kind)
    return job_id


async def test_a_list_shows_what_the_details_show_newest_first_with_the_number_of_all(rest: Rest) -> None:
    created = [await rest.create(transcription()), await rest.create()]
    page = (await rest.request("GET", "/proc/tasks", limit=3)).json()
    assert (page["success"], page["count"], page["limit"], page["offset"]) == (True, 5, 3, 0)
    assert [task["internalJobID"] for task in page["result"]] == [created[1], created[0], created[0]]
    tasks = (await rest.detail(created[0]))["tasks"][::-1] + (await rest.detail(created[1]))["tasks"]
    for task in page["result"]:
        [whole] = [each for each in tasks if each["internalTaskID"] == task["internalTaskID"]]
        whole["chunkCountInfo"].pop("chunkProducedCount")  # a list does not look at outputs
        assert task == whole
    rest_of_it = await rest.result("/proc/tasks", limit=3, offset=3)
    assert [task["internalJobID"] for task in rest_of_it] == [created[0]] * 2
    oldest = await rest.result("/proc/tasks", direction="ASC")
    assert [task["internalTaskID"] for task in oldest[:4]] == [task["internalTaskID"] for task in tasks[3::-1]]


async def test_the_number_of_all_tasks_follows_every_change(api: Api) -> None:
    rest, other = api.edge, await api.another_organization()
    await other.edge.create(single())

    async def number() -> int:
        page = (await rest.get("/proc/tasks?limit=1")).json()
        assert page["count"] == len(await rest.result("/proc/tasks", limit=100))
        found: int = page["count"]
        return found

    job, alone = await rest.create(transcription()), await rest.create(single())
    assert await number() == 5
    assert (await rest.post(f"/proc/job/{alone}/addtask", {"task": {"engineId": BATCH}})).status_code == 200
    assert await number() == 6
    await rest.post("/proc/jobs/cancel", {"jobID": job})
    assert await number() == 6
    [first, *_] = (await rest.detail(job))["tasks"]
    assert (await rest.post(f"/proc/task/{first['internalTaskID']}/delete")).status_code == 200
    assert await number() == 5
    for deleted, left in ((job, 2), (alone, 0)):
        assert (await rest.post(f"/proc/job/{deleted}/delete")).status_code == 200
        assert await number() == left


async def test_each_filter_narrows_the_list(rest: Rest) -> None:
    job_id = await rest.create(transcription())
    other = await rest.create(single())
    task = (await rest.detail(job_id))["tasks"][2]
    number = ids.parse_job(job_id)
    assert number is not None
    assert await engines(rest, taskID=task["internalTaskID"]) == [TRANSCRIBE]
    assert await engines(rest, coreTaskID=task["coreTaskID"]) == [TRANSCRIBE]
    assert await engines(rest, taskID=task["internalTaskID"], jobID=job_id) == [TRANSCRIBE]
    assert await engines(rest, taskID=task["internalTaskID"], jobID=other) == []
    assert len(await engines(rest, jobID=job_id)) == len(await engines(rest, coreJobID=ids.job_graphql(number))) == 4
    assert await engines(rest, engineID=WEBSTREAM) == [WEBSTREAM]
    assert await engines(rest, engineID=WEBSTREAM, jobID=other) == []
    category = task["engineCategoryID"]
    of_category = [t["engineID"] for t in (await rest.detail(job_id))["tasks"] if t["engineCategoryID"] == category]
    assert await engines(rest, engineCategoryID=category, jobID=job_id) == of_category[::-1] != []
    assert await engines(rest, engineCategoryID=category, engineID=WEBSTREAM) == []
    assert await engines(rest, engineCategoryID="00000000-0000-4000-8000-000000000000") == []
    assert await engines(rest, recordingID=1) == await engines(rest, mediaSourceID=1) == []
    now = int(time.time())
    for name in ("startTime", "CreatedAfter", "modifiedAfter"):
        assert [len(await engines(rest, **{name: now + by})) for by in (-60, 60)] == [5, 0], name
    for name in ("endTime", "CreatedBefore", "modifiedBefore"):
        assert [len(await engines(rest, **{name: now + by})) for by in (-60, 60)] == [0, 5], name
    assert await engines(rest, status="scheduled") == []


async def test_a_status_is_the_one_that_details_show(rest: Rest) -> None:
    cancelled, running = await rest.create(), await rest.create(single())
    assert (await rest.post("/proc/jobs/cancel", {"jobID": cancelled})).status_code == 200
    await rest.start_one()

    async def jobs(**query: Any) -> list[str]:
        return [task["internalJobID"] for task in await rest.result("/proc/tasks", **query)]

    assert await jobs(status="aborted") == [cancelled]
    assert await jobs(status="running") == [running]
    assert await jobs(status="pending") == []


async def test_the_backlog_is_what_waits_for_its_first_attempt_and_alloc_what_a_worker_may_claim(rest: Rest) -> None:
    job_id = await rest.create(transcription())
    for name in ("backlog", "alloc"):
        assert await engines(rest, **{name: "true"}) == [WEBSTREAM], name
        assert len(await engines(rest, **{name: "false"})) == 3, name
    await rest.post("/proc/jobs/cancel", {"jobID": job_id})
    for name in ("backlog", "alloc"):
        assert [len(await engines(rest, **{name: flag})) for flag in ("true", "false")] == [0, 4], name


async def test_failed_tasks_have_a_list_of_their_own_with_the_reason(rest: Rest) -> None:
    first, second = await failed(rest, FailureKind.INVALID_DATA), await failed(rest, FailureKind.URL_NOT_FOUND)
    await rest.create()
    page = (await rest.request("GET", "/proc/tasks/errors")).json()
    assert (page["success"], page["count"], page["limit"], page["offset"]) == (True, 2, 100, 0)
    tasks = [(await rest.detail(job_id))["tasks"][0] for job_id in (second, first)]
    assert [error["taskID"] for error in page["result"]] == [task["internalTaskID"] for task in tasks]
    assert [error["failureReason"] for error in page["result"]] == ["not_found", "bad_data"]
    assert page["result"][0] | {"failureDetail": "it broke"} == page["result"][0]
    assert page["result"][0]["engineName"] == tasks[0]["engineName"]
    assert page["result"][0]["categoryID"] == tasks[0]["engineCategoryID"]
    errors = {
        word: [error["taskID"] for error in await rest.result("/proc/tasks/errors", errorType=word)]
        for word in ("bad_data", "unknown", "none", "scheduling")
    }
    assert errors == {"bad_data": [tasks[1]["internalTaskID"]], "unknown": [], "none": [], "scheduling": []}
    assert len(await rest.result("/proc/tasks", errorType="not_found")) == 1
    assert len(await rest.result("/proc/tasks", errorType="none")) == 1
    by_task = await rest.result("/proc/tasks/errors", taskID=tasks[0]["internalTaskID"], orderBy="modifiedDateTime")
    assert [error["taskID"] for error in by_task] == [tasks[0]["internalTaskID"]]


async def test_a_failure_without_a_word_of_the_contract_is_unknown(rest: Rest) -> None:
    await failed(rest, FailureKind.OTHER)
    assert [error["failureReason"] for error in await rest.result("/proc/tasks/errors")] == ["unknown"]
    assert len(await rest.result("/proc/tasks/errors", errorType="unknown")) == 1
    assert len(await rest.result("/proc/tasks/errors", errorType="bad_data")) == 0


async def test_only_a_super_administrator_sees_the_tasks_of_another_organization(api: Api, foreign: Api) -> None:
    await foreign.edge.create()
    owner = str((await foreign.principal()).organization_id)
    assert await api.edge.result("/proc/tasks") == []
    assert len(await api.edge.result("/proc/tasks", organizationID=owner)) == 1
    assert len(await foreign.edge.result("/proc/tasks", organizationID=owner)) == 1
    assert (await foreign.edge.request("GET", "/proc/tasks", organizationID="1")).status_code == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "paused"), ("errorType", "x"), ("engineID", "x"), ("engineCategoryID", "x"), ("taskID", "x"),
        ("jobID", "x"), ("coreTaskID", "x"), ("coreJobID", "x"), ("recordingID", "x"), ("mediaSourceID", "x"),
        ("backlog", "yes"), ("alloc", "1"), ("limit", "1001"), ("offset", "-1"), ("orderBy", "engineID"),
        ("direction", "UP"), ("modifiedAfter", "soon"), ("organizationID", "x"),
    ],
)  # fmt: skip
@mostly_on_sqlite
async def test_a_wrong_filter_is_refused_by_name(rest: Rest, name: str, value: str) -> None:
    answer = await rest.request("GET", "/proc/tasks", **{name: value})
    assert answer.status_code == 400
    assert name in answer.text


async def test_a_task_in_detail_has_the_engine_that_its_filter_names(rest: Rest) -> None:
    job_id = await rest.create(single(engineId=BATCH))
    assert (await rest.detail(job_id))["tasks"][0]["engineID"] == BATCH
    assert await engines(rest, engineID=BATCH.upper()) == [BATCH]
