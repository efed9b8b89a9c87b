"""Every change leaves one row that says who did what, whichever interface it came through; so does every refusal."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from graphql import GraphQLObjectType
from tests.api.clients import TOKEN, Rest
from tests.api.samples import BATCH, TEMPLATE, one_of_each

from enginehouse.api.asgi import application
from enginehouse.api.edge import routes
from enginehouse.api.graphql.schema import schema
from enginehouse.api.http.interface import ForAnybody, ForCallers
from enginehouse.api.http.paths import Place
from enginehouse.api.v1 import routes as v1
from enginehouse.domain import ids
from enginehouse.domain.audit import NOBODYS, AuditFilter, RecordedEntry
from enginehouse.domain.identity import Role
from enginehouse.domain.job import TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.operations import accounts, identity, targets
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.schedules import schedules
from enginehouse.storage.audit import entries
from enginehouse.storage.database.sql import statements

ENOUGH = "correct horse"
CREATED = 'job/create {"jobs": [{"tasks": [{"engineId": "BATCH"}]}]}'

# The operation → a request that changes something, and the event it leaves; None where it changes nothing.
REST: dict[str, tuple[str, str] | None] = {
    "POST /edge/v1/proc/job/create": (f"POST /edge/v1/proc/{CREATED}", "createJob"),
    "POST /edge/v1/proc/job/{}/delete": ("POST /edge/v1/proc/job/{jobUUID}/delete", "deleteJob"),
    "POST /edge/v1/proc/jobs/cancel": ('POST /edge/v1/proc/jobs/cancel {"jobID": "{jobUUID}"}', "cancelJob"),
    "POST /edge/v1/admin/tokens/create": ('POST /edge/v1/admin/tokens/create {"token": {}}', "createToken"),
    "POST /edge/v1/admin/users/login": (
        'POST /edge/v1/admin/users/login {"username": "{user}", "password": "ENOUGH"}',
        "userLogin",
    ),
    "POST /api/v1/jobs/{}/retry": ("POST /api/v1/jobs/{job}/retry {}", "retryJob"),
    "POST /api/v1/jobs/cancel": ("POST /api/v1/jobs/cancel {RANGE}", "cancelJobs"),
    "POST /api/v1/organizations": ('POST /api/v1/organizations {"name": "New"}', "createOrganization"),
    "PATCH /api/v1/organizations/{}": ('PATCH /api/v1/organizations/1 {"weight": 3}', "updateOrganization"),
    "POST /api/v1/organizations/{}/pause": ("POST /api/v1/organizations/1/pause", "pauseOrganization"),
    "POST /api/v1/organizations/{}/resume": ("POST /api/v1/organizations/1/resume", "resumeOrganization"),
    "POST /api/v1/engine-categories": (
        'POST /api/v1/engine-categories {"name": "c", "type": "Cognition"}',
        "createEngineCategory",
    ),
    "PATCH /api/v1/engine-categories/{}": (
        'PATCH /api/v1/engine-categories/{category} {"name": "d"}',
        "updateEngineCategory",
    ),
    "DELETE /api/v1/engine-categories/{}": ("DELETE /api/v1/engine-categories/{category}", "deleteEngineCategory"),
    "PATCH /api/v1/engines/{}": ('PATCH /api/v1/engines/BATCH {"runningLimit": 3}', "updateEngine"),
    "POST /api/v1/engines/{}/pause": ("POST /api/v1/engines/BATCH/pause", "pauseEngine"),
    "POST /api/v1/engines/{}/resume": ("POST /api/v1/engines/BATCH/resume", "resumeEngine"),
    "POST /api/v1/jobs/{}/pause": ("POST /api/v1/jobs/{jobUUID}/pause", "pauseJob"),
    "POST /api/v1/jobs/{}/resume": ("POST /api/v1/jobs/{jobUUID}/resume", "resumeJob"),
    "POST /api/v1/users": ('POST /api/v1/users {"name": "new", "password": "ENOUGH"}', "createUser"),
    "POST /api/v1/users/password": (
        'POST /api/v1/users/password {"name": "{user}", "password": "ENOUGH"}',
        "changePassword",
    ),
    "POST /api/v1/tokens": ('POST /api/v1/tokens {"name": "new"}', "createToken"),
    "POST /api/v1/tokens/revoke": ('POST /api/v1/tokens/revoke {"token": "{token}"}', "revokeToken"),
    "POST /edge/v1/proc/scheduled_job/{}/delete": (
        "POST /edge/v1/proc/scheduled_job/{schedule}/delete",
        "deleteScheduledJob",
    ),
    "POST /edge/v1/proc/template/{}/launch": (
        "POST /edge/v1/proc/template/{template}/launch {}",
        "launchJobTemplates",
    ),
    "POST /api/v1/schedules": ('POST /api/v1/schedules {"name": "nightly", "runMode": "Once"}', "createScheduledJob"),
    "POST /api/v1/schedules/explain": None,
    "PATCH /api/v1/schedules/{}": ('PATCH /api/v1/schedules/{schedule} {"name": "x"}', "updateScheduledJob"),
    "DELETE /api/v1/schedules/{}": ("DELETE /api/v1/schedules/{schedule}", "deleteScheduledJob"),
    "POST /api/v1/schedules/{}/pause": ("POST /api/v1/schedules/{schedule}/pause {}", "updateScheduledJob"),
    "POST /api/v1/schedules/{}/resume": ("POST /api/v1/schedules/{schedule}/resume {}", "updateScheduledJob"),
    "POST /api/v1/schedules/{}/run": ("POST /api/v1/schedules/{schedule}/run {}", "launchScheduledJobs"),
}
GRAPHQL: dict[str, tuple[str, str] | None] = {
    "userLogin": (
        'mutation { userLogin(input: {userName: "{user}", password: "ENOUGH"}) { token } }',
        "userLogin",
    ),
    "validateToken": None,
    "createTDO": ("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }", "createTDO"),
    "createTDOWithAsset": (
        'mutation { createTDOWithAsset(input: {startDateTime: 1, uri: "URL", contentType: "text/plain"}) { id } }',
        "createTDOWithAsset",
    ),
    "createAsset": (
        'mutation { createAsset(input: {containerId: "{target}", contentType: "text/plain", uri: "URL"}) { id } }',
        "createAsset",
    ),
    "createJob": ('mutation { createJob(input: {tasks: [{engineId: "BATCH"}]}) { id } }', "createJob"),
    "cancelJob": ('mutation { cancelJob(id: "{job}") { id } }', "cancelJob"),
    "retryJob": ('mutation { retryJob(id: "{job}") { id } }', "retryJob"),
    "cancelJobs": (
        "mutation { cancelJobs(createdAfterDateTime: 1, createdBeforeDateTime: 2) { id } }",
        "cancelJobs",
    ),
    "pauseJob": ('mutation { pauseJob(id: "{job}") { paused } }', "pauseJob"),
    "createScheduledJob": ('mutation { createScheduledJob(input: {name: "n"}) { id } }', "createScheduledJob"),
    "updateScheduledJob": (
        'mutation { updateScheduledJob(input: {id: "{schedule}", isActive: false}) { id } }',
        "updateScheduledJob",
    ),
    "deleteScheduledJob": ('mutation { deleteScheduledJob(id: "{schedule}") { id } }', "deleteScheduledJob"),
    "cloneScheduledJob": ('mutation { cloneScheduledJob(input: {id: "{schedule}"}) { id } }', "cloneScheduledJob"),
    "revertScheduledJob": ('mutation { revertScheduledJob(input: {id: "{schedule}"}) { id } }', "revertScheduledJob"),
    "launchScheduledJobs": (
        'mutation { launchScheduledJobs(input: {scheduledJobId: "{schedule}"}) { id } }',
        "launchScheduledJobs",
    ),
    "createJobTemplate": (
        'mutation { createJobTemplate(input: {taskTemplates: [{engineId: "BATCH"}]}) { id } }',
        "createJobTemplate",
    ),
    "updateJobTemplate": (
        'mutation { updateJobTemplate(input: {id: "{template}", skipDecider: true}) { id } }',
        "updateJobTemplate",
    ),
    "deleteJobTemplate": ('mutation { deleteJobTemplate(id: "{template}") { id } }', "deleteJobTemplate"),
    "createTaskTemplate": (
        'mutation { createTaskTemplate(input: {jobTemplateId: "{template}", engineId: "BATCH"}) { id } }',
        "createTaskTemplate",
    ),
    "updateTaskTemplate": (
        'mutation { updateTaskTemplate(input: {id: "{templateTask}", payload: {a: 1}}) { id } }',
        "updateTaskTemplate",
    ),
    "deleteTaskTemplate": ('mutation { deleteTaskTemplate(id: "{templateTask}") { id } }', "deleteTaskTemplate"),
    "createEngineCategory": (
        'mutation { createEngineCategory(input: {name: "c", type: "Cognition"}) { id } }',
        "createEngineCategory",
    ),
    "updateEngineCategory": (
        'mutation { updateEngineCategory(input: {id: "{category}", name: "d"}) { id } }',
        "updateEngineCategory",
    ),
    "deleteEngineCategory": ('mutation { deleteEngineCategory(id: "{category}") { id } }', "deleteEngineCategory"),
    "createJobPipeline": (
        'mutation { createJobPipeline(input: {jobTemplateIds: ["{template}"]}) { id } }',
        "createJobPipeline",
    ),
    "updateJobPipeline": (
        'mutation { updateJobPipeline(input: {id: "{pipeline}", isPublic: true}) { id } }',
        "updateJobPipeline",
    ),
    "deleteJobPipeline": ('mutation { deleteJobPipeline(id: "{pipeline}") { id } }', "deleteJobPipeline"),
    "launchJobTemplates": (
        'mutation { launchJobTemplates(input: {ids: ["{template}"]}) { id } }',
        "launchJobTemplates",
    ),
    "createSource": ('mutation { createSource(input: {name: "s", sourceTypeId: 1}) { id } }', "createSource"),
    "updateSource": ('mutation { updateSource(input: {id: "{source}", name: "r"}) { id } }', "updateSource"),
    "deleteSource": ('mutation { deleteSource(id: "{source}") { id } }', "deleteSource"),
    "createScheduledJobContentTemplate": (
        """mutation { createScheduledJobContentTemplate(
            input: {scheduledJobId: "{scheduled}", schemaId: "s", sdoId: "o"}) { id } }""",
        "createScheduledJobContentTemplate",
    ),
    "deleteScheduledJobContentTemplate": (
        'mutation { deleteScheduledJobContentTemplate(id: "{content}") { id } }',
        "deleteScheduledJobContentTemplate",
    ),
    "resumeJob": ('mutation { resumeJob(id: "{job}") { paused } }', "resumeJob"),
}
# Other things that an operation above does.
MORE = [
    ('POST /edge/v1/proc/jobs/cancel {"organizationID": "1", RANGE}', "cancelJobs"),
    ('POST /edge/v1/proc/jobs/cancel {"scheduledJobID": "{schedule}"}', "cancelScheduledJob"),
]
CHANGES = [given for given in (*REST.values(), *GRAPHQL.values(), *MORE) if given is not None]
FOR_CALLERS = [given for given in CHANGES if given[1] != "userLogin"]
# Written beside a change, and of no consequence without it.
BOOKKEEPING = {"targets.reserve", "bulk_cancels.set_matched"}


@dataclass(frozen=True)
class Watched:
    """A house whose rows are read behind the interfaces' back."""

    client: httpx.AsyncClient
    house: House
    given: dict[str, str]

    async def ask(self, template: str, token: str | None = TOKEN, **headers: str) -> httpx.Response:
        request = template.replace("BATCH", BATCH).replace("ENOUGH", ENOUGH).replace("URL", "https://h.example/a")
        request = request.replace("RANGE", '"createdAfterDateTime": 1, "createdBeforeDateTime": 2')
        for kind, value in self.given.items():
            request = request.replace(f"{{{kind}}}", value)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if template.startswith(("{", "mutation")):
            return await self.client.post("/v3/graphql", json={"query": request}, headers=sent)
        method, path, *body = request.split(" ", 2)
        return await self.client.request(method, path, json=json.loads(body[0]) if body else None, headers=sent)

    async def rows(self) -> list[RecordedEntry]:
        """All there are, the oldest first."""
        criteria = AuditFilter(limit=1000)
        found = await self.house.database.read(lambda tx: entries.page(tx, (NOBODYS, 1, 2, 3, 4), criteria))
        return found[::-1]

    async def left_by(
        self, template: str, token: str | None = TOKEN, **headers: str
    ) -> tuple[Any, list[RecordedEntry]]:
        """The answer, and the rows that came with it."""
        before = len(await self.rows())
        answer = await self.ask(template, token, **headers)
        return answer, (await self.rows())[before:]


@pytest.fixture
async def watched(house: House) -> AsyncIterator[Watched]:
    transport = httpx.ASGITransport(app=application(house), client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        root = Rest(client, house, TOKEN)
        chief = await identity.authenticate(house, TOKEN)
        user = await accounts.create_user(house, chief, name="ada", password=ENOUGH)
        token = await identity.create_token(house, chief)
        answer = await root.post("/edge/v1/proc/job/create", {"jobs": [{"tasks": [{"engineId": BATCH}]}]})
        job_id = ids.parse_job(answer.json()["internalJobIds"][0])
        assert job_id is not None
        made = await root.post("/api/v1/schedules", {"name": "n", "runMode": "Once", "jobTemplates": [TEMPLATE]})
        schedule = made.json()["result"]
        await schedules.update(house, chief, Ref.of(int(schedule["id"])), ScheduleRequest(name="m"))  # to be reverted
        target = await targets.create(house, chief, TargetRequest(name="t"))
        given = {
            "user": user.name,
            "token": token.secret,
            "job": ids.job_graphql(job_id),
            "jobUUID": ids.job_uuid(job_id),
            "target": str(target.id),
            "schedule": schedule["id"],
            **await one_of_each(house, chief),
        }
        yield Watched(client, house, given)


def _went_well(answer: httpx.Response) -> bool:
    return answer.is_success and "errors" not in (answer.json() if answer.content else {})


@pytest.mark.parametrize(("template", "event"), CHANGES)
async def test_a_change_leaves_one_row_in_which_its_caller_is_named(
    watched: Watched, template: str, event: str
) -> None:
    answer, rows = await watched.left_by(template, User_Agent="probe/1", X_Request_ID="r-17")
    assert _went_well(answer), answer.text
    [row] = rows
    assert (row.event, row.success, row.organization_id) == (event, True, 1)
    assert (row.client_ip, row.user_agent, row.correlation_id) == ("192.0.2.7", "probe/1", "r-17")
    assert answer.headers["x-correlation-id"] == "r-17"
    assert row.token_id is not None
    assert row.user_name == ("ada" if event == "userLogin" else "admin")
    assert row.object_type
    assert row.object_id


@pytest.mark.parametrize(("template", "event"), FOR_CALLERS)
async def test_a_caller_without_the_right_leaves_one_row_and_no_change(
    watched: Watched, template: str, event: str
) -> None:
    chief = await identity.authenticate(watched.house, TOKEN)
    reader = await identity.create_token(watched.house, chief, role=Role.READER)
    answer, rows = await watched.left_by(template, reader.secret)
    assert not _went_well(answer)
    [row] = rows
    assert (row.event, row.success, row.token_id) == (event, False, reader.token.id)


@pytest.mark.parametrize("template", [template for template, _ in FOR_CALLERS])
async def test_nobody_leaves_one_row_for_nobodys_organization(watched: Watched, template: str) -> None:
    for token, why in ((None, "no token was given"), ("not-a-token", "the token is unknown")):
        answer, rows = await watched.left_by(template, token)
        assert not _went_well(answer)
        [row] = rows
        assert (row.event, row.success, row.organization_id) == ("authenticate", False, NOBODYS)
        assert row.detail == why


@pytest.mark.parametrize(("template", "event"), CHANGES)
async def test_the_row_is_written_in_the_transaction_of_the_change(
    watched: Watched, template: str, event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[list[str]] = []

    def seen(write: Any) -> Any:
        async def noted(work: Any, **more: Any) -> Any:
            asked: list[str] = []
            written.append(asked)
            return await write(lambda tx: work(_Seen(tx, asked)), **more)

        return noted

    database = watched.house.database
    monkeypatch.setattr(database, "write", seen(database.write))
    monkeypatch.setattr(database, "write_work", seen(database.write_work))
    assert _went_well(await watched.ask(template)), event
    known = statements(watched.house.database.dialect)  # type: ignore[arg-type]
    changing = [
        {name for name in asked if re.match("INSERT|UPDATE|DELETE", known[name].text)} - BOOKKEEPING
        for asked in written
    ]
    [together] = filter(None, changing)
    assert "audit.insert" in together
    assert len(together) > 1 or event == "resumeJob"  # which was not paused


class _Seen:
    """A transaction whose statements are noted by name."""

    def __init__(self, tx: Any, asked: list[str]) -> None:
        self._tx, self._asked = tx, asked

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tx, name)
        if name not in {"all", "one", "run", "many", "each"}:
            return found

        def ask(statement: str, *given: Any, **more: Any) -> Any:
            self._asked.append(statement)
            return found(statement, *given, **more)

        return ask


async def test_a_login_in_vain_leaves_one_row_with_the_name_and_not_the_password(watched: Watched) -> None:
    for template in (REST["POST /edge/v1/admin/users/login"], GRAPHQL["userLogin"]):
        assert template is not None
        request = template[0].replace("ENOUGH", "a wrong secret")
        answer, rows = await watched.left_by(request, None)
        assert not _went_well(answer)
        [row] = rows
        assert (row.event, row.success, row.user_name, row.organization_id) == ("userLogin", False, "ada", 1)
        assert "a wrong secret" not in repr(rows)
    long = await watched.left_by(
        'POST /edge/v1/admin/users/login {"username": "%s", "password": "x"}' % ("é" * 900), None
    )
    [row] = long[1]
    assert (row.user_name, row.organization_id) == ("é" * trail.LONGEST, NOBODYS)


async def test_a_revoked_token_is_told_to_its_organization(watched: Watched) -> None:
    await watched.ask("POST /api/v1/tokens/revoke " + json.dumps({"token": watched.given["token"]}))
    _, rows = await watched.left_by("GET /edge/v1/proc/jobs", watched.given["token"])
    [row] = rows
    assert (row.organization_id, row.detail, row.success) == (1, "the token was revoked", False)
    assert row.token_id is not None


async def test_looking_leaves_no_row(watched: Watched) -> None:
    for template in ("GET /edge/v1/proc/jobs", '{ job(id: "{job}") { id status } }', "GET /edge/v1/ping"):
        answer, rows = await watched.left_by(template)
        assert (_went_well(answer), rows) == (True, [])


async def test_a_request_that_is_wrong_leaves_no_row(watched: Watched) -> None:
    for template in (
        'POST /edge/v1/proc/job/create {"jobs": []}',
        'mutation { cancelJob(id: "nothing") { id } }',
        'POST /api/v1/users {"name": "ada", "password": "ENOUGH"}',
    ):
        answer, rows = await watched.left_by(template)
        assert (_went_well(answer), rows) == (False, [])


async def test_cancelling_twice_is_two_rows(watched: Watched) -> None:
    assert GRAPHQL["cancelJob"] is not None
    found = [row for _ in range(2) for row in (await watched.left_by(GRAPHQL["cancelJob"][0]))[1]]
    job_id = ids.parse_job(watched.given["job"])
    assert [(row.event, row.object_id, row.success) for row in found] == [("cancelJob", str(job_id), True)] * 2


async def test_every_job_of_a_request_has_its_row(watched: Watched) -> None:
    request = CREATED.replace("]}]}", ']}, {"tasks": [{"engineId": "BATCH"}]}]}')
    answer, rows = await watched.left_by(f"POST /edge/v1/proc/{request}")
    made = [str(ids.parse_job(job)) for job in answer.json()["internalJobIds"]]
    assert len(made) == 2
    assert [row.object_id for row in rows] == made


async def test_no_secret_is_in_any_row(watched: Watched) -> None:
    for template, _ in CHANGES:
        await watched.ask(template)
    assert await watched.rows()
    text = repr(await watched.rows())
    for secret in (TOKEN, watched.given["token"], ENOUGH):
        assert secret not in text


async def test_one_who_acts_for_another_organization_leaves_the_row_there(watched: Watched) -> None:
    await watched.ask('POST /api/v1/organizations {"name": "Other"}')
    _, rows = await watched.left_by('POST /api/v1/tokens {"organizationID": "2"}')
    [row] = rows
    assert (row.organization_id, row.user_name) == (2, "admin")


def test_every_operation_that_changes_something_is_in_the_tables() -> None:
    served = {f"{method} /edge/v1{template}" for method, template, _ in (*routes._SERVED, *routes._OPEN)}
    served |= {f"{method} /api/v1{path}" for method, path in _below(v1.operations()._root)}
    changing = {_nameless(one) for one in served if not one.startswith("GET ")}
    assert changing == set(REST)
    declared = schema().type_map["Mutation"]
    assert isinstance(declared, GraphQLObjectType)
    assert set(declared.fields) == set(GRAPHQL)


def test_every_event_of_an_operation_is_seen_by_these_tests() -> None:
    seldom = {"deleteTDO"}  # of the target that was made for a job which then was not
    assert set(trail.EVENTS) - seldom <= {event for _, event in CHANGES}


def _below(place: "Place[ForCallers | ForAnybody]", path: str = "") -> Iterator[tuple[str, str]]:
    for method in place.methods:
        yield method, path
    for name, following in place.named.items():
        yield from _below(following, f"{path}/{name}")
    if place.variable is not None:
        yield from _below(place.variable, f"{path}/{{}}")


def _nameless(operation: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in operation.split("/"))
