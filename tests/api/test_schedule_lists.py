"""Which schedules each of the three interfaces lists, and what others see of them and may do to them."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import DAILY, WEEKLY, WRITER

from enginehouse.domain.identity import Role
from enginehouse.operations import identity
from enginehouse.storage.database.sql import Statements

DAY_OF_2030 = 1_893_456_000  # its first, in Unix seconds


# -- listed -----------------------------------------------------------------------------------------------

# What each interface finds of the schedules once, daily, weekly and live, made in this order. {once} is an id.
LISTS = [
    ("edge", "", "live weekly daily once"),
    ("edge", "direction=ASC&offset=1", "daily weekly live"),
    ("edge", "runMode=once", "once"),
    ("edge", "isActive=false", "live weekly"),
    ("edge", "scheduledJobName=AIL", "daily"),
    ("edge", "scheduledJobID={once}", "once"),
    ("edge", "scheduledJobID={onceUuid}", "once"),
    ("edge", "scheduledJobID=no-such-id", ""),
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
    (
        "graphql",
        'dateTimeFilter: [{field: dateModified, fromDateTime: "2020-01-01"}]',
        "live weekly daily once",
    ),
    ("graphql", 'partTimeFilter: [{field: startTime, fromTime: "21:00", toTime: "21:30"}]', "daily"),
    ("graphql", 'partTimeFilter: [{field: endTime, fromTime: "09:00", toTime: "09:30"}]', "weekly"),
]


async def listed(api: Api, interface: str, filters: str = "") -> str:
    """The names of the schedules of a list, in its order."""
    if interface == "graphql":
        arguments = f"({filters})" if filters else ""
        found = await api.graphql.ask(f"{{ scheduledJobs{arguments} {{ records {{ name }} }} }}")
        return " ".join(each["name"] for each in found["scheduledJobs"]["records"])
    if interface == "v1":
        return " ".join(each["name"] for each in await api.v1.result(f"schedules?{filters}"))
    return " ".join(each["scheduledJobName"] for each in await api.edge.result(f"/proc/scheduled_jobs?{filters}"))


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
    known = {"{once}": once["id"], "{onceUuid}": once["scheduledJobUuid"], "{source}": source_id}

    async def names(interface: str, filters: str) -> str:
        for name, value in known.items():
            filters = filters.replace(name, value)
        return await listed(api, interface, filters)

    assert [(i, filters, await names(i, filters)) for i, filters, _ in LISTS] == LISTS
    page = (await api.edge.get("/proc/scheduled_jobs?limit=2")).json()
    assert (page["success"], page["count"], page["limit"], page["offset"]) == (True, 4, 2, 0)
    page = (await api.v1.get("schedules?limit=2")).json()
    assert (page["count"], page["limit"], page["offset"]) == (4, 2, 0)


async def test_every_wrong_parameter_of_a_list_is_named(api: Api) -> None:
    answer = await api.edge.get("/proc/scheduled_jobs?runMode=daily&isActive=yes&orderBy=name&limit=0")
    assert answer.status_code == 400
    lines = answer.json()["detail"].splitlines()
    assert [line.split(":")[0] for line in lines] == ["runMode", "isActive", "limit", "orderBy"]
    assert (await api.edge.get("/proc/scheduled_jobs?coreID=x")).status_code == 501


async def test_a_page_of_schedules_is_read_together(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = list[str]()

    def look_up(known: Statements, name: str) -> Any:
        statements.append(name)
        return dict.__getitem__(known, name)

    for n in range(3):
        await api.run(await api.schedule(name=f"s{n}"))
    fields = "jobs { records { id } } allJobTemplates { records { id } } jobTemplateIds warnings sources { count }"
    monkeypatch.setattr(Statements, "__getitem__", look_up, raising=False)
    await api.graphql.ask(f"{{ scheduledJobs {{ records {{ {fields} }} }} }}")
    few = list(statements)
    await api.schedule(name="one more")
    statements.clear()
    await api.graphql.ask(f"{{ scheduledJobs {{ records {{ {fields} }} }} }}")
    # A page of jobs is one statement for each schedule, in one transaction; all else is one for all of them.
    assert sorted(statements) == sorted([*few, "jobs.newest_of_schedules"])


# -- hidden from others -----------------------------------------------------------------------------------

READS = [("edge", "GET /proc/scheduled_job/{id}/detail"), ("graphql", 'query { scheduledJob(id: "{id}") { name } }')]
READS += [("v1", f"GET schedules/{{id}}{more}") for more in ("", "/preview", "/explain", "/slots")]
CHANGES = [
    ("edge", 'POST /proc/jobs/cancel {"scheduledJobID": "{id}"}'),
    ("edge", "POST /proc/scheduled_job/{id}/delete"),
    ("v1", "PATCH schedules/{id} {}"),
    ("v1", "DELETE schedules/{id}"),
    ("v1", "POST schedules/{id}/pause {}"),
    ("v1", "POST schedules/{id}/resume {}"),
    ("v1", "POST schedules/{id}/run {}"),
    ("graphql", 'mutation { updateScheduledJob(input: {id: "{id}", isActive: false}) { id } }'),
    ("graphql", 'mutation { revertScheduledJob(input: {id: "{id}"}) { id } }'),
    ("graphql", 'mutation { deleteScheduledJob(id: "{id}") { id } }'),
    ("graphql", 'mutation { launchScheduledJobs(input: {scheduledJobId: "{id}"}) { id } }'),
]
STATUSES = {"not_found": 404, "not_allowed": 403}


async def status(api: Api, interface: str, request: str, schedule_id: str) -> int:
    """What comes of it; GraphQL's errors as the status that REST has for them."""
    request = request.replace("{id}", schedule_id)
    if interface == "graphql":
        body = (await api.graphql.post(request)).json()
        return STATUSES[body["errors"][0]["name"]] if "errors" in body else 200
    method, path, *body = request.split(" ", 2)
    client = {"edge": api.edge, "v1": api.v1}[interface]
    return (await client.post(path, raw=body[0]) if body and method == "POST" else
            await client.request(method, path, {} if body else None)).status_code  # fmt: skip


async def test_a_foreign_or_unknown_schedule_is_not_found_and_a_public_one_not_changed(api: Api, foreign: Api) -> None:
    made, public = await api.schedule(runMode="Once", name="private"), await api.schedule(isPublic=True, name="public")
    for unknown in (made["id"], made["scheduledJobUuid"], "999999999", "nonsense"):
        for request in READS + CHANGES:
            assert await status(foreign, *request, unknown) == 404, request
    for request in READS:
        assert await status(foreign, *request, public["id"]) == 200, request
    for request in CHANGES:
        assert await status(foreign, *request, public["id"]) == 403, request
    assert await listed(foreign, "edge") == ""
    assert await listed(foreign, "graphql") == "public"
    assert await listed(foreign, "graphql", "permission: owner") == ""
    assert await foreign.graphql.schedule(public["id"], "name permission jobs { count }") == {
        "name": "public", "permission": "viewer", "jobs": {"count": 0},
    }  # fmt: skip


async def test_a_reader_sees_every_schedule_and_changes_none(api: Api) -> None:
    made = await api.schedule(runMode="Once")
    root = await identity.authenticate(api.house, api.v1.token)
    reader = api.holding((await identity.create_token(api.house, root, role=Role.READER)).secret)
    for expected, requests in ((200, READS), (403, CHANGES)):
        for request in requests:
            assert await status(reader, *request, made["id"]) == expected, request


async def test_the_jobs_of_a_public_schedule_are_its_organization_s_alone(api: Api, foreign: Api) -> None:
    made = await api.schedule(runMode="Now", isPublic=True)
    await api.fire()
    [slot] = await foreign.v1.result(f"schedules/{made['id']}/slots")
    assert (slot["outcome"], slot.get("jobIds")) == ("fired", None)
    assert "jobTemplateIds" not in await foreign.v1.result(f"schedules/{made['id']}")
