"""Jobs over REST: create, watch, list and delete them, in the documented form."""

from tests.api.clients import Rest, warnings
from tests.api.samples import BATCH, folder, single, transcription

from enginehouse.domain import ids
from enginehouse.domain.retry import FailureKind

ZERO = "0001-01-01T00:00:00Z"


async def test_the_published_sample_is_created_and_shown_whole(rest: Rest) -> None:
    answer = await rest.post("/proc/job/create", {"jobs": [transcription()]})
    assert answer.status_code == 200
    assert list(answer.json()) == ["internalJobIds"]
    [job_id] = answer.json()["internalJobIds"]
    job = await rest.own_detail(job_id)
    assert job["internalJobID"] == job_id
    assert job["jobStatus"] == "pending"
    assert len(job["tasks"]) == 4
    assert len(job["taskRoutes"]) == 4
    assert [task["correlationTaskId"] for task in job["tasks"]] == ["wsa", "chunk", "engine", "ow"]


async def test_a_detail_is_spelled_as_documented(rest: Rest) -> None:
    job_id = await rest.create(transcription())
    job = await rest.own_detail(job_id)
    task = job["tasks"][2]
    assert task["engineID"]
    assert task["priority"] == -5
    assert task["maxRetries"] == 10
    assert task["numChunksPerWorkItem"] == 5
    assert task["parallelProcessing"] is True
    assert task["failureReason"] == "none"
    assert task["engineCategoryName"] == "Transcription"
    assert [f["correlationId"] for f in task["ioFolders"]] == ["engine-in", "engine-out"]
    assert (
        job["tasks"][0]["payloadJSON"]
        == job["tasks"][0]["taskPayloadJSON"]
        == '{"url":"https://example.com/audio.mp3"}'
    )
    by_id = {task["internalTaskID"]: task for task in job["tasks"]}
    folders = {f["id"]: f["correlationId"] for task in job["tasks"] for f in task["ioFolders"]}
    last = job["taskRoutes"][3]
    assert by_id[last["taskParentId"]]["correlationTaskId"] == "engine"
    assert folders[last["taskParentOutputId"]] == "engine-out"
    assert folders[last["taskChildInputId"]] == "ow-in"
    assert "taskParentId" not in job["taskRoutes"][0]
    assert job["tasks"][3]["parentTaskID"] == task["internalTaskID"]
    assert job["tasks"][0]["childTaskIDs"] == [job["tasks"][1]["internalTaskID"]]


async def test_status_answers_the_job_envelope_to_either_spelling(rest: Rest) -> None:
    job_id = await rest.create()
    expected = {"job": {"internalJobID": job_id, "jobStatus": "pending"}}
    number = ids.parse_job(job_id)
    assert number is not None
    for spelling in (job_id, ids.job_graphql(number)):
        assert (await rest.get(f"/proc/job/{spelling}/status")).json() == expected


async def test_zero_times_and_an_empty_organization_count_as_absent(rest: Rest) -> None:
    job = single(dueDateTime=ZERO) | {"internalOrganizationID": "", "dueDateTime": ZERO, "coreRecordingID": 0}
    job_id = await rest.create(job)
    shown = (await rest.get(f"/proc/job/{job_id}/detail")).json()["job"]
    assert "dueDateTime" not in shown
    assert "dueDateTime" not in shown["tasks"][0]


async def test_the_own_organization_may_be_named_and_a_foreign_one_is_not_found(rest: Rest) -> None:
    own = (await rest.get(f"/proc/job/{await rest.create()}/detail")).json()["job"]["internalOrganizationID"]
    other = await rest.another_organization()
    for named in (own, "1", 1):
        assert (
            await rest.post("/proc/job/create", {"jobs": [single() | {"internalOrganizationID": named}]})
        ).status_code == 200
        refused = await other.post("/proc/job/create", {"jobs": [single() | {"internalOrganizationID": named}]})
        assert refused.status_code == 404
    unknown = await other.post("/proc/job/create", {"jobs": [single() | {"internalOrganizationID": "77"}]})
    assert unknown.json()["detail"] == 'jobs[0].internalOrganizationID: Organization "77" was not found.'
    assert (await other.get("/proc/jobs")).json()["count"] == 0


async def test_ids_are_understood_in_either_casing_and_unknown_fields_are_ignored(rest: Rest) -> None:
    job = {
        "brandNew": {"x": 1},
        "tasks": [
            {
                "engineID": BATCH,
                "correlationTaskID": "only",
                "ioFolders": [{"correlationId": "out", "mode": "stream", "type": "output", "extra": 1}],
            }
        ],
    }
    [task] = (await rest.own_detail(await rest.create(job)))["tasks"]
    assert await rest.own_task_detail(task["internalTaskID"]) == task
    assert task["correlationTaskId"] == "only"
    assert task["ioFolders"][0]["correlationId"] == "out"


async def test_a_payload_may_come_in_either_field(rest: Rest) -> None:
    job_id = await rest.create(single(payloadJSON='{"a": 1}'), single(payloadJSON='{"a":1}', taskPayloadJSON='{"b":2}'))
    [only] = (await rest.get(f"/proc/job/{job_id}/detail")).json()["job"]["tasks"]
    assert (only["payloadJSON"], only["taskPayloadJSON"]) == ('{"a":1}', '{"b":2}')


async def test_warnings_are_headers_beside_the_ids(rest: Rest) -> None:
    job = {
        "tasks": [{"engineId": BATCH, "ioFolders": [folder("unused", "stream", "output")], "correlationTaskId": "a"}],
        "taskRoutes": [{"taskChildId": "a"}],
        "sendOutputToUris": ["https://example.com/hook"],
    }
    answer = await rest.post("/proc/job/create", {"jobs": [job]})
    assert list(answer.json()) == ["internalJobIds"]
    assert 'jobs[0].tasks[0].ioFolders[0]: "unused" is not used by any route.' in warnings(answer)
    assert not any("sendOutputToUris" in warning for warning in warnings(answer))


async def test_a_warning_is_a_header_that_any_client_can_read_and_many_are_counted(rest: Rest) -> None:
    odd = "é 100%"
    [task] = single(ioFolders=[folder(odd, "stream", "output")])["tasks"]
    answer = await rest.post("/proc/job/create", {"jobs": [{"tasks": [task]}] * 30})
    first, *_, last = answer.headers.get_list("X-Enginehouse-Warning")
    assert first == 'jobs[0].tasks[0].ioFolders[0]: "%C3%A9 100%25" is not used by any route.'
    assert (len(warnings(answer)), last) == (21, "10 more warnings.")


async def test_a_request_with_one_wrong_job_creates_none(rest: Rest) -> None:
    refused = await rest.post("/proc/job/create", {"jobs": [single(), single(engineId="nope"), single(maxRetries=-1)]})
    assert refused.status_code == 400
    assert refused.json()["detail"].splitlines() == [
        'jobs[1].tasks[0].engineId: engine "nope" does not exist or is not available to your organization.',
        "jobs[2].tasks[0].maxRetries: 0–100, got -1.",
    ]
    assert (await rest.get("/proc/jobs")).json()["count"] == 0


async def test_jobs_are_listed_newest_first_ten_at_a_time_with_the_full_count(rest: Rest) -> None:
    made = [await rest.create() for _ in range(12)]
    page = (await rest.get("/proc/jobs")).json()
    assert (page["success"], page["count"], page["limit"], page["offset"]) == (True, 12, 10, 0)
    assert [job["internalJobID"] for job in page["result"]] == made[:1:-1]
    rest_of_them = (await rest.get("/proc/jobs", params={"offset": 10, "direction": "ASC", "limit": 5})).json()
    assert [job["internalJobID"] for job in rest_of_them["result"]] == made[10:]


async def test_jobs_are_filtered_by_status_id_target_and_time(rest: Rest) -> None:
    first, second = await rest.create(), await rest.create()
    await rest.post("/proc/jobs/cancel", {"jobID": second})
    number = ids.parse_job(first)
    assert number is not None
    seconds = ids.micros_of(number) // 1_000_000

    async def found(**parameters: object) -> list[str]:
        answer = await rest.get("/proc/jobs", params=parameters)
        assert answer.status_code == 200, answer.text
        assert answer.json()["count"] == len(answer.json()["result"])
        return [job["internalJobID"] for job in answer.json()["result"]]

    assert await found(status="aborted") == [second]
    assert await found(status="pending") == [first]
    for word in ("scheduled", "rejected", "reprocessing", "queued", "running", "complete", "failed"):
        assert await found(status=word) == []
    assert await found(jobID=first) == [first]
    assert await found(coreJobID=ids.job_graphql(number)) == [first]
    core = "0f0e0d0c-0000-4000-8000-00000000000a"
    from_core = await rest.create(single() | {"coreID": core})
    assert await found(coreID=core.upper()) == [from_core]
    assert await found(coreID="0f0e0d0c-0000-4000-8000-00000000000b") == []
    assert await found(jobID=first, coreJobID=second) == []
    assert await found(jobID="00000000-0000-0000-0000-000000000000") == []
    assert await found(recordingID="12") == []
    assert await found(CreatedAfter=seconds + 3600) == []
    assert await found(CreatedBefore=seconds - 3600) == []
    assert first in await found(CreatedAfter=seconds, CreatedBefore=seconds)
    assert await found(startTime=seconds, endTime=seconds - 1) == []
    assert len(await found(modifiedAfter=seconds, orderBy="modifiedDateTime")) == 3


async def test_a_deleted_job_is_gone_and_the_answer_says_so(rest: Rest) -> None:
    job_id = await rest.create()
    answer = await rest.post(f"/proc/job/{job_id}/delete", {"jobID": "whatever"})
    assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 1})
    assert (await rest.get(f"/proc/job/{job_id}/status")).status_code == 404


async def test_a_failed_task_says_why_in_the_interface_s_words(rest: Rest) -> None:
    job_id = await rest.create()
    await rest.fail_one(FailureKind.INVALID_DATA)
    job = (await rest.get(f"/proc/job/{job_id}/detail")).json()["job"]
    assert job["jobStatus"] == "failed"
    assert job["tasks"][0]["failureReason"] == "bad_data"
    assert "it broke" in job["tasks"][0]["failureDetail"]


async def test_another_organization_sees_nothing_of_a_job(rest: Rest) -> None:
    job_id = await rest.create()
    task_id = (await rest.get(f"/proc/job/{job_id}/detail")).json()["job"]["tasks"][0]["internalTaskID"]
    other = await rest.another_organization()
    unknown = ids.job_uuid(ids.first_job_id(1_700_000_000_000_000))
    for path in ("status", "detail", "outputs", "output/x", "download/x"):
        foreign, missing = await other.get(f"/proc/job/{job_id}/{path}"), await other.get(f"/proc/job/{unknown}/{path}")
        assert foreign.status_code == missing.status_code == 404
        assert foreign.text.replace(job_id, "ID") == missing.text.replace(unknown, "ID")
    for path in ("detail", "outputs", "output/x", "download/x", "logs"):
        assert (await other.get(f"/proc/task/{task_id}/{path}")).status_code == 404
    assert (await other.post(f"/proc/job/{job_id}/delete")).status_code == 404
    assert (await rest.get(f"/proc/job/{job_id}/status")).status_code == 200


async def test_a_super_administrator_may_act_for_another_organization(rest: Rest) -> None:
    other = await rest.another_organization()
    theirs = (await other.get(f"/proc/job/{await other.create()}/detail")).json()["job"]["internalOrganizationID"]
    job_id = await rest.create(single() | {"internalOrganizationID": theirs})
    assert (await other.get(f"/proc/job/{job_id}/status")).status_code == 200
    assert (await rest.get(f"/proc/job/{job_id}/status")).status_code == 404
    assert (await rest.get("/proc/jobs", params={"organizationID": theirs})).json()["count"] == 2
    mixed = {"jobs": [single(), single() | {"internalOrganizationID": theirs}]}
    refused = await rest.post("/proc/job/create", mixed)
    assert (
        refused.json()["detail"] == "jobs[1].internalOrganizationID: all jobs of a request belong to one organization."
    )
    assert (await rest.get("/proc/jobs")).json()["count"] == 0


async def test_an_organization_that_cannot_be_one_is_refused_with_the_forms_of_its_id(rest: Rest) -> None:
    for named in ("x", "-1", "9" * 5000, "99999999999999999999", -1):
        job = single() | {"internalOrganizationID": named}
        answer = await rest.post("/proc/job/create", {"jobs": [job]})
        assert (answer.status_code, answer.json()["id"]) == (400, "invalid_input")
        assert answer.json()["detail"].endswith(" was not found. Its id is a number or a UUID.")
