"""update_status and recheck_status (rest-contract §3.7): failed tasks run again, or tasks are aborted."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import single, transcription
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids
from enginehouse.domain.identity import Role
from enginehouse.domain.retry import FailureKind

PATH = "/proc/tasks/update_status"


async def tasks_of(api: Api, job: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = (await api.edge.detail(job))["tasks"]
    return shown


async def set_status(api: Api, word: str, *tasks: str, **more: Any) -> Any:
    return await api.edge.post(PATH, {"taskIDs": list(tasks), "taskStatus": word}, **more)


async def job_status(api: Api, job: str) -> str:
    word: str = (await api.edge.get(f"/proc/job/{job}/status")).json()["job"]["jobStatus"]
    return word


@pytest.mark.parametrize("word", ["pending", "queued", "reprocessing"])
async def test_a_failed_task_runs_again_and_its_job_completes_under_the_same_id(api: Api, word: str) -> None:
    job = await api.edge.create(single())
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    [failed] = await tasks_of(api, job)
    assert (await job_status(api, job), failed["failureReason"]) == ("failed", "bad_data")
    answer = await set_status(api, word, failed["internalTaskID"])
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    [again] = await tasks_of(api, job)
    assert (again["taskStatus"], again["failureReason"], again.get("completedDateTime")) == ("pending", "none", None)
    assert await job_status(api, job) == "running"
    await api.edge.run_one(("a.json", "application/json", b"{}"))
    assert await job_status(api, job) == "complete"
    assert [each["name"] for each in (await api.edge.get(f"/proc/job/{job}/outputs")).json()["outputs"]["outputs"]] == [
        "a.json"
    ]


async def test_the_attempts_before_stay_in_the_history(api: Api) -> None:
    job = await api.edge.create(single())
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    [failed] = await tasks_of(api, job)
    await set_status(api, "pending", failed["internalTaskID"])
    await api.edge.run_one()
    attempts = (await api.v1.get(f"jobs/{job}/tasks/0/attempts")).json()["result"]
    assert [(each["number"], each["outcome"]) for each in attempts] == [(1, "failed"), (2, "complete")]


async def test_one_aborted_task_makes_the_job_fail(api: Api) -> None:
    job = await api.edge.create(transcription())
    last = (await tasks_of(api, job))[-1]["internalTaskID"]
    assert (await set_status(api, "aborted", last)).status_code == 200
    aborted = (await tasks_of(api, job))[-1]
    assert (aborted["taskStatus"], bool(aborted["abortedDateTime"])) == ("aborted", True)
    for task in (await tasks_of(api, job))[:-1]:
        await set_status(api, "aborted", task["internalTaskID"])
    assert await job_status(api, job) == "failed"


async def test_every_problem_is_named_at_once_and_nothing_changes(api: Api) -> None:
    done, failed = await api.edge.create(single()), await api.edge.create(single())
    await api.edge.run_one()
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    complete, broken = [(await tasks_of(api, each))[0]["internalTaskID"] for each in (done, failed)]
    unknown = ids.task_uuid(ids.parse_job(done) or 0, 7)
    answer = await set_status(api, "running", "x", complete, broken, unknown)
    assert answer.status_code == 400
    said = {each["path"]: each["message"] for each in answer.json()["errors"]}
    assert list(said) == ["taskStatus", "taskIDs[0]", "taskIDs[1]", "taskIDs[3]"]
    assert said["taskIDs[1]"] == "taskIDs[1]: is complete; only tasks that failed or were aborted run again."
    assert await job_status(api, failed) == "failed"
    answer = await set_status(api, "pending", unknown)
    assert (answer.status_code, answer.json()["id"]) == (400, "not_found")
    for body in ({"taskIDs": [], "taskStatus": "pending"}, {"taskStatus": "pending"}, {"taskIDs": [broken]}):
        assert (await api.edge.post(PATH, body)).status_code == 400


@pytest.mark.parametrize("word", ["running", "complete", "failed", "scheduled", "rejected", "bogus"])
@mostly_on_sqlite
async def test_a_status_that_nobody_can_set_is_refused_with_those_that_can(api: Api, word: str) -> None:
    job = await api.edge.create(single())
    answer = await set_status(api, word, (await tasks_of(api, job))[0]["internalTaskID"])
    assert (answer.status_code, word in answer.json()["description"]) == (400, True)


async def test_a_repeated_request_with_a_key_changes_nothing(api: Api) -> None:
    job = await api.edge.create(single())
    [task] = await tasks_of(api, job)
    first = await set_status(api, "aborted", task["internalTaskID"], idempotency_key="k")
    await set_status(api, "pending", task["internalTaskID"])
    again = await set_status(api, "aborted", task["internalTaskID"], idempotency_key="k")
    assert (first.json(), again.headers["idempotent-replayed"]) == (again.json(), "true")
    assert await job_status(api, job) == "pending"


async def test_a_cancelled_job_takes_no_task_back(api: Api) -> None:
    job = await api.edge.create(single())
    await api.edge.post("/proc/jobs/cancel", {"jobID": job})
    answer = await set_status(api, "pending", (await tasks_of(api, job))[0]["internalTaskID"])
    assert (answer.status_code, "was cancelled" in answer.json()["description"]) == (400, True)


async def test_a_deleted_task_is_gone_with_what_it_put_out_and_its_job_keeps_its_status(api: Api) -> None:
    job = await api.edge.create({"tasks": [single()["tasks"][0], single()["tasks"][0]]})
    first, second = [each["internalTaskID"] for each in await tasks_of(api, job)]
    answer = await api.edge.post(f"/proc/task/{first}/delete")
    assert (answer.status_code, "Its job is pending" in answer.json()["description"]) == (400, True)
    await api.edge.run_one(("a.json", "application/json", b"{}"))
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    folder = f"jobs/1/{ids.parse_job(job)}/0"
    assert await api.house.store.keys(folder)
    for task in (first, second):
        answer = await api.edge.post(f"/proc/task/{task}/delete")
        assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 1})
    assert await api.house.store.keys(folder) == []
    assert (await api.edge.get(f"/proc/job/{job}/outputs")).json()["outputs"]["outputs"] == []
    shown = await api.edge.detail(job)
    assert (shown["tasks"], shown["jobStatus"]) == ([], "failed")
    for listed in ("/proc/tasks", "/proc/tasks/errors", "/proc/tasks?status=failed"):
        assert (await api.edge.get(listed)).json()["count"] == 0, listed
    engine = single()["tasks"][0]["engineId"]
    assert (await api.edge.get("/proc/tasks", params={"engineID": engine})).json()["count"] == 0
    own = (await api.v1.get(f"jobs/{job}")).json()
    assert first not in str(own)
    query = "query($j: ID!) { job(id: $j) { status tasks { count records { id } } } }"
    in_graphql = (await api.graphql.ask(query, {"j": job}))["job"]
    assert in_graphql == {"status": "failed", "tasks": {"count": 0, "records": []}}
    for path in ("detail", "outputs", "logs"):
        assert (await api.edge.get(f"/proc/task/{second}/{path}")).status_code == 404
    assert (await api.edge.post(f"/proc/task/{second}/delete")).status_code == 404
    assert (await set_status(api, "pending", second)).json()["id"] == "not_found"


async def test_a_task_whose_parent_was_deleted_does_not_run_again_and_a_retry_runs_both(api: Api) -> None:
    job = await api.edge.create(transcription())
    names = [each["internalTaskID"] for each in await tasks_of(api, job)]
    await api.edge.run_one(("a", "text/plain", b"x"), folder=0)
    await set_status(api, "aborted", names[1])
    assert (await api.edge.post(f"/proc/task/{names[0]}/delete")).status_code == 200
    [problem] = (await set_status(api, "pending", names[1])).json()["errors"]
    assert problem["message"].endswith("and that task was deleted.")
    again = (await api.v1.post(f"jobs/{job}/retry", {"onlyFailed": True})).json()["result"]["internalJobID"]
    assert [each["taskStatus"] for each in await tasks_of(api, again)] == ["pending"] * 4


async def test_a_check_answers_the_status_and_changes_nothing(api: Api) -> None:
    job = await api.edge.create(single())
    for _ in range(2):
        answer = await api.edge.get(f"/proc/job/{job}/recheck_status")
        assert answer.json() == {"job": {"internalJobID": job, "jobStatus": "pending"}}
    await api.edge.run_one()
    assert (await api.edge.get(f"/proc/job/{job}/recheck_status")).json()["job"]["jobStatus"] == "complete"
    assert "recheckJobStatus" not in {entry.event for entry in await api.audit()}


async def test_a_check_that_mends_a_job_is_in_the_audit_and_readers_may_not(api: Api, own_statements: None) -> None:
    job = await api.edge.create(single())
    await api.edge.house.database.write(
        lambda tx: tx.run("test.miscount", id=ids.parse_job(job), status="pending", failed=1)
    )
    reader = await api.in_role(Role.READER)
    assert (await reader.edge.get(f"/proc/job/{job}/recheck_status")).status_code == 403
    assert (await api.edge.get(f"/proc/job/{job}/recheck_status")).json()["job"]["jobStatus"] == "pending"
    entry = (await api.audit())[-1]
    assert (entry.event, entry.object_id, entry.success) == ("recheckJobStatus", str(ids.parse_job(job)), True)
