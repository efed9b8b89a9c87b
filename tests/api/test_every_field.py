"""Every field of the GraphQL roots, for every role, with own, foreign, absent and malformed ids.

The calls are made from the schema and from the tables that every new field must be in (`root_calls`). `make test` calls
all of them on SQLite and some on PostgreSQL; `make chaos` all on both.
"""

import re
from dataclasses import dataclass
from typing import Final

from graphql import GraphQLNonNull, get_named_type, is_composite_type
from tests.api.belongings import like_nothing
from tests.api.clients import Api
from tests.api.root_calls import (
    NO_OBJECT,
    WHERE,
    WITH_FILE,
    Call,
    calls,
    own_things,
    root_field,
    selection,
    without_sample,
)
from tests.api.row_digests import RowDigests
from tests.api.samples import fill
from tests.api.verbs import Answer
from tests.thorough import THOROUGH

from enginehouse.api.graphql.schema import FOR_TASKS, OPEN
from enginehouse.domain.identity import Role
from enginehouse.operations import identity
from enginehouse.storage.database.database import Database

# Who may do what. A mutation that is not named here is for users and administrators, a query for all roles.
SUPER: Final = {
    "addToEngineBlacklist", "addToEngineWhitelist", "createOrganization", "deleteFromEngineBlacklist",
    "deleteFromEngineWhitelist",
}  # fmt: skip
ADMINISTRATORS: Final = {
    "auditLog", "changePassword", "createEngine", "createEngineBuild", "createEngineCategory", "createUser",
    "deleteEngine", "deleteEngineBuild", "deleteEngineCategory", "deleteUser", "emitSystemEvent", "engineWorkflow",
    "tokens", "updateEngine", "updateEngineBuild", "updateEngineCategory", "updateOrganization", "updateUser",
    "rotateWebhookSecret", "updateUserStatus", "user", "users",
}  # fmt: skip
READERS: Final = {"validateEngineOutput"}
# For users and administrators, although they are queries: they make an address to write to, or plan what is to be done.
WRITING: Final = {"pipelinePlan", "bulkActPlan", "getSignedWritableUrl", "getSignedWritableUrls"}
# They are about the person who calls, and a token of an organization is nobody's.
OF_PERSONS: Final = {"updateCurrentUser"}
# The engine of the sample only brings data in: its result is no asset.
NULL: Final = {"uploadEngineResult"}
# They need things that no other call has changed.
ALONE: Final = {
    "createPipelineJob",
    "cleanupTDO", "createNextPipelineJobs", "deleteAsset", "deleteEngine", "deleteEngineBuild", "deleteEngineCategory",
    "deleteTaskTemplate", "launchJobTemplates", "launchSingleEngineJob", "pauseJob", "pollTask", "updateJobs",
    "updateTask", "uploadEngineResult",
}  # fmt: skip
# Their answer has the errors of single tasks, which are no GraphQL errors.
OF_EACH: Final = {"addTasksToJobs"}
WHO: Final = "who may call a field is in the tables at the top of tests/api/test_every_field.py"
# Secrets: whoever holds one may use it, so that no organization is foreign to it.
BY_SECRET: Final = OPEN | {"verifyJWT"}
NAMES: Final = {
    "authentication_error", "invalid_input", "not_allowed", "not_found", "capacity_exceeded", "rate_limited",
    "not_implemented",
}  # fmt: skip
INTERNALS: Final = re.compile(r'Traceback|File \\"|enginehouse\.|sqlite|psycopg|asyncpg|SELECT |INSERT |UPDATE ')
MALFORMED: Final = [
    "", " ", "x", "-1", "9" * 40, "1e3", "0x10", "../../etc/passwd", "' OR 1=1 --", "\\u0000", "\\u0663", "null", "%00",
    "26112901_", "_aaaaaaaaaa", "é" * 300,
]  # fmt: skip
NEW: Final = re.compile(r'(?<="errorId":")[0-9a-f-]{36}|(?<="time_thrown":")[^"]+|(?<="createdDateTime":")[^"]+')


def may(role: Role, call: Call) -> bool:
    """Returns True if a token of the organization with this role may call the field."""
    if call.name in SUPER | OF_PERSONS:
        return False
    if call.name in ADMINISTRATORS:
        return role is Role.ADMIN
    return role is not Role.READER or call.name in READERS or (call.root == "Query" and call.name not in WRITING)


def test_every_field_that_needs_arguments_has_a_sample() -> None:
    assert without_sample() == [], f"add a call of the field with arguments to {WHERE}"


def shape(call: Call, answer: Answer) -> list[str]:
    """Returns the names of the errors. Fails unless the response has the documented shape (graphql-contract §1.5)."""
    about = (call, answer.status, answer.response.text[:500])
    assert answer.status == 200, about
    assert answer.response.headers["content-type"] == "application/json", about
    body = answer.body
    assert set(body) <= {"data", "errors"}, about
    errors = body.get("errors", [])
    failed = body["data"] is None or body["data"][call.name] is None
    assert failed or not [error for error in errors if error["path"] == [call.name]], about
    if isinstance(root_field(call.root, call.name).type, GraphQLNonNull):
        assert body["data"] is None or body["data"][call.name] is not None, about
    for error in errors:
        assert set(error) == {"message", "name", "time_thrown", "data", "path", "locations"}, about
        assert error["name"] in NAMES, about
        assert error["message"].strip(), about
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", error["time_thrown"]), about
        assert re.fullmatch(r"[0-9a-f-]{36}", error["data"]["errorId"]), about
        assert error["path"][0] == call.name, about
        if error["name"] == "not_allowed":
            assert error["data"]["field"] == error["path"][-1], about
            assert error["data"]["type"] == call.root, about
            assert isinstance(error["data"]["rights"], list), about
        assert not INTERNALS.search(str(error)), about
    return [error["name"] for error in errors]


@dataclass(frozen=True)
class Callers:
    """The callers of one organization, one of another, two without a valid token, and the ids of the first ones."""

    admin: Api
    user: Api
    reader: Api
    task: Api
    stranger: Api
    nobody: Api
    unknown: Api
    things: dict[str, str]
    absent: dict[str, str]


async def callers(root: Api) -> Callers:
    root.house.bad_tokens.allowed = 1_000_000
    admin = await root.another_organization()
    things = await own_things(admin)
    nothing = like_nothing(things)
    absent = {kind: nothing.get(kind, "00000000-0000-4000-8000-00000000000f") for kind in things}
    absent |= {"schedule": nothing["scheduled"], "ended": nothing["job"], "engine": nothing["ownEngine"]}
    return Callers(
        admin, await admin.in_role(Role.USER), await admin.in_role(Role.READER), admin.holding(things["jwt"]),
        await root.another_organization(), admin.holding(None),
        admin.holding("00000000-0000-4000-8000-000000000000"), things, absent,
    )  # fmt: skip


def some_calls(database: Database) -> list[Call]:
    """Returns all calls; on PostgreSQL one of eight, except for `make chaos`."""
    return calls() if THOROUGH or database.dialect == "sqlite" else calls()[::8]


async def ask(api: Api, call: Call, things: dict[str, str]) -> tuple[Answer, list[str]]:
    answer = await api.ask(fill(call.document(), things))
    return answer, shape(call, answer)


def malformed(call: Call, things: dict[str, str]) -> dict[str, str]:
    """Returns other values for each call."""
    place = sum(map(ord, call.name))
    return {kind: MALFORMED[(place + at) % len(MALFORMED)] for at, kind in enumerate(things)}


def same(text: str, things: dict[str, str], call: Call) -> str:
    """Returns the response without what always differs, and with the kinds in place of the ids of the call."""
    text = NEW.sub("<new>", text)
    for kind in call.kinds:
        text = re.sub(rf"(?<![\w-]){re.escape(things[kind])}(?![\w-])", f"<{kind}>", text)
    return text


async def test_a_foreign_id_gets_the_response_of_an_absent_one_and_changes_nothing(
    api: Api, database: Database, rows: RowDigests
) -> None:
    who = await callers(api)
    owner = int(who.things["organization"])
    for call in some_calls(database):
        before = await rows(owner) if call.root == "Mutation" and call.name not in BY_SECRET else {}
        foreign, names = await ask(who.stranger, call, who.things)
        absent, _ = await ask(who.stranger, call, who.absent)
        if call.kinds and call.name not in BY_SECRET:
            assert same(foreign.response.text, who.things, call) == same(absent.response.text, who.absent, call), call
            assert names or call.root == "Query" or call.name in OF_EACH, call
        await ask(who.stranger, call, malformed(call, who.things))
        if before:
            assert len(before) > 25
            after = await rows(owner)
            assert [table for table in before if before[table] != after[table]] == [], call


async def test_a_caller_without_the_right_is_told_so_and_changes_nothing(
    api: Api, database: Database, rows: RowDigests
) -> None:
    who = await callers(api)
    owner = int(who.things["organization"])
    before = await rows(owner)
    for call in (call for call in some_calls(database) if call.name not in BY_SECRET):
        for caller in (who.nobody, who.unknown):
            for things in (who.things, who.absent):
                _, names = await ask(caller, call, things)
                assert names == ["authentication_error"], call
        refused = {Role.READER: who.reader, Role.USER: who.user}
        for role, caller in refused.items():
            if not may(role, call):
                answer, names = await ask(caller, call, who.things)
                assert names == ["not_allowed"], (role, call, answer.body, WHO)
                [error] = answer.body["errors"]
                assert ("job.create" in error["data"]["rights"]) == (role is Role.USER), call
        if call.name not in FOR_TASKS:
            answer, names = await ask(who.task, call, who.things)
            assert names == ["not_allowed"], (call, answer.body)
        for caller in (who.reader, who.task):
            for things in (who.absent, malformed(call, who.things)):
                _, names = await ask(caller, call, things)
                assert names or call.root == "Query" or call.name in READERS, call
        after = await rows(owner)
        assert {table for table in before if before[table] != after[table]} <= {"audit_entry"}, call
        before = after


async def test_a_caller_with_the_right_is_never_refused_for_its_role(api: Api, database: Database) -> None:
    who = await callers(api)
    for call in some_calls(database):
        for role, caller in ((Role.READER, who.reader), (Role.USER, who.user), (Role.ADMIN, who.admin)):
            if not may(role, call):
                continue
            for things in (who.absent, malformed(call, who.things), who.things):
                answer, names = await ask(caller, call, things)
                assert "not_allowed" not in names, (role, call, answer.body, WHO)
    for call in some_calls(database):
        if call.name in FOR_TASKS:
            answer, names = await ask(who.task, call, who.things)
            assert "not_allowed" not in names, (call, answer.body)


async def test_every_field_of_an_own_object_is_served(api: Api, database: Database) -> None:
    root = api.holding((await identity.login(api.house, "admin", api.password)).token)
    of_root = await own_things(root)
    for call in some_calls(database):
        caller, things = root, of_root
        if call.name in ALONE:
            caller = await api.another_organization()
            things = await own_things(caller)
        type_ = get_named_type(root_field(call.root, call.name).type)
        document = call.document(selection(type_) if is_composite_type(type_) else "")
        answer = await caller.ask(fill(document, things))
        names = shape(call, answer)
        if call.name in NO_OBJECT:
            assert names == ["not_found"], call
        elif call.name in WITH_FILE:
            assert names == ["invalid_input"], call
        else:
            assert names == [], (call, answer.body["errors"])
            assert answer.body["data"][call.name] is not None or call.name in NULL, call
