"""Scheduled jobs over GraphQL: the founding page, the conformance cases, every field, every filter, every refusal."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.api.graphql_house import ADAPTER, TRANSCRIBER, WRITER, Client, Served, serving
from tests.api.test_graphql_contract import DAG

from enginehouse.domain.ids import parse_job, schedule_uuid
from enginehouse.domain.times import SECOND
from enginehouse.operations.schedules import firing
from enginehouse.operations.schedules.firing import JobCache
from enginehouse.storage.database.database import Database
from enginehouse.storage.database.sql import Statements

CREATE = "mutation M($in: CreateScheduledJob!) { createScheduledJob(input: $in) { %s } }"
UPDATE = "mutation M($in: UpdateScheduledJob!) { updateScheduledJob(input: $in) { %s } }"
TEMPLATE: dict[str, Any] = {
    "clusterId": "rt-1",
    "taskTemplates": [{"engineId": ADAPTER, "payload": {"url": "https://h.example/a.mp4", "keep": 1}}],
}
DAILY: dict[str, Any] = {
    "runMode": "Recurring",
    "recurringScheduleParts": [{"repeatInterval": 1, "repeatIntervalUnit": "Days", "startTime": "21:30"}],
}


@pytest.fixture
async def served(database: Database, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(database, tmp_path) as made:
        yield made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the statements that storage is asked for, as they come."""
    names = list[str]()

    def look_up(known: Statements, name: str) -> Any:
        names.append(name)
        return dict.__getitem__(known, name)

    monkeypatch.setattr(Statements, "__getitem__", look_up, raising=False)
    return names


def filled(query: str, *values: object) -> str:
    """The query with these for its `%s`: braces are GraphQL's own."""
    return query % values


async def create(client: Client, fields: str = "id", **given: Any) -> dict[str, Any]:
    wanted = {"name": "n", "jobTemplates": [TEMPLATE], **given}
    made: dict[str, Any] = (await client.ask(CREATE % fields, {"in": wanted}))["createScheduledJob"]
    return made


async def refused(client: Client, **given: Any) -> list[str]:
    """What is said about each field, whoever found it: the type of a variable, or the request as a whole."""
    response = await client.post(CREATE % "id", {"in": {"name": "n", **given}})
    [error] = response.json()["errors"]
    assert error["name"] == "invalid_input"
    return [each["message"] for each in error["data"]["all"]]


async def listed(client: Client, arguments: str = "") -> list[str]:
    data = await client.ask(filled("{ scheduledJobs%s { records { name } } }", f"({arguments})" if arguments else ""))
    return [each["name"] for each in data["scheduledJobs"]["records"]]


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


# -- the founding page and the conformance cases ------------------------------------------------------------


@pytest.mark.parametrize("spelled", ["%s", '"%s"'], ids=["unquoted", "quoted"])
async def test_the_founding_page_stops_a_recurring_schedule(served: Served, spelled: str) -> None:
    five = [{"repeatInterval": 5, "repeatIntervalUnit": "Minutes"}]
    made = await create(
        served.client, name="qv3TestEverye5Minute", isPublic=True, runMode="Recurring", recurringScheduleParts=five
    )
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
    answer = await served.client.ask(query % (spelled % made["id"]))
    assert answer == {"updateScheduledJob": {"id": made["id"], "name": "qv3TestEverye5Minute"}}
    fields = "isActive isPublic runMode nextRunDateTime parts { repeatInterval repeatIntervalUnit }"
    after = await served.client.ask(filled('{ scheduledJob(id: "%s") { %s } }', made["id"], fields))
    assert after["scheduledJob"] == {
        "isActive": False,
        "isPublic": False,
        "runMode": "Once",
        "nextRunDateTime": None,
        "parts": [{"repeatInterval": 5, "repeatIntervalUnit": "Minutes"}],
    }


async def test_an_update_that_does_not_say_that_it_is_public_makes_it_private(served: Served) -> None:
    made = await create(served.client, "id isPublic", isPublic=True)
    assert made["isPublic"] is True
    answer = await served.client.ask(UPDATE % "isPublic name", {"in": {"id": made["id"], "name": "m"}})
    assert answer["updateScheduledJob"] == {"isPublic": False, "name": "m"}


async def test_once_waits_for_its_launch_and_a_daily_time_is_kept(served: Served) -> None:
    once = await create(served.client, "id runMode isActive nextRunDateTime", jobTemplates=[_v3f()])
    assert once == {"id": once["id"], "runMode": "Once", "isActive": True, "nextRunDateTime": None}
    assert once["id"].isdigit()
    daily = await create(served.client, "parts { scheduleType startTime } nextRunDateTime", **DAILY)
    assert daily["parts"] == [{"scheduleType": "Interval", "startTime": "21:30"}]
    assert "T21:30:00" in daily["nextRunDateTime"]
    jobs = await served.client.ask("{ jobs { records { id } } }")
    assert jobs["jobs"]["records"] == []


def _v3f() -> dict[str, Any]:
    """The contract's graph of four tasks as a template."""
    return {"clusterId": DAG["clusterId"], "routes": DAG["routes"], "taskTemplates": DAG["tasks"]}


async def test_a_launch_on_demand_answers_the_jobs(served: Served) -> None:
    made = await create(served.client)
    query = 'mutation { launchScheduledJobs(input: {scheduledJobId: "%s", payload: {recordDuration: "15m"}}) { %s } }'
    plain = await served.client.ask(query % (made["id"], "id targetId"))
    [job] = plain["launchScheduledJobs"]
    assert parse_job(job["id"])
    assert job["targetId"].isdigit()
    fields = "scheduledJobId slotDateTime scheduledJob { name } template { clusterId } tasks { records { payload } }"
    more = await served.client.ask(query % (schedule_uuid(int(made["id"])), fields))
    assert more["launchScheduledJobs"] == [
        {
            "scheduledJobId": made["id"],
            "slotDateTime": None,
            "scheduledJob": {"name": "n"},
            "template": {"clusterId": "rt-1"},
            "tasks": {"records": [{"payload": {"url": "https://h.example/a.mp4", "keep": 1, "recordDuration": "15m"}}]},
        }
    ]


async def test_a_launch_is_about_the_target_that_is_given_or_described(served: Served) -> None:
    made = await create(served.client, jobTemplates=[TEMPLATE, TEMPLATE])
    query = "mutation L($in: LaunchScheduledJobs!) { launchScheduledJobs(input: $in) { target { id name } } }"
    described = {"scheduledJobId": made["id"], "createTargetInfo": {"name": "harbour"}}
    first, second = (await served.client.ask(query, {"in": described}))["launchScheduledJobs"]
    assert first == second
    assert first["target"]["name"] == "harbour"
    given = {"scheduledJobId": made["id"], "targetInfo": {"targetId": first["target"]["id"], "startOffsetMs": 5}}
    assert (await served.client.ask(query, {"in": given}))["launchScheduledJobs"] == [first, first]
    both = await served.client.refused(query, {"in": {**described, **given}})
    assert both["message"] == "Give at most one of targetInfo, createTargetInfo."
    lost = await served.client.refused(query, {"in": {**given, "targetInfo": {"targetId": "9"}}})
    assert (lost["name"], lost["data"]["field"]) == ("not_found", "targetInfo.targetId")


@pytest.mark.usefixtures("own_statements")
async def test_what_is_due_is_fired_and_told(served: Served) -> None:
    second = [{"repeatInterval": 1, "repeatIntervalUnit": "Seconds"}]
    made = await create(served.client, runMode="Recurring", recurringScheduleParts=second)
    later = await served.client.ask(
        filled('{ scheduledJob(id: "%s") { nextRuns(count: 1) { slotDateTime } } }', made["id"])
    )
    assert later["scheduledJob"]["nextRuns"]

    async def pass_time(tx: Any) -> None:
        await tx.run("test.move_schedule", id=int(made["id"]), by=2 * SECOND)

    await served.house.database.write(pass_time)
    await firing.fire_due(served.house, JobCache())
    fields = """firedCount skippedCount
                slots { outcome count slotDateTime lastSlotDateTime reason decidedDateTime jobIds }
                jobs { count records { id scheduledJobId slotDateTime } }"""
    told = (await served.client.ask(filled('{ scheduledJob(id: "%s") { %s } }', made["id"], fields)))["scheduledJob"]
    assert told["firedCount"] == len([each for each in told["slots"] if each["outcome"] == "fired"]) > 0
    assert told["skippedCount"] == 0
    slots = {each["slotDateTime"] for each in told["slots"]}
    assert {job["slotDateTime"] for job in told["jobs"]["records"]} == slots
    started = {job["slotDateTime"]: [job["id"]] for job in told["jobs"]["records"]}
    assert {each["slotDateTime"]: each["jobIds"] for each in told["slots"]} == started
    older = min(slots)
    page = '{ scheduledJob(id: "%s") { slots(beforeDateTime: "%s", limit: 1) { slotDateTime } } }'
    assert (await served.client.ask(page % (made["id"], older)))["scheduledJob"]["slots"] == []
    found = await served.client.ask(filled('{ jobs(scheduledJobIds: ["%s"]) { count } }', made["id"]))
    assert found["jobs"]["count"] == len(slots)
    assert (await served.client.ask("{ jobs(hasScheduledJobId: false) { count } }"))["jobs"]["count"] == 0


async def test_a_job_records_the_schedule_and_template_it_names(served: Served) -> None:
    made = await create(served.client, "id jobTemplateIds")
    named = await served.client.create_job(scheduledJobId=made["id"], jobTemplateId=made["jobTemplateIds"][0])
    fields = "scheduledJobId scheduledJob { id } templateId template { id }"
    job = (await served.client.ask(filled('{ job(id: "%s") { %s } }', named, fields)))["job"]
    [template] = made["jobTemplateIds"]
    assert job == {
        "scheduledJobId": made["id"],
        "scheduledJob": {"id": made["id"]},
        "templateId": template,
        "template": {"id": template},
    }
    lost = await served.client.create_job(scheduledJobId="77")
    job = (await served.client.ask(filled('{ job(id: "%s") { %s } }', lost, "scheduledJobId scheduledJob { id }")))[
        "job"
    ]
    assert job == {"scheduledJobId": "77", "scheduledJob": None}
    found = await served.client.ask(filled('{ jobs(scheduledJobIds: ["%s", "x"]) { records { id } } }', made["id"]))
    assert found["jobs"]["records"] == [{"id": named}]
    assert (await served.client.ask('{ jobs(scheduledJobIds: ["x"]) { count } }'))["jobs"]["count"] == 0


# -- what is shown ------------------------------------------------------------------------------------------


async def test_every_field_of_a_schedule_is_shown(served: Served) -> None:
    pipeline = await served.client.ask(
        "mutation T($in: CreateJobTemplate!) { createJobTemplate(input: $in) { id jobPipelineId } }",
        {"in": {**TEMPLATE, "jobPipelineStage": 1}},
    )
    staged = pipeline["createJobTemplate"]
    source = await served.client.ask('mutation { createSource(input: {name: "cam", sourceTypeId: "3"}) { id } }')
    source_id = source["createSource"]["id"]
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
    made = await create(
        served.client, fields, description="d", startDateTime="2030-01-01", stopDateTime=1924992000, details={"a": [1]},
        detailsSchemaId="s", jobPipelineIds=[staged["jobPipelineId"]], primarySourceId=source_id,
        affiliates=[affiliate], runMode="Recurring", timeZone="Europe/Prague", overlapPolicy="queue", catchUp="all",
        catchUpLimit=7, jitterSeconds=9, excludedDates=["2030-12-24", "2030-02-03"], dstPolicy={"fold": "last"},
        weeklyScheduleParts=[{"scheduledDay": "Friday", "startTime": "08:00:30", "stopTime": "10:00"}],
    )  # fmt: skip
    [own] = made.pop("jobTemplateIds")
    organization_id = made.pop("organizationId")
    assert made.pop("organization") == {"id": organization_id}
    assert made.pop("createdDateTime") == made.pop("modifiedDateTime")
    assert made.pop("affiliates")["records"] == [
        {
            "sourceId": source_id, "source": {"name": "cam"}, "scheduledJob": {"id": made.pop("id")},
            "scheduledDay": "Monday", "startTime": "08:00",
        }
    ]  # fmt: skip
    assert made == {
        "name": "n",
        "description": "d",
        "startDateTime": "2030-01-01T00:00:00.000Z",
        "stopDateTime": "2031-01-01T00:00:00.000Z",
        "jobPipelineIds": [staged["jobPipelineId"]],
        "jobPipelines": {"records": [{"id": staged["jobPipelineId"]}]},
        "jobTemplates": {"count": 1, "records": [{"taskTemplates": {"count": 1}}]},
        "allJobTemplates": {"records": [{"id": own}, {"id": staged["id"]}]},
        "primarySourceId": source_id,
        "primarySource": {"name": "cam"},
        "primarySourceTypeId": "3",
        "primarySourceType": {"name": "Web stream"},
        "sources": {"records": [{"id": source_id}]},
        "details": {"a": [1]},
        "detailsSchemaId": "s",
        "contentTemplates": [],
        "collaborators": {"count": 0, "records": []},
        "permission": "owner",
        "ingestionStatusId": None,
        "ingestionStatus": None,
        "parts": [
            {
                "scheduleType": "Weekly", "scheduledDay": "Friday", "scheduledDayLocal": "Friday",
                "startTime": "08:00:30", "stopTime": "10:00", "repeatInterval": None,
            }
        ],
        "cron": None,
        "timeZone": "Europe/Prague",
        "overlapPolicy": "queue",
        "catchUp": "all",
        "catchUpLimit": 7,
        "jitterSeconds": 9,
        "excludedDates": ["2030-02-03", "2030-12-24"],
        "dstPolicy": {"gap": "after", "fold": "last"},
    }  # fmt: skip


async def test_the_next_runs_tell_of_gaps_and_an_explanation_of_both_zones(served: Served) -> None:
    made = await create(
        served.client,
        """nextRuns(count: 500) { slotDateTime startDateTime localDateTime note }
           explanation(timeZone: "UTC") warnings""",
        runMode="Recurring", cron="30 2 * * *", timeZone="Europe/Prague",
    )  # fmt: skip
    runs = made["nextRuns"]
    assert len(runs) == 500
    assert [each["slotDateTime"] for each in runs] == sorted(each["slotDateTime"] for each in runs)
    [*gaps] = [each for each in runs if each["note"] == "gap"]
    assert gaps
    assert all(each["localDateTime"][11:] == "03:00:00+02:00" for each in gaps)
    assert any(each["note"] == "repeated" for each in runs)
    assert "(Europe/Prague)" in made["explanation"]
    assert "(UTC)" in made["explanation"]
    assert any("does not exist" in warning for warning in made["warnings"])
    lost = await served.client.refused('{ scheduledJobs { records { explanation(timeZone: "Mars") } } }')
    assert (lost["name"], lost["data"]["field"]) == ("invalid_input", "timeZone")
    over = await served.client.refused("{ scheduledJobs { records { nextRuns(count: 1001) { note } } } }")
    assert (over["name"], over["data"]["field"]) == ("invalid_input", "count")


async def test_the_next_runs_of_a_page_count_among_what_a_query_costs(served: Served) -> None:
    query = "{ scheduledJobs(limit: 1000) { records { nextRuns(count: %s) { note } } } }"
    assert (await served.client.post(filled(query, 100))).status_code == 200
    refusal = (await served.client.post(filled(query, 1000))).json()["errors"]
    assert "may answer" in refusal[0]["message"]


async def test_a_schedule_that_launches_nothing_says_so(served: Served) -> None:
    made = await create(served.client, "warnings", jobTemplates=None)
    assert made["warnings"] == ["It has nothing to launch: give it jobTemplates, jobTemplateIds or jobPipelineIds."]


async def test_a_page_of_schedules_is_read_together(served: Served, asked: list[str]) -> None:
    for n in range(3):
        made = await create(served.client, name=f"s{n}")
        await served.client.ask(
            filled('mutation { launchScheduledJobs(input: {scheduledJobId: "%s"}) { id } }', made["id"])
        )
    fields = "jobs { records { id } } allJobTemplates { records { id } } jobTemplateIds warnings sources { count }"
    asked.clear()
    await served.client.ask(filled("{ scheduledJobs { records { %s } } }", fields))
    few = list(asked)
    await create(served.client, name="one more")
    asked.clear()
    await served.client.ask(filled("{ scheduledJobs { records { %s } } }", fields))
    # A page of jobs is one statement for each schedule, in one transaction; all else is one for all of them.
    assert sorted(asked) == sorted([*few, "jobs.newest_of_schedules"])


# -- lists --------------------------------------------------------------------------------------------------


async def test_schedules_are_listed_by_every_filter(served: Served) -> None:
    client = served.client
    source = await client.ask('mutation { createSource(input: {name: "cam", sourceTypeId: "3"}) { id } }')
    source_id = source["createSource"]["id"]
    writer = {"taskTemplates": [{"engineId": WRITER}]}
    once = await create(client, name="Once", primarySourceId=source_id)
    await create(client, name="daily", startDateTime=at(24), stopDateTime=at(48), jobTemplates=[writer], **DAILY)
    await create(
        client, name="weekly", runMode="Recurring", isActive=False, jobTemplates=None,
        weeklyScheduleParts=[{"scheduledDay": "Monday", "startTime": "08:00", "stopTime": "10:00"}],
    )  # fmt: skip
    await client.ask(filled('mutation { launchScheduledJobs(input: {scheduledJobId: "%s"}) { id } }', once["id"]))
    assert await listed(client) == ["weekly", "daily", "Once"]
    assert await listed(client, filled('id: "%s"', once["id"])) == ["Once"]
    assert await listed(client, 'id: "x"') == []
    assert await listed(client, 'name: "ONC"') == ["Once"]
    assert await listed(client, "runMode: Recurring") == ["weekly", "daily"]
    assert await listed(client, "isActive: false") == ["weekly"]
    assert await listed(client, filled('engineId: "%s"', WRITER)) == ["daily"]
    assert await listed(client, 'engineId: "transcription"') == []
    assert await listed(client, "engineType: [Ingestion]") == ["Once"]
    assert await listed(client, 'engineCategoryId: "67cd4dd0-2f75-445d-a6f0-2f297d6cd182"') == ["daily"]
    assert await listed(client, 'engineCategoryId: "x"') == []
    assert await listed(client, "offset: 1, limit: 1") == ["daily"]
    assert await listed(client, filled('primarySourceId: ["%s", "x"]', source_id)) == ["Once"]
    assert await listed(client, "primarySourceTypeId: [3]") == ["Once"]
    assert await listed(client, "primarySourceTypeId: [4]") == []
    assert await listed(client, "hasJobTemplate: false") == ["weekly"]
    assert await listed(client, "hasRunningJobs: true") == ["Once"]
    assert await listed(client, 'clusterId: "rt-1"') == ["Once"]
    assert await listed(client, "orderBy: [{field: name, direction: asc}]") == ["daily", "Once", "weekly"]
    assert await listed(client, "orderBy: [{field: isActive}, {field: name}]") == ["Once", "daily", "weekly"]
    dates = 'dateTimeFilter: [{field: %s, toDateTime: "%s"%s}]'
    assert await listed(client, dates % ("stopDateTime", at(72), "")) == ["daily"]
    assert await listed(client, dates % ("startDateTime", at(1), ", includeEmpty: true")) == ["weekly", "Once"]
    assert await listed(client, dates % ("dateCreated", at(-1), "")) == []
    assert await listed(client, filled('dateTimeFilter: [{field: dateModified, fromDateTime: "%s"}]', at(-1))) != []
    parts = 'partTimeFilter: [{field: %s, fromTime: "%s", toTime: "%s"}]'
    assert await listed(client, parts % ("startTime", "21:00", "21:30")) == ["daily"]
    assert await listed(client, parts % ("endTime", "09:30", "10:00")) == ["weekly"]


async def test_public_schedules_of_others_are_read_and_not_changed(served: Served) -> None:
    public = await create(served.client, name="public", isPublic=True)
    private = await create(served.client, name="private")
    assert await listed(served.foreign) == ["public"]
    assert await listed(served.foreign, "permission: owner") == []
    shown = await served.foreign.ask(
        filled('{ scheduledJob(id: "%s") { name permission jobs { count } } }', public["id"])
    )
    assert shown["scheduledJob"] == {"name": "public", "permission": "viewer", "jobs": {"count": 0}}
    error = await served.foreign.refused(filled('{ scheduledJob(id: "%s") { name } }', private["id"]))
    assert error["name"] == "not_found"
    for change in (
        'updateScheduledJob(input: {id: "%s", isActive: false}) { id }',
        'revertScheduledJob(input: {id: "%s"}) { id }',
        'deleteScheduledJob(id: "%s") { id }',
        'launchScheduledJobs(input: {scheduledJobId: "%s"}) { id }',
    ):
        assert (await served.foreign.refused(f"mutation {{ {change % public['id']} }}"))["name"] == "not_allowed"
        assert (await served.foreign.refused(f"mutation {{ {change % private['id']} }}"))["name"] == "not_found"


# -- change -------------------------------------------------------------------------------------------------


async def test_a_change_is_taken_back_step_by_step(served: Served) -> None:
    made = await create(served.client, "id", name="first", **DAILY)
    revert = filled('mutation { revertScheduledJob(input: {id: "%s"}) { name runMode } }', made["id"])
    assert (await served.client.refused(revert))["name"] == "invalid_input"
    await served.client.ask(UPDATE % "id", {"in": {"id": made["id"], "name": "second", "runMode": "Once"}})
    await served.client.ask(UPDATE % "id", {"in": {"id": made["id"], "name": "third"}})
    assert (await served.client.ask(revert))["revertScheduledJob"] == {"name": "second", "runMode": "Once"}
    assert (await served.client.ask(revert))["revertScheduledJob"] == {"name": "first", "runMode": "Recurring"}


async def test_a_copy_is_inactive_and_launches_the_same(served: Served) -> None:
    made = await create(served.client, "id jobTemplateIds", **DAILY)
    query = 'mutation { cloneScheduledJob(input: {id: "%s"%s}) { id name isActive jobTemplateIds nextRunDateTime } }'
    copy = (await served.client.ask(query % (made["id"], "")))["cloneScheduledJob"]
    assert copy.pop("id") != made["id"]
    ids = made["jobTemplateIds"]
    assert copy == {"name": "n", "isActive": False, "jobTemplateIds": ids, "nextRunDateTime": None}
    elsewhere = await served.client.refused(query % (made["id"], ', organizationId: "2"'))
    assert elsewhere["name"] == "not_found"


async def test_a_deleted_schedule_leaves_its_jobs(served: Served) -> None:
    made = await create(served.client)
    job = await served.client.ask(
        filled('mutation { launchScheduledJobs(input: {scheduledJobId: "%s"}) { id } }', made["id"])
    )
    gone = await served.client.ask(filled('mutation { deleteScheduledJob(id: "%s") { id message } }', made["id"]))
    assert gone["deleteScheduledJob"] == {"id": made["id"], "message": f"ScheduledJob {made['id']} was deleted."}
    query = filled('{ job(id: "%s") { scheduledJobId scheduledJob { id } } }', job["launchScheduledJobs"][0]["id"])
    assert (await served.client.ask(query))["job"] == {"scheduledJobId": made["id"], "scheduledJob": None}
    again = await served.client.refused(filled('mutation { deleteScheduledJob(id: "%s") { id } }', made["id"]))
    assert again["name"] == "not_found"


async def test_templates_in_an_update_take_the_place_of_those_before(served: Served) -> None:
    made = await create(served.client, "id jobTemplateIds")
    changed = await served.client.ask(
        UPDATE % "jobTemplateIds jobTemplates { records { taskTemplates { records { engineId } } } }",
        {"in": {"id": made["id"], "jobTemplates": [{"taskTemplates": [{"engineId": TRANSCRIBER}]}]}},
    )
    now = changed["updateScheduledJob"]
    assert now["jobTemplateIds"] != made["jobTemplateIds"]
    assert now["jobTemplates"]["records"] == [{"taskTemplates": {"records": [{"engineId": TRANSCRIBER}]}}]
    back = await served.client.ask(
        UPDATE % "jobTemplateIds", {"in": {"id": made["id"], "jobTemplateIds": made["jobTemplateIds"]}}
    )
    assert back["updateScheduledJob"]["jobTemplateIds"] == made["jobTemplateIds"]
    lost = {"in": {"id": made["id"], "jobTemplateIds": ["x"], "jobPipelineIds": ["y"]}}
    error = await served.client.refused(UPDATE % "id", lost)
    assert [each["field"] for each in error["data"]["all"]] == ["jobTemplateIds[0]", "jobPipelineIds[0]"]


# -- bad input, in its own words ----------------------------------------------------------------------------

PART = {"repeatInterval": 5, "repeatIntervalUnit": "Minutes"}
CYCLE = {
    "taskTemplates": [
        {
            "engineId": TRANSCRIBER,
            "ioFolders": [
                {"referenceId": f"i{n}", "mode": "chunk", "type": "input"},
                {"referenceId": f"o{n}", "mode": "chunk", "type": "output"},
            ],
        }
        for n in range(2)
    ],
    "routes": [
        {"parentIoFolderReferenceId": "o0", "childIoFolderReferenceId": "i1"},
        {"parentIoFolderReferenceId": "o1", "childIoFolderReferenceId": "i0"},
    ],
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"startDateTime": "2030-01-01T11:00:00Z", "stopDateTime": "2030-01-01T10:00:00Z"},
            "stopDateTime: 2030-01-01T10:00:00.000Z must be after startDateTime (2030-01-01T11:00:00.000Z).",
        ),
        (
            {**DAILY, "stopDateTime": "2020-01-01"},
            "stopDateTime: is in the past; this schedule would never fire.",
        ),
        (
            {"runMode": "Recurring", "recurringScheduleParts": [PART], "cron": "0 0 * * *"},
            "Give exactly one of recurringScheduleParts, weeklyScheduleParts, cron; got recurringScheduleParts, cron.",
        ),
        ({"runMode": "Once", "recurringScheduleParts": [PART]}, "runMode Once does not take recurringScheduleParts."),
        (
            {"runMode": "Recurring"},
            "runMode: Recurring needs recurringScheduleParts, weeklyScheduleParts or cron.",
        ),
        ({"runMode": "Now", "startDateTime": "2030-01-01"}, "runMode Now does not take startDateTime."),
        (
            {"runMode": "Recurring", "recurringScheduleParts": [{**PART, "repeatInterval": 0}]},
            "recurringScheduleParts[0].repeatInterval: integer ≥ 1, got 0; the shortest allowed period is 1 s.",
        ),
        (
            {"runMode": "Recurring", "recurringScheduleParts": [{**PART, "repeatInterval": -5}]},
            "recurringScheduleParts[0].repeatInterval: integer ≥ 1, got -5; the shortest allowed period is 1 s.",
        ),
        (
            {"runMode": "Recurring", "recurringScheduleParts": [{**PART, "repeatInterval": 1.5}]},
            "recurringScheduleParts[0].repeatInterval: integer from -2147483648 to 2147483647, got 1.5.",
        ),
        (
            {"runMode": "Recurring", "recurringScheduleParts": [{**PART, "repeatIntervalUnit": "Days"}]},
            "recurringScheduleParts[0].startTime: is required when repeatIntervalUnit is Days.",
        ),
        (
            {"runMode": "Recurring", "recurringScheduleParts": [{**PART, "startTime": "25:00"}]},
            'recurringScheduleParts[0].startTime: HH:MM or HH:MM:SS (24 h), got "25:00".',
        ),
        (
            {"runMode": "Recurring", "weeklyScheduleParts": [{"startTime": "9am"}]},
            'weeklyScheduleParts[0].startTime: HH:MM or HH:MM:SS (24 h), got "9am".',
        ),
        (
            {**DAILY, "timeZone": "Europe/Pragu"},
            'timeZone: "Europe/Pragu" is not an IANA zone. Did you mean "Europe/Prague"?',
        ),
        ({"runMode": "Recurring", "cron": "0 25 * * *"}, 'cron: field 2 (hour): "25" is not 0–23.'),
        ({"runMode": "Recurring", "cron": "0 0 31 2 *"}, 'cron: "0 0 31 2 *" never fires.'),
        ({"jobTemplates": []}, "jobTemplates: at least 1 template is required."),
        ({"jobTemplates": [{}]}, "jobTemplates[0].taskTemplates: at least 1 task is required."),
        ({**DAILY, "catchUp": "all", "catchUpLimit": 525600}, "catchUpLimit: 1–1000 runs, got 525600."),
        ({**DAILY, "excludedDates": ["24.12."]}, 'excludedDates[0]: a date like 2026-12-24, got "24.12.".'),
        ({**DAILY, "jitterSeconds": -1}, "jitterSeconds: 0–86400, got -1."),
        ({"name": " "}, "name: must be given."),
        ({"primarySourceId": "x"}, 'primarySourceId: "x" was not found.'),
    ],
)
async def test_bad_input_is_told_in_its_own_words(served: Served, given: dict[str, Any], said: str) -> None:
    [text] = await refused(served.client, **given)
    assert text.startswith(said)
    assert await listed(served.client) == []


async def test_a_cycle_in_a_template_is_refused_where_it_stands(served: Served) -> None:
    said = await refused(served.client, jobTemplates=[TEMPLATE, CYCLE])
    assert all(text.startswith("jobTemplates[1].") for text in said)
    assert any("cycle" in text for text in said)


async def test_all_problems_are_told_at_once(served: Served) -> None:
    said = await refused(
        served.client, name="", timeZone="Mars", runMode="Recurring", jobTemplateIds=["x"],
        recurringScheduleParts=[{**PART, "repeatInterval": 0}], jobTemplates=[{}],
    )  # fmt: skip
    assert {text.split(":")[0] for text in said} == {
        "name", "timeZone", "jobTemplateIds[0]", "recurringScheduleParts[0].repeatInterval",
        "jobTemplates[0].taskTemplates",
    }  # fmt: skip


async def test_an_organization_has_so_many_schedules_and_no_more(database: Database, tmp_path: Path) -> None:
    async with serving(database, tmp_path) as made:
        object.__setattr__(made.house, "limits", replace(made.house.limits, schedules=1))
        await create(made.client)
        error = await made.client.refused(CREATE % "id", {"in": {"name": "m"}})
        assert error["name"] == "capacity_exceeded"
        assert error["message"] == "Organization limit of 1 schedules reached."
