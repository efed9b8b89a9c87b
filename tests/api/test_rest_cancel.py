"""Cancels over REST: the requests of the page that started the project, as printed there, and every refusal."""

import pytest
from tests.api.clients import Rest
from tests.api.founding_page import CANCEL, CANCEL_RANGE, STATUS, curl
from tests.api.samples import transcription
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids

NO_SELECTOR = (
    "Give exactly one of jobID, scheduledJobID, or organizationID with createdAfterDateTime and createdBeforeDateTime."
)


async def test_the_founding_page_s_cancel_aborts_the_job(rest: Rest) -> None:
    job_id = await rest.create(transcription())
    assert (await curl(rest, STATUS, job_id)).json()["job"]["jobStatus"] == "pending"
    answer = await curl(rest, CANCEL, job_id)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 1})
    assert (await curl(rest, STATUS, job_id)).json() == {"job": {"internalJobID": job_id, "jobStatus": "aborted"}}
    job = await rest.own_detail(job_id)
    assert job["abortedDateTime"]
    assert {task["taskStatus"] for task in job["tasks"]} == {"aborted"}
    assert all(task["abortedDateTime"] for task in job["tasks"])


async def test_both_spellings_of_the_id_cancel(rest: Rest) -> None:
    number = ids.parse_job(await rest.create())
    assert number is not None
    assert (await curl(rest, CANCEL, ids.job_graphql(number))).json() == {"success": True, "count": 1}


async def test_cancelling_again_succeeds_and_changes_nothing(rest: Rest) -> None:
    job_id = await rest.create()
    await curl(rest, CANCEL, job_id)
    before = (await rest.get(f"/proc/job/{job_id}/detail")).json()
    assert (await curl(rest, CANCEL, job_id)).json() == {"success": True, "count": 0}
    assert (await rest.get(f"/proc/job/{job_id}/detail")).json() == before


async def test_a_job_with_a_started_task_is_not_cancelled(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.start_one()
    answer = await curl(rest, CANCEL, job_id)
    assert answer.status_code == 400
    assert answer.json()["id"] == "past_cancelling"
    assert "running" in answer.json()["detail"]
    assert (await curl(rest, STATUS, job_id)).json()["job"]["jobStatus"] == "running"


async def test_a_complete_job_is_not_cancelled_and_the_text_says_since_when(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.run_one()
    answer = await curl(rest, CANCEL, job_id)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Job is already complete (finished ")


async def test_the_founding_page_s_range_form_counts_what_it_aborts(rest: Rest) -> None:
    job_id = await rest.create()
    answer = await curl(rest, CANCEL_RANGE, job_id)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 0})
    assert (await curl(rest, STATUS, job_id)).json()["job"]["jobStatus"] == "pending"
    today = CANCEL_RANGE.replace("2022-09-26T16:21:22+00:00", "2122-09-26T16:21:22+00:00")
    answer = await curl(rest, today, job_id)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 1})
    assert (await curl(rest, STATUS, job_id)).json()["job"]["jobStatus"] == "aborted"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"jobID": ""},
        {"jobID": None},
        {"organizationID": "1"},
        {"createdAfterDateTime": 1, "createdBeforeDateTime": 2},
        {"other": 1},
    ],
)
@mostly_on_sqlite
async def test_no_whole_selector_is_refused(rest: Rest, body: dict[str, object]) -> None:
    answer = await rest.post("/proc/jobs/cancel", body)
    assert (answer.status_code, answer.json()["detail"]) == (400, NO_SELECTOR)


async def test_two_selectors_are_refused_and_named(rest: Rest) -> None:
    job_id = await rest.create()
    answer = await rest.post("/proc/jobs/cancel", {"jobID": job_id, "organizationID": "1"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Give exactly one selector; got jobID and organizationID."
    assert (await curl(rest, STATUS, job_id)).json()["job"]["jobStatus"] == "pending"


async def test_an_unknown_and_a_foreign_job_look_the_same(rest: Rest) -> None:
    job_id = await rest.create()
    other = await rest.another_organization()
    unknown = ids.job_uuid(ids.first_job_id(1_700_000_000_000_000))
    for named in (job_id, unknown):
        answer = await other.post("/proc/jobs/cancel", {"jobID": named})
        assert (answer.status_code, answer.json()["detail"]) == (404, f'Job "{named}" was not found.')
    assert (await curl(rest, STATUS, job_id)).json()["job"]["jobStatus"] == "pending"


async def test_what_runs_is_stopped_where_that_is_asked_for(rest: Rest) -> None:
    job_id = await rest.create()
    lease = await rest.start_one()
    body = {"jobID": job_id, "includeRunning": True}
    answer = await rest.post("/proc/jobs/cancel", body)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 1, "stopping": 1})
    job = await rest.own_detail(job_id)
    assert (job["jobStatus"], job["stopping"]) == ("running", 1)
    assert job["stopRequestedDateTime"]
    assert "abortedDateTime" not in job
    assert (await rest.post("/proc/jobs/cancel", body)).json() == {"success": True, "count": 0, "stopping": 1}
    assert (await curl(rest, CANCEL, job_id)).json() == {"success": True, "count": 0}

    await rest.end_stopped(lease)
    job = await rest.own_detail(job_id)
    assert (job["jobStatus"], job["stopping"]) == ("aborted", 0)
    assert job["abortedDateTime"] > job["stopRequestedDateTime"]
    assert {task["taskStatus"] for task in job["tasks"]} == {"aborted"}
    assert (await rest.post("/proc/jobs/cancel", body)).json() == {"success": True, "count": 0, "stopping": 0}


async def test_a_job_that_waits_is_cancelled_by_the_same_request_and_shows_nothing_new(rest: Rest) -> None:
    job_id = await rest.create()
    answer = await rest.post("/proc/jobs/cancel", {"jobID": job_id, "includeRunning": True})
    assert answer.json() == {"success": True, "count": 1, "stopping": 0}
    job = await rest.own_detail(job_id)
    assert job["jobStatus"] == "aborted"
    assert not {"stopping", "stopRequestedDateTime"} & job.keys()


async def test_include_running_false_is_the_documented_request(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.start_one()
    answer = await rest.post("/proc/jobs/cancel", {"jobID": job_id, "includeRunning": False})
    assert (answer.status_code, answer.json()["id"]) == (400, "past_cancelling")


async def test_include_running_is_true_or_false_and_a_complete_job_stays_complete(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.run_one()
    wrong = await rest.post("/proc/jobs/cancel", {"jobID": job_id, "includeRunning": "yes"})
    assert wrong.status_code == 400
    assert "includeRunning" in wrong.json()["detail"]
    answer = await rest.post("/proc/jobs/cancel", {"jobID": job_id, "includeRunning": True})
    assert (answer.status_code, answer.json()["id"]) == (400, "past_cancelling")
    assert answer.json()["detail"].startswith("Job is already complete (finished ")
