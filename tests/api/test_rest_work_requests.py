"""Work requests over REST: the work items of a job, from their creation to their end."""

from typing import Any

from tests.api.clients import Api, Rest
from tests.api.samples import single, transcription

from enginehouse.domain import ids
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.times import LAST_MOMENT
from enginehouse.domain.work import Failed, Report
from enginehouse.domain.work_requests import request_uuid
from enginehouse.operations import bulk_cancels, identity, work


async def requests(rest: Rest, job_id: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await rest.result(f"/proc/job/{job_id}/workrequests", **query)
    return found


async def test_a_work_request_keeps_its_id_while_it_waits_runs_and_ends(rest: Rest) -> None:
    job_id = await rest.create()
    [waiting] = await requests(rest, job_id)
    assert (waiting["status"], waiting["errorCount"], waiting["internalJobID"]) == ("pending", 0, job_id)
    task = (await rest.detail(job_id))["tasks"][0]
    assert waiting["internalTaskID"] == task["internalTaskID"]
    assert (waiting["engineID"], waiting["engineName"]) == (task["engineID"], task["engineName"])
    detail = f"/proc/workrequest/{waiting['workRequestID']}/detail"
    assert (await rest.result(detail))["status"] == "pending"
    await rest.start_one()
    [running] = await requests(rest, job_id)
    assert (running["status"], running["workRequestID"]) == ("running", waiting["workRequestID"])
    assert '"worker":"test"' in (await rest.result(detail))["workRequestDetailsJSON"]


async def test_a_failed_attempt_counts_and_the_item_waits_for_the_next(rest: Rest) -> None:
    job_id = await rest.create(single(maxRetries=1))
    await rest.fail_one(FailureKind.OTHER)
    [again] = await requests(rest, job_id)
    assert (again["status"], again["errorCount"]) == ("pending", 1)
    assert await requests(rest, job_id, status="running") == []
    assert len(await requests(rest, job_id, status="pending")) == 1


async def test_an_ended_item_says_how_it_ended(rest: Rest) -> None:
    done = await rest.create()
    await rest.run_one()
    [request] = await requests(rest, done)
    assert request["status"] == "complete"
    shown = await rest.result(f"/proc/workrequest/{request['workRequestID']}/detail")
    assert (shown["chunksToProcessCount"], shown["chunksCompletedCount"], shown["skippedCount"]) == (1, 1, 0)
    for kind, status in ((FailureKind.INVALID_DATA, "failed"), (FailureKind.HEARTBEAT_TIMEOUT, "timeout")):
        job_id = await rest.create(single(maxRetries=0))
        await rest.fail_one(kind)
        [request] = await requests(rest, job_id)
        assert (request["status"], request["errorCount"]) == (status, 1)
        shown = await rest.result(f"/proc/workrequest/{request['workRequestID']}/detail")
        assert (shown["details"], shown["chunksCompletedCount"]) == ("it broke", 0)


async def test_a_cancelled_item_that_never_started_is_gone(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.post("/proc/jobs/cancel", {"jobID": job_id})
    assert await requests(rest, job_id) == []


async def test_the_same_at_once_after_a_bulk_cancel_whose_rows_are_not_updated_yet(rest: Rest) -> None:
    job_id = await rest.create()
    principal = await identity.authenticate(rest.house, rest.token)
    await bulk_cancels.cancel(rest.house, principal, created_from=0, created_to=LAST_MOMENT)
    assert await requests(rest, job_id) == []


async def test_pages_orders_and_the_filter_by_task(rest: Rest) -> None:
    job_id = await rest.create({"tasks": [single()["tasks"][0]] * 3})
    answer = (await rest.request("GET", f"/proc/job/{job_id}/workrequests", limit=2)).json()
    assert (answer["count"], answer["limit"], answer["offset"], len(answer["result"])) == (3, 2, 0, 2)
    assert (await rest.request("GET", f"/proc/job/{job_id}/workrequests")).json()["limit"] == 100
    lease = await rest.start_one()
    await work.finish(rest.house, Report(lease.key, lease.token, Failed(FailureKind.INVALID_DATA, "bad")))
    tasks = [task["internalTaskID"] for task in (await rest.detail(job_id))["tasks"]]
    last = await requests(rest, job_id, orderBy="modifiedDateTime", limit=1)
    assert last[0]["internalTaskID"] == tasks[lease.key.ordinal]
    oldest = await requests(rest, job_id, direction="ASC")
    newest = await requests(rest, job_id)
    assert oldest == newest[::-1]
    assert {request["internalTaskID"] for request in await requests(rest, job_id, taskID=tasks[1])} == {tasks[1]}
    other = await rest.create(transcription())
    assert await requests(rest, other, taskID=tasks[1]) == []


async def test_an_unknown_work_request_is_not_found_and_a_wrong_id_is_refused(api: Api, rest: Rest) -> None:
    job_id = await rest.create()
    [request] = await requests(rest, job_id)
    number = ids.parse_job(job_id)
    assert number is not None
    for unknown in (request_uuid(number, 0, 1), request_uuid(number + 1, 0, 0), job_id):
        assert (await rest.get(f"/proc/workrequest/{unknown}/detail")).status_code == 404
    assert (await rest.get("/proc/workrequest/x/detail")).status_code == 400
    stranger = await api.another_organization()
    assert (await stranger.edge.get(f"/proc/workrequest/{request['workRequestID']}/detail")).status_code == 404
    for wrong in ({"status": "active"}, {"taskID": "x"}, {"orderBy": "status"}):
        assert (await rest.request("GET", f"/proc/job/{job_id}/workrequests", **wrong)).status_code == 400
