"""Every operation of the two REST interfaces, for every role, with own, foreign, absent and malformed ids.

The calls are made from the tables that every new operation must be in (`rest_calls`).
"""

import json
import re
from typing import Final
from urllib.parse import quote

from tests.api.clients import Api
from tests.api.declared import parameters_read, served
from tests.api.rest_calls import ENDLESS, WHERE, Call, calls, unknown_fields, unknown_parameters, without_call
from tests.api.row_digests import RowDigests
from tests.api.samples import BATCH, fill
from tests.api.test_every_field import INTERNALS, Callers, callers
from tests.api.verbs import Answer
from tests.thorough import mostly_on_sqlite

from enginehouse.api.edge.roles import ROLE_IDS
from enginehouse.api.http.declaration import declaration
from enginehouse.domain.identity import Role
from enginehouse.operations import workers

# Operations that a token of the organization with this role may not call. What changes nothing is for all roles.
ADMINISTRATORS: Final = {
    "DELETE /api/v1/engine-categories/{EngineCategoryID}",
    "DELETE /api/v1/engines/{EngineID}",
    "GET /api/v1/audit",
    "GET /api/v1/tokens",
    "GET /edge/v1/admin/organization/{OrganizationID}/tokens",
    "GET /edge/v1/admin/token/{TokenID}/detail",
    "GET /edge/v1/admin/token/{TokenID}/permissions",
    "GET /edge/v1/admin/tokens",
    "GET /edge/v1/admin/user/{UserID}/detail",
    "GET /edge/v1/admin/user/{UserID}/permissions",
    "GET /edge/v1/admin/user/{UserID}/tokens",
    "GET /edge/v1/admin/users",
    "PATCH /api/v1/engine-categories/{EngineCategoryID}",
    "PATCH /api/v1/engines/{EngineID}",
    "POST /api/v1/engine-categories",
    "POST /api/v1/engines",
    "POST /api/v1/engines/{EngineID}/pause",
    "POST /api/v1/engines/{EngineID}/resume",
    "POST /api/v1/organizations/{OrganizationID}/pause",
    "POST /api/v1/organizations/{OrganizationID}/resume",
    "POST /api/v1/tokens",
    "POST /api/v1/tokens/revoke",
    "POST /api/v1/users",
    "POST /api/v1/users/password",
    "POST /api/v1/webhooks/secret/rotate",
    "POST /edge/v1/admin/backlog/clear",
    "POST /edge/v1/admin/build/create",
    "POST /edge/v1/admin/build/{BuildID}/delete",
    "POST /edge/v1/admin/build/{BuildID}/pause",
    "POST /edge/v1/admin/build/{BuildID}/resume",
    "POST /edge/v1/admin/build/{BuildID}/update",
    "POST /edge/v1/admin/engine/category/create",
    "POST /edge/v1/admin/engine/category/{EngineCategoryID}/update",
    "POST /edge/v1/admin/engine/create",
    "POST /edge/v1/admin/engine/{EngineID}/delete",
    "POST /edge/v1/admin/engine/{EngineID}/pause",
    "POST /edge/v1/admin/engine/{EngineID}/resume",
    "POST /edge/v1/admin/engine/{EngineID}/update",
    "POST /edge/v1/admin/organization/{OrganizationID}/update",
    "POST /edge/v1/admin/token/{TokenID}/delete",
    "POST /edge/v1/admin/token/{TokenID}/update",
    "POST /edge/v1/admin/tokens/create",
    "POST /edge/v1/admin/user/{UserID}/delete",
    "POST /edge/v1/admin/user/{UserID}/update",
    "POST /edge/v1/admin/users/create",
    "POST /edge/v1/engine/{EngineID}/build/{BuildID}/delete",
}
# They are for a super administrator, whose token is of no other organization.
SUPER: Final = {
    "GET /api/v1/engine-reload",
    "PATCH /api/v1/organizations/{OrganizationID}",
    "POST /api/v1/engine-reload",
    "POST /api/v1/organizations",
    "POST /api/v1/workers/{WorkerID}/drain",
    "POST /api/v1/workers/{WorkerID}/resume",
    "POST /edge/v1/admin/organizations/create",
    "POST /edge/v1/host/{HostID}/drain",
    "POST /edge/v1/host/{HostID}/pause",
    "POST /edge/v1/host/{HostID}/resume",
}
# They are refused for everybody: the roles of the server are fixed.
NOBODY: Final = {
    "POST /edge/v1/admin/users/role/create",
    "POST /edge/v1/admin/users/role/{RoleID}/delete",
    "POST /edge/v1/admin/users/role/{RoleID}/update",
}
WHO: Final = "who may call an operation is in the tables at the top of tests/api/test_every_operation.py"
# Changes nothing, and is for all roles.
READERS: Final = {
    "POST /api/v1/schedules/explain",
    "POST /edge/v1/admin/auth",
    "POST /edge/v1/proc/jobs/backlog_count_by_engine",
}
# Changes something, although it is a GET, and is for users and administrators.
CHANGING: Final = {"GET /edge/v1/proc/job/{JobID}/recheck_status"}
OPEN: Final = {
    "GET /edge/v1/ping", "GET /edge/v1/version", "GET /edge/v1/openapi.json", "GET /api/v1/openapi.json",
    "POST /edge/v1/admin/users/login",
}  # fmt: skip
# Changes what the caller's organization has, which an id of another one only narrows, or makes a thing of its own name.
NARROWED: Final = {"POST /edge/v1/admin/backlog/clear", "PUT /api/v1/pipelines/{PipelineName}"}
# Parameters that only the stream takes, which a header asks for.
NOT_ALWAYS: Final = {"GET /api/v1/jobs/{JobID}/events": {"heartbeat"}}
# The worker of these tests writes no log.
WITHOUT_FILE: Final = {"GET /api/v1/jobs/{JobID}/tasks/{Ordinal}/attempts/{Item}/{Number}/log"}
# Names and secrets, which have no form. A token is named by its id or by its secret.
WITHOUT_FORM: Final = {"output", "user", "token", "session", "key", "engineTemplate", "ownPipeline"}
# They are of the server, and the same for every organization.
SHARED: Final = {"host", "instance", "role"}
# An engine may have a name besides its UUID, and a task one that the client has given it.
NAMED: Final = r'/api/v1/engines/{%s}|"(engineId|taskChildId|taskParentId)": "{%s}"|"engineIDs": \["{%s}"'
FORMS: Final = re.compile(r"UUID|number|digits|letters", re.IGNORECASE)
NEW: Final = re.compile(
    r'(?<="createdDateTime":")[^"]+|(?<="modifiedDateTime":")[^"]+|(?<="nextRunDateTime":")[^"]+'
    r'|(?<="startDateTime":")[^"]+|(?<="endDateTime":")[^"]+|(?<="values":)[\[\]\d,]+'
)
MALFORMED: Final = ["x", "-1", "1e3", "..\\..\\passwd", "' OR 1=1 --", "null", "26112901_", "é" * 300, "9" * 40]


def test_every_operation_has_a_call() -> None:
    assert without_call() == [], f"add a call of the operation to {WHERE}"


def test_every_id_has_a_call() -> None:
    assert unknown_parameters() == [], "say in PARAMETERS of tests/api/rest_calls.py what the parameter names"
    assert unknown_fields() == [], f"add a call with the field to {WHERE}, or say in NO_OBJECT that it names nothing"


async def ask(api: Api, call: Call, things: dict[str, str]) -> Answer:
    """Returns the response, which is of the documented form. (That it is described is checked for every response.)"""
    method, target, *body = call.request.split(" ", 2)
    path = fill(target, {kind: quote(value, safe="") for kind, value in things.items()})
    inside = {kind: json.dumps(value)[1:-1] for kind, value in things.items()}
    answer = await api.ask(" ".join((method, path, *(fill(text, inside) for text in body))))
    about = (call.request, answer.status, answer.response.text[:500])
    assert answer.status < 500, about
    assert not INTERNALS.search(answer.response.text), about
    return answer


def same(answer: Answer, things: dict[str, str], call: Call) -> tuple[int, str]:
    """Returns the response without what always differs, and with the kinds in place of the ids of the call."""
    text = NEW.sub("<new>", answer.response.text)
    for kind in call.kinds:
        text = re.sub(rf"(?<![\w-]){re.escape(things[kind])}(?![\w-])", f"<{kind}>", text)
        text = text.replace(f"{things[kind][:6]}…", f"<{kind}>")
    return answer.status, text


def of(organization: dict[str, str]) -> dict[str, str]:
    """Returns the things with an engine that belongs to the organization, in place of one for everybody."""
    return {**organization, "engine": organization["ownEngine"]}


async def everybody(api: Api) -> Callers:
    who = await callers(api)
    await workers.appear(api.house, name="w", pools={"native": 1}, engines=[BATCH])
    [host, *_] = await who.admin.edge.result("/hosts")
    [instance, *_] = await who.admin.edge.result("/engine/instances")
    shared = {"host": host["hostID"], "instance": instance["engineInstanceID"], "role": ROLE_IDS[Role.READER]}
    nothing = dict.fromkeys(SHARED, "00000000-0000-4000-8000-00000000000f")
    return Callers(**{**vars(who), "things": of(who.things) | shared, "absent": of(who.absent) | nothing})


async def test_a_foreign_id_gets_the_response_of_an_absent_one_and_changes_nothing(api: Api, rows: RowDigests) -> None:
    who = await everybody(api)
    owner = int(who.things["organization"])
    before, wrong = await rows(owner), []
    assert len(before) > 25
    for call in (call for call in calls() if set(call.kinds) - SHARED and call.operation not in OPEN):
        foreign = await ask(who.stranger, call, who.things)
        absent = await ask(who.stranger, call, who.absent)
        if same(foreign, who.things, call) != same(absent, who.absent, call):
            wrong.append((call.request, foreign.response.text[:200], absent.response.text[:200]))
        if foreign.response.is_success and call.method != "GET" and call.operation not in READERS | NARROWED:
            wrong.append((call.request, foreign.response.text[:200], ""))
        after = await rows(owner)
        assert [table for table in before if before[table] != after[table]] == [], call
    assert wrong == []


async def test_a_malformed_id_is_refused_with_its_forms(api: Api, rows: RowDigests) -> None:
    who = await everybody(api)
    wrong, place = [], 0
    for call in calls():
        for kind in dict.fromkeys(call.kinds):
            place += 1
            bad = MALFORMED[place % len(MALFORMED)]
            answer = await ask(who.admin, call, who.things | {kind: bad})
            if kind in WITHOUT_FORM or re.search(NAMED.replace("%s", kind), call.request):
                continue
            if answer.status != 400 or not FORMS.search(answer.response.text):
                wrong.append((call.request, kind, bad, answer.status, answer.response.text[:200]))
    assert wrong == []


@mostly_on_sqlite
async def test_a_caller_without_the_right_is_told_so_and_changes_nothing(api: Api, rows: RowDigests) -> None:
    who = await everybody(api)
    owner = int(who.things["organization"])
    before, wrong = await rows(owner), []
    for call in (call for call in calls() if call.operation not in OPEN | ENDLESS):  # a head has no words
        for things in (who.things, who.absent):
            for caller in (who.nobody, who.unknown):
                answer = await ask(caller, call, things)
                assert (answer.status, answer.error) == (401, "authentication_error"), call
        for role, caller in ((Role.READER, who.reader), (Role.USER, who.user)):
            if not may(role, call):
                answer = await ask(caller, call, who.things)
                if (answer.status, answer.error) != (403, "not_allowed"):
                    wrong.append((role.value, call.request, answer.status, answer.response.text[:200]))
        after = await rows(owner)
        assert {table for table in before if before[table] != after[table]} <= {"audit_entry"}, call
    assert wrong == [], WHO


@mostly_on_sqlite
async def test_a_caller_with_the_right_is_never_refused_for_its_role(api: Api) -> None:
    who = await everybody(api)
    wrong = []
    for call in calls():
        for role, caller in ((Role.READER, who.reader), (Role.USER, who.user), (Role.ADMIN, who.admin)):
            if may(role, call):
                for things in (who.absent, who.things):
                    answer = await ask(caller, call, things)
                    if answer.status == 403:
                        wrong.append((role.value, call.request, answer.response.text[:200]))
    assert wrong == [], WHO


def may(role: Role, call: Call) -> bool:
    """Returns True if a token of the organization with this role may call the operation."""
    if call.operation in SUPER | NOBODY:
        return False
    if call.operation in ADMINISTRATORS:
        return role is Role.ADMIN
    reads = call.method == "GET" and call.operation not in CHANGING
    return role is not Role.READER or reads or call.operation in READERS | OPEN


async def test_every_read_of_an_own_object_is_served_and_takes_what_it_declares(api: Api) -> None:
    who = await everybody(api)
    parameters_read.clear()
    things = who.things | {"job": who.things["ended"], "task": who.things["taskUUID"]}  # which have outputs
    for call in (call for call in calls() if call.method == "GET" and call.operation not in WITHOUT_FILE):
        answer = await ask(api if call.operation in SUPER else who.admin, call, things)
        assert answer.response.is_success, (call.request, answer.status, answer.response.text[:300])
    unread = {
        one.name: missing
        for one in served()
        if (declares := declaration(one.handler)) and one.name.startswith("GET ")
        if (missing := declares.query.keys() - parameters_read[one.name] - NOT_ALWAYS.get(one.name, set()))
    }
    assert unread == {}, "declared parameters that the handler does not read"
