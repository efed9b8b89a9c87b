"""Schedules over the published REST interface, our own and GraphQL: shown, changed, copied and deleted."""

import re
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import DAG, DAILY, TEMPLATE, TRANSCRIBE, WEEKLY, fill

from enginehouse.domain import ids

# -- shown ------------------------------------------------------------------------------------------------


async def test_our_interface_shows_a_schedule_as_it_was_sent(api: Api) -> None:
    given = {
        "name": "nightly", "description": "every night", **DAILY, "timeZone": "Europe/Prague",
        "dstPolicy": {"gap": "skip", "fold": "both"}, "excludedDates": ["2030-12-24"], "overlapPolicy": "queue",
        "catchUp": "all", "catchUpLimit": 5, "jitterSeconds": 30, "details": {"a": [1]},
        "startDateTime": "2030-01-01T00:00:00Z", "stopDateTime": "2031-01-01T00:00:00Z",
    }  # fmt: skip
    made = await api.schedule(**given)
    assert {name: made[name] for name in given} == given
    assert made["isActive"] is True
    assert made["nextRunDateTime"] is not None
    [template_id] = made["jobTemplateIds"]
    assert re.fullmatch(r"\d{8}_\w{10}", template_id)
    assert made["scheduledJobUuid"] == ids.schedule_uuid(int(made["id"]))
    assert made["sentence"].startswith("Runs every day at 21:30 (Europe/Prague), from Tuesday, 1 January 2030 at 01:00")
    for spelling in ("id", "scheduledJobUuid"):
        assert await api.v1.result(f"schedules/{made[spelling]}") == made


async def test_the_published_interface_shows_a_schedule_by_its_number_and_its_uuid(api: Api) -> None:
    made = await api.schedule(
        name="radio", runMode="Recurring", weeklyScheduleParts=WEEKLY, timeZone="Europe/Prague",
        details={"radioStreamUrl": "https://radio.example/live"}, startDateTime="2030-01-01T00:00:00Z",
    )  # fmt: skip
    detail = await api.edge.result(f"/proc/scheduled_job/{made['id']}/detail")
    assert await api.edge.result(f"/proc/scheduled_job/{made['scheduledJobUuid']}/detail") == detail
    [part] = detail.pop("scheduleParts")
    created = detail["createdDateTime"]
    assert part == {
        "schedulePartsID": part["schedulePartsID"], "internalScheduledJobID": made["scheduledJobUuid"],
        "scheduleType": "weekly", "scheduleDay": "monday", "scheduleDayLocal": "monday", "startTime": "08:00",
        "stopTime": "09:30", "createdDateTime": created, "modifiedDateTime": detail["modifiedDateTime"],
    }  # fmt: skip
    assert detail == {
        "internalScheduledJobID": made["scheduledJobUuid"], "scheduledJobID": int(made["id"]),
        "scheduledJobName": "radio", "internalOrganizationID": detail["internalOrganizationID"], "organizationID": 1,
        "isActive": True, "runMode": "recurring", "liveTimezone": "Europe/Prague",
        "jobConfigJSON": '{"radioStreamUrl":"https://radio.example/live"}',
        "radioStreamUrl": "https://radio.example/live", "startDateTime": "2030-01-01T00:00:00Z",
        "coreCreatedDateTime": created, "createdDateTime": created, "modifiedDateTime": detail["modifiedDateTime"],
    }  # fmt: skip


async def test_the_published_interface_shows_an_interval_as_a_part(api: Api) -> None:
    part = {**DAILY["recurringScheduleParts"][0], "durationSeconds": 600}
    made = await api.schedule(runMode="Recurring", recurringScheduleParts=[part])
    [part] = (await api.edge.result(f"/proc/scheduled_job/{made['id']}/detail"))["scheduleParts"]
    assert (part["scheduleType"], part["repeatInterval"], part["repeatIntervalUnit"]) == ("interval", 1, "days")
    assert (part["startTime"], part["durationSeconds"]) == ("21:30", 600)


async def test_graphql_shows_every_field_of_a_schedule(api: Api) -> None:
    staged = await api.graphql.change("createJobTemplate", "id jobPipelineId", **TEMPLATE, jobPipelineStage=1)
    source_id = (await api.graphql.change("createSource", name="cam", sourceTypeId="3"))["id"]
    affiliate = {
        "sourceId": source_id, "scheduledDay": "Monday", "startDateTime": "2030-01-01T00:00:00.000Z",
        "stopDateTime": "2031-01-01T00:00:00.000Z", "startTime": "08:00", "stopTime": "09:00",
    }  # fmt: skip
    fields = """organizationId organization { id } name description startDateTime stopDateTime
      jobPipelineIds jobPipelines { records { id } } jobTemplates { count records { taskTemplates { count } } }
      jobTemplateIds allJobTemplates { records { id } } primarySourceId primarySource { name } primarySourceTypeId
      primarySourceType { name } sources { records { id } } details detailsSchemaId createdDateTime modifiedDateTime
      contentTemplates { id } collaborators { count records { permission } } permission ingestionStatusId
      ingestionStatus affiliates { records { sourceId source { name } scheduledJob { id } scheduledDay startTime } }
      parts { scheduleType scheduledDay scheduledDayLocal startTime stopTime repeatInterval }
      cron timeZone overlapPolicy catchUp catchUpLimit jitterSeconds excludedDates dstPolicy { gap fold } id"""
    made = await api.graphql.change(
        "createScheduledJob", fields, name="n", jobTemplates=[TEMPLATE], description="d", startDateTime="2030-01-01",
        stopDateTime=1924992000, details={"a": [1]}, detailsSchemaId="s", jobPipelineIds=[staged["jobPipelineId"]],
        primarySourceId=source_id, affiliates=[affiliate], runMode="Recurring", timeZone="Europe/Prague",
        overlapPolicy="queue", catchUp="all", catchUpLimit=7, jitterSeconds=9,
        excludedDates=["2030-12-24", "2030-02-03"], dstPolicy={"fold": "last"},
        weeklyScheduleParts=[{"scheduledDay": "Friday", "startTime": "08:00:30", "stopTime": "10:00"}],
    )  # fmt: skip
    [own] = made.pop("jobTemplateIds")
    assert made.pop("organization") == {"id": made.pop("organizationId")}
    assert made.pop("createdDateTime") == made.pop("modifiedDateTime")
    assert made.pop("affiliates")["records"] == [
        {
            "sourceId": source_id, "source": {"name": "cam"}, "scheduledJob": {"id": made.pop("id")},
            "scheduledDay": "Monday", "startTime": "08:00",
        }
    ]  # fmt: skip
    assert made == {
        "name": "n", "description": "d", "startDateTime": "2030-01-01T00:00:00.000Z",
        "stopDateTime": "2031-01-01T00:00:00.000Z", "jobPipelineIds": [staged["jobPipelineId"]],
        "jobPipelines": {"records": [{"id": staged["jobPipelineId"]}]},
        "jobTemplates": {"count": 1, "records": [{"taskTemplates": {"count": 1}}]},
        "allJobTemplates": {"records": [{"id": own}, {"id": staged["id"]}]},
        "primarySourceId": source_id, "primarySource": {"name": "cam"}, "primarySourceTypeId": "3",
        "primarySourceType": {"name": "Web stream"}, "sources": {"records": [{"id": source_id}]},
        "details": {"a": [1]}, "detailsSchemaId": "s", "contentTemplates": [],
        "collaborators": {"count": 0, "records": []}, "permission": "owner", "ingestionStatusId": None,
        "ingestionStatus": None,
        "parts": [
            {
                "scheduleType": "Weekly", "scheduledDay": "Friday", "scheduledDayLocal": "Friday",
                "startTime": "08:00:30", "stopTime": "10:00", "repeatInterval": None,
            }
        ],
        "cron": None, "timeZone": "Europe/Prague", "overlapPolicy": "queue", "catchUp": "all", "catchUpLimit": 7,
        "jitterSeconds": 9, "excludedDates": ["2030-02-03", "2030-12-24"],
        "dstPolicy": {"gap": "after", "fold": "last"},
    }  # fmt: skip


async def test_once_waits_for_its_launch_and_a_daily_time_is_kept(api: Api) -> None:
    four = {"clusterId": DAG["clusterId"], "routes": DAG["routes"], "taskTemplates": DAG["tasks"]}
    fields = "id runMode isActive nextRunDateTime"
    once = await api.graphql.change("createScheduledJob", fields, name="n", jobTemplates=[four])
    assert once == {"id": once["id"], "runMode": "Once", "isActive": True, "nextRunDateTime": None}
    assert once["id"].isdigit()
    made = await api.schedule(**DAILY)
    daily = await api.graphql.schedule(made["id"], "parts { scheduleType startTime } nextRunDateTime")
    assert daily["parts"] == [{"scheduleType": "Interval", "startTime": "21:30"}]
    assert "T21:30:00" in daily["nextRunDateTime"]
    assert (await api.graphql.ask("{ jobs { records { id } } }"))["jobs"]["records"] == []


async def test_a_schedule_that_launches_nothing_says_so(api: Api) -> None:
    [warning] = (await api.graphql.change("createScheduledJob", "warnings", name="n"))["warnings"]
    assert warning == "It has nothing to launch: give it jobTemplates, jobTemplateIds or jobPipelineIds."


# -- changed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelled", ["%s", '"%s"'], ids=["unquoted", "quoted"])
async def test_the_founding_page_stops_a_recurring_schedule(api: Api, spelled: str) -> None:
    five = [{"repeatInterval": 5, "repeatIntervalUnit": "Minutes"}]
    name = "qv3TestEverye5Minute"
    made = await api.schedule(name=name, isPublic=True, runMode="Recurring", recurringScheduleParts=five)
    query = """mutation updateScheduledJob {
    updateScheduledJob(
        input: {
            id: %s
            isActive: false
            isPublic: false
            runMode: Once
        }
    ) {
        id
        name
    }
}"""
    answer = await api.graphql.ask(query % (spelled % made["id"]))
    assert answer == {"updateScheduledJob": {"id": made["id"], "name": name}}
    fields = "isActive isPublic runMode nextRunDateTime parts { repeatInterval repeatIntervalUnit }"
    assert await api.graphql.schedule(made["id"], fields) == {
        "isActive": False, "isPublic": False, "runMode": "Once", "nextRunDateTime": None, "parts": five,
    }  # fmt: skip


async def test_an_update_of_graphql_without_is_public_makes_a_schedule_private(api: Api) -> None:
    made = await api.schedule(isPublic=True)
    assert (await api.graphql.schedule(made["id"], "isPublic"))["isPublic"] is True
    changed = await api.graphql.change("updateScheduledJob", "isPublic name", id=made["id"], name="m")
    assert changed == {"isPublic": False, "name": "m"}


async def test_in_our_interface_an_absent_field_stays_and_null_clears_it(api: Api) -> None:
    made = await api.schedule(**DAILY, description="old", stopDateTime="2040-01-01T00:00:00Z")
    path = f"/api/v1/schedules/{made['id']}"
    changed = (await api.ask(f"PATCH {path}", {"stopDateTime": None, "jitterSeconds": 60})).result
    expected = {**made, "jitterSeconds": 60, "modifiedDateTime": changed["modifiedDateTime"]}
    del expected["stopDateTime"], expected["sentence"], changed["sentence"]
    # Jitter delays the start of a run by at most its seconds.
    assert changed.pop("nextRunDateTime") >= expected.pop("nextRunDateTime")
    assert changed == expected
    other = await api.ask(f"PATCH {path}", {"jobTemplates": [TEMPLATE, TEMPLATE]})
    assert len(other.result["jobTemplateIds"]) == 2


async def test_the_templates_of_an_update_replace_the_earlier_ones(api: Api) -> None:
    made = await api.schedule()
    template = {"taskTemplates": [{"engineId": TRANSCRIBE}]}
    fields = "jobTemplateIds jobTemplates { records { taskTemplates { records { engineId } } } }"
    now = await api.graphql.change("updateScheduledJob", fields, id=made["id"], jobTemplates=[template])
    assert now["jobTemplateIds"] != made["jobTemplateIds"]
    assert now["jobTemplates"]["records"] == [{"taskTemplates": {"records": [{"engineId": TRANSCRIBE}]}}]
    before = {"id": made["id"], "jobTemplateIds": made["jobTemplateIds"]}
    back = await api.graphql.change("updateScheduledJob", "jobTemplateIds", **before)
    assert back["jobTemplateIds"] == made["jobTemplateIds"]
    lost = {"id": made["id"], "jobTemplateIds": ["x"], "jobPipelineIds": ["y"]}
    error = await api.graphql.refused(*api.graphql.mutation("updateScheduledJob", **lost))
    assert [each["field"] for each in error["data"]["all"]] == ["jobTemplateIds[0]", "jobPipelineIds[0]"]


async def test_changes_are_reverted_one_by_one(api: Api) -> None:
    made = await api.schedule(name="first", **DAILY)
    revert = api.graphql.mutation("revertScheduledJob", "name runMode", id=made["id"])
    assert (await api.graphql.refused(*revert))["name"] == "invalid_input"
    await api.graphql.change("updateScheduledJob", id=made["id"], name="second", runMode="Once")
    await api.graphql.change("updateScheduledJob", id=made["id"], name="third")
    for name, mode in (("second", "Once"), ("first", "Recurring")):
        assert (await api.graphql.ask(*revert))["revertScheduledJob"] == {"name": name, "runMode": mode}
        assert await api.graphql.schedule(made["id"], "name runMode") == {"name": name, "runMode": mode}


async def test_a_copy_is_inactive_and_launches_the_same(api: Api) -> None:
    made = await api.schedule(**DAILY)
    fields = "id name isActive jobTemplateIds nextRunDateTime"
    copy = await api.graphql.change("cloneScheduledJob", fields, id=made["id"])
    assert copy.pop("id") != made["id"]
    same = {"name": "n", "jobTemplateIds": made["jobTemplateIds"]}
    assert copy == {**same, "isActive": False, "nextRunDateTime": None}
    elsewhere = api.graphql.mutation("cloneScheduledJob", id=made["id"], organizationId="2")
    assert (await api.graphql.refused(*elsewhere))["name"] == "not_found"


@pytest.mark.parametrize(
    ("request_", "status", "result"),
    [
        ("POST /edge/v1/proc/scheduled_job/{uuid}/delete", 200, {"success": True, "count": 1}),
        ("DELETE /api/v1/schedules/{id}", 204, {}),
        (
            'mutation { deleteScheduledJob(id: "{id}") { id message } }',
            200,
            {"id": "{id}", "message": "ScheduledJob {id} was deleted."},
        ),
    ],
)
async def test_a_deleted_schedule_is_gone_and_its_jobs_stay(
    api: Api, request_: str, status: int, result: dict[str, Any]
) -> None:
    made = await api.schedule()
    [job_id] = await api.run(made)
    known = {"id": made["id"], "uuid": made["scheduledJobUuid"]}
    answer = await api.ask(fill(request_, known))
    expected = {name: fill(one, known) if isinstance(one, str) else one for name, one in result.items()}
    assert (answer.status, answer.result) == (status, expected)
    shown = (await api.ask(f'{{ job(id: "{job_id}") {{ scheduledJobId scheduledJob {{ id }} }} }}')).result
    assert shown == {"scheduledJobId": made["id"], "scheduledJob": None}
    assert (await api.edge.detail(job_id))["coreScheduledJobId"] == int(made["id"])
    for read in ("GET /edge/v1/proc/scheduled_job/{id}/detail", "GET /api/v1/schedules/{id}", request_):
        assert (await api.ask(fill(read, known))).error == "not_found"
