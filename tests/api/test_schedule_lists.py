"""The schedules that each of the three interfaces lists, and what other callers see and may change."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import DAILY, WEEKLY, WRITER, fill

from enginehouse.domain.identity import Role
from enginehouse.storage.database.sql import Statements

DAY_OF_2030 = 1_893_456_000  # its first, in Unix seconds


# -- listed -----------------------------------------------------------------------------------------------

# The schedules that each interface finds among once, daily, weekly and live, created in this order. {once} is an id.
LISTS = [
    ("edge", "", "live weekly daily once"),
    ("edge", "direction=ASC&offset=1", "daily weekly live"),
    ("edge", "runMode=once", "once"),
    ("edge", "isActive=false", "live weekly"),
    ("edge", "scheduledJobName=AIL", "daily"),
    ("edge", "scheduledJobID={once}", "once"),
    ("edge", "scheduledJobID={onceUuid}", "once"),
    ("edge", "scheduledJobID=999999999", ""),
    ("edge", f"startStartTime={DAY_OF_2030 - 100}", "daily"),
    ("edge", f"endStartTime={DAY_OF_2030 - 100}", "live"),
    ("edge", f"startStopTime={DAY_OF_2030 - 100}&endStopTime={DAY_OF_2030 + 40_000_000}", "daily"),
    ("edge", "startTime=4000000000", ""),
    ("edge", "sourceID=5", ""),
    ("edge", "sourceType=Radio", ""),
    ("edge", "orderBy=startTime&direction=ASC", "live daily weekly once"),
    ("edge", "orderBy=runMode&direction=ASC", "live once weekly daily"),
    ("edge", "orderBy=stopTime", "daily live weekly once"),
    ("edge", "orderBy=organizationID", "live weekly daily once"),
    ("edge", "orderBy=createdTime", "live weekly daily once"),
    ("v1", "limit=2", "live weekly"),
    ("v1", "isActive=false", "live weekly"),
    ("v1", "name=DAI", "daily"),
    ("v1", "runMode=now", ""),
    ("graphql", "", "live weekly daily once"),
    ("graphql", 'id: "{once}"', "once"),
    ("graphql", 'id: "x"', ""),
    ("graphql", 'name: "ONC"', "once"),
    ("graphql", "runMode: Recurring", "weekly daily"),
    ("graphql", "isActive: false", "live weekly"),
    ("graphql", f'engineId: "{WRITER}"', "daily"),
    ("graphql", 'engineId: "transcription"', ""),
    ("graphql", "engineType: [Ingestion]", "once"),
    ("graphql", 'engineCategoryId: "67cd4dd0-2f75-445d-a6f0-2f297d6cd182"', "daily"),
    ("graphql", 'engineCategoryId: "x"', ""),
    ("graphql", "offset: 2, limit: 1", "daily"),
    ("graphql", 'primarySourceId: ["{source}", "x"]', "once"),
    ("graphql", "primarySourceTypeId: [3]", "once"),
    ("graphql", "primarySourceTypeId: [4]", ""),
    ("graphql", "hasJobTemplate: false", "live weekly"),
    ("graphql", "hasRunningJobs: true", "once"),
    ("graphql", 'clusterId: "rt-1"', "once"),
    ("graphql", "orderBy: [{field: name, direction: asc}]", "daily live once weekly"),
    ("graphql", "orderBy: [{field: isActive}, {field: name}]", "once daily weekly live"),
    ("graphql", 'dateTimeFilter: [{field: stopDateTime, toDateTime: "2031-06-01"}]', "daily"),
    (
        "graphql",
        'dateTimeFilter: [{field: startDateTime, toDateTime: "2028-01-01", includeEmpty: true}]',
        "weekly once",
    ),
    ("graphql", 'dateTimeFilter: [{field: dateCreated, toDateTime: "2020-01-01"}]', ""),
    ("graphql", 'dateTimeFilter: [{field: dateModified, fromDateTime: "2020-01-01"}]', "live weekly daily once"),
    ("graphql", 'partTimeFilter: [{field: startTime, fromTime: "21:00", toTime: "21:30"}]', "daily"),
    ("graphql", 'partTimeFilter: [{field: endTime, fromTime: "09:00", toTime: "09:30"}]', "weekly"),
]


async def listed(api: Api, interface: str, filters: str = "") -> str:
    """Returns the names of the schedules of a list, in its order."""
    arguments = f"({filters})" if filters else ""
    request = {
        "edge": f"GET /edge/v1/proc/scheduled_jobs?{filters}",
        "v1": f"GET /api/v1/schedules?{filters}",
        "graphql": f"{{ scheduledJobs{arguments} {{ records {{ name }} }} }}",
    }
    found = (await api.ask(request[interface])).result
    return " ".join(each["scheduledJobName" if interface == "edge" else "name"] for each in found)


async def test_schedules_are_listed_by_every_filter_and_in_every_order(api: Api) -> None:
    source_id = (await api.graphql.change("createSource", name="cam", sourceTypeId="3"))["id"]
    once = await api.schedule(name="once", runMode="Once", primarySourceId=source_id)
    await api.schedule(
        name="daily", startDateTime="2030-01-01T00:00:00Z", stopDateTime="2031-01-01T00:00:00Z", **DAILY,
        jobTemplates=[{"taskTemplates": [{"engineId": WRITER}]}],
    )  # fmt: skip
    await api.schedule(
        name="weekly", runMode="Recurring", isActive=False, jobTemplates=None, weeklyScheduleParts=WEEKLY
    )
    await api.schedule(
        name="live", runMode="Continuous", isActive=False, jobTemplates=None, startDateTime="2029-01-01T00:00:00Z"
    )
    await api.run(once)
    known = {"once": once["id"], "onceUuid": once["scheduledJobUuid"], "source": source_id}
    assert [(to, filters, await listed(api, to, fill(filters, known))) for to, filters, _ in LISTS] == LISTS
    for path in ("/edge/v1/proc/scheduled_jobs", "/api/v1/schedules"):
        page = (await api.ask(f"GET {path}?limit=2")).body
        assert (page["success"], page["count"], page["limit"], page["offset"]) == (True, 4, 2, 0)


async def test_every_wrong_parameter_of_a_list_is_named(api: Api) -> None:
    answer = await api.ask("GET /edge/v1/proc/scheduled_jobs?runMode=daily&isActive=yes&orderBy=name&limit=0")
    assert answer.status == 400
    named = [line.split(":")[0] for line in answer.message.splitlines()]
    assert named == ["runMode", "isActive", "limit", "orderBy"]
    assert (await api.ask("GET /edge/v1/proc/scheduled_jobs?coreID=x")).status == 400


async def test_a_page_of_schedules_is_read_together(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = list[str]()

    def look_up(known: Statements, name: str) -> Any:
        if name != "identity.principal":  # of the caller, who is known for some seconds
            statements.append(name)
        return dict.__getitem__(known, name)

    for n in range(3):
        await api.run(await api.schedule(name=f"s{n}"))
    fields = "jobs { records { id } } allJobTemplates { records { id } } jobTemplateIds warnings sources { count }"
    await api.graphql.ask(f"{{ scheduledJobs {{ records {{ {fields} }} }} }}")  # now the jobs are known
    monkeypatch.setattr(Statements, "__getitem__", look_up, raising=False)
    await api.graphql.ask(f"{{ scheduledJobs {{ records {{ {fields} }} }} }}")
    few = list(statements)
    await api.schedule(name="one more")
    statements.clear()
    await api.graphql.ask(f"{{ scheduledJobs {{ records {{ {fields} }} }} }}")
    # A page of jobs is one statement for each schedule, in one transaction. Anything else is one statement for all.
    assert sorted(statements) == sorted([*few, "jobs.list[by_schedule newest page]"])


# -- hidden from others -----------------------------------------------------------------------------------

READS = [
    "GET /edge/v1/proc/scheduled_job/{id}/detail",
    'query { scheduledJob(id: "{id}") { name } }',
    *(f"GET /api/v1/schedules/{{id}}{more}" for more in ("", "/preview", "/explain", "/slots")),
]
CHANGES = [
    'POST /edge/v1/proc/jobs/cancel {"scheduledJobID": "{id}"}',
    "POST /edge/v1/proc/scheduled_job/{id}/delete",
    "PATCH /api/v1/schedules/{id} {}",
    "DELETE /api/v1/schedules/{id}",
    *(f"POST /api/v1/schedules/{{id}}/{verb} {{}}" for verb in ("pause", "resume", "run")),
    'mutation { updateScheduledJob(input: {id: "{id}", isActive: false}) { id } }',
    'mutation { revertScheduledJob(input: {id: "{id}"}) { id } }',
    'mutation { deleteScheduledJob(id: "{id}") { id } }',
    'mutation { launchScheduledJobs(input: {scheduledJobId: "{id}"}) { id } }',
]
STATUSES = {"": 200, "not_found": 404, "not_allowed": 403, "invalid_input": 400}


async def errors(api: Api, requests: list[str], schedule_id: str) -> set[str]:
    """Returns the errors of the requests. Over REST each has its status."""
    answers = [await api.ask(fill(request, {"id": schedule_id})) for request in requests]
    for answer in answers:
        assert "data" in answer.body or answer.status == STATUSES[answer.error], answer.response.request.url
    return {answer.error for answer in answers}


async def test_a_foreign_or_unknown_schedule_is_not_found_and_a_public_one_not_changed(api: Api, foreign: Api) -> None:
    made, public = await api.schedule(runMode="Once", name="private"), await api.schedule(isPublic=True, name="public")
    for unknown in (made["id"], made["scheduledJobUuid"], "999999999"):
        assert await errors(foreign, READS + CHANGES, unknown) == {"not_found"}
    # A text that has no form of an id is a wrong request over REST.
    assert await errors(foreign, READS + CHANGES, "nonsense") == {"not_found", "invalid_input"}
    assert await errors(foreign, READS, public["id"]) == {""}
    assert await errors(foreign, CHANGES, public["id"]) == {"not_allowed"}
    assert await listed(foreign, "edge") == ""
    assert await listed(foreign, "graphql") == "public"
    assert await listed(foreign, "graphql", "permission: owner") == ""
    assert await foreign.graphql.schedule(public["id"], "name permission jobs { count }") == {
        "name": "public", "permission": "viewer", "jobs": {"count": 0},
    }  # fmt: skip


async def test_a_reader_sees_every_schedule_and_changes_none(api: Api) -> None:
    made = await api.schedule(runMode="Once")
    reader = await api.in_role(Role.READER)
    assert await errors(reader, READS, made["id"]) == {""}
    assert await errors(reader, CHANGES, made["id"]) == {"not_allowed"}


async def test_only_its_organization_sees_the_jobs_of_a_public_schedule(api: Api, foreign: Api) -> None:
    made = await api.schedule(runMode="Now", isPublic=True)
    await api.fire()
    [slot] = await foreign.v1.result(f"schedules/{made['id']}/slots")
    assert (slot["outcome"], slot.get("jobIds")) == ("fired", None)
    assert "jobTemplateIds" not in await foreign.v1.result(f"schedules/{made['id']}")
