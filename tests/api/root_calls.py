"""A call of every field of the two roots of GraphQL, from the tables of the other tests, and what it selects.

The fields come from the schema. A new one is called as soon as it is in the tables that every new field must be in.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_required_argument,
)
from tests.api import test_audit_rows, test_bad_input_foreign
from tests.api.belongings import belongings
from tests.api.clients import Api
from tests.api.samples import BATCH, PASSWORD, WEBSTREAM

from enginehouse.api.graphql.schema import schema
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.operations import accounts, identity
from enginehouse.operations.schedules import schedules

# The arguments of fields that need some and are in no other table.
MORE: Final = {
    "bulkActPlan": "(act: pause, rule: {statuses: [failed]})",
    "createTaskLog": '(input: {taskId: "{task}"})',
    "validateToken": '(token: "{token}")',
    "validateEngineOutput": "(input: {series: []})",
    "verifyJWT": '(jwtToken: "{jwt}")',
    "engineClass": '(id: "x")',
    "sourceType": '(id: "1")',
    "events": '(application: "system")',
}
WHERE: Final = (
    "GRAPHQL of tests/api/test_audit_rows.py (a mutation), GRAPHQL of tests/api/test_bad_input_foreign.py (a query "
    "with the id of an object), or MORE of tests/api/root_calls.py"
)
# Fields that need a file, which documents alone do not carry.
WITH_FILE: Final = {"createTaskLog"}
# Fields that find no object on this server: it has none of the kind.
NO_OBJECT: Final = {"engineClass"}


class Call(NamedTuple):
    """A field of a root with its arguments, in which {kinds} stand for ids."""

    root: str
    name: str
    arguments: str

    def document(self, selection: str = "") -> str:
        """Returns the text. Without a selection it chooses the name of the type, where the field has subfields."""
        field = root_field(self.root, self.name)
        chosen = selection or ("{ __typename }" if is_composite_type(get_named_type(field.type)) else "")
        return f"{self.root.lower()} {{ {self.name}{self.arguments} {chosen} }}"

    @property
    def kinds(self) -> list[str]:
        """The kinds of the ids that it has."""
        return re.findall(r"{(\w+)}", self.arguments)


def root_type(root: str) -> GraphQLObjectType:
    declared = schema().type_map[root]
    assert isinstance(declared, GraphQLObjectType)
    return declared


def root_field(root: str, name: str) -> GraphQLField:
    field: GraphQLField = root_type(root).fields[name]
    return field


def _arguments(document: str) -> str:
    """Returns the arguments of the first field: the text between its parentheses, with them."""
    start = document.find("(")
    if start < 0:
        return ""
    depth = 0
    for at, letter in enumerate(document[start:], start):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if not depth:
            return document[start : at + 1]
    raise AssertionError(document)


def _known() -> dict[str, str]:
    """Returns the arguments that the tables have, by the name of the field. The first call of a field counts."""
    known = dict[str, str]()
    documents = [*test_bad_input_foreign.GRAPHQL, *(request for request, _ in test_audit_rows.MORE)]
    for document in documents:
        if (found := re.match(r"(?:mutation )?{ (\w+)", document)) and "(" in document:
            known.setdefault(found[1], _arguments(document))
    for name, call in test_audit_rows.GRAPHQL.items():
        known[name] = _arguments(call) if call.startswith("(") else ""
    return known | MORE


KNOWN: Final = _known()


def calls() -> list[Call]:
    """Returns a call of every field of the roots, queries first. Those that remove something are the last ones."""
    found = [
        Call(root, name, KNOWN.get(name, "")) for root in ("Query", "Mutation", "Subscription")
        if root in schema().type_map for name in root_type(root).fields
    ]  # fmt: skip
    return sorted(found, key=lambda call: bool(re.match("delete|cleanup|unsubscribe|userLogout", call.name)))


def without_sample() -> list[str]:
    """Returns the fields that need arguments and have none in the tables."""
    return [
        name for root, name, arguments in calls()
        if not arguments and any(is_required_argument(arg) or key == "input"
                                 for key, arg in root_field(root, name).args.items())
    ]  # fmt: skip


def _literal(type_: object) -> str:
    """Returns the smallest value of an argument."""
    type_ = get_nullable_type(type_)  # type: ignore[call-overload]
    match type_:
        case GraphQLList():
            return f"[{_literal(type_.of_type)}]"
        case GraphQLEnumType():
            return str(next(iter(type_.values)))
    return {"Int": "1", "Boolean": "true"}.get(str(type_), '"1"')


def with_required(name: str, field: GraphQLField) -> str:
    """Returns the name of the field with the arguments that it must have."""
    given = [f"{key}: {_literal(arg.type)}" for key, arg in field.args.items() if is_required_argument(arg)]
    return f"{name}({', '.join(given)})" if given else name


def selection(type_: GraphQLNamedType, deep: int = 2) -> str:
    """Returns every leaf of the type, and those of its objects down to this depth. A list of a page is not a level."""
    return "{ " + " ".join(["__typename", *_chosen(type_, deep)]) + " }"


def _chosen(type_: GraphQLNamedType, deep: int) -> Iterator[str]:
    assert isinstance(type_, GraphQLObjectType), type_
    for name, field in type_.fields.items():
        inner, called = get_named_type(field.type), with_required(name, field)
        if not is_composite_type(inner):
            yield called
        elif name == "records":
            yield f"{called} {selection(inner, deep)}"
        elif deep > 1:
            yield f"{called} {selection(inner, deep - 1)}"


async def own_things(api: Api) -> dict[str, str]:
    """Creates something of every kind that the calls need, for the organization of the caller. Returns the ids."""
    house, principal = api.house, await api.principal()
    made = await belongings(api)
    schedule = await api.schedule(runMode="Once")
    await schedules.update(house, principal, Ref.of(int(schedule["id"])), ScheduleRequest(name="m"))  # to be reverted
    user = await accounts.create_user(house, principal, name=f"u-{made['job']}", password=PASSWORD)
    token = (await identity.create_token(house, principal)).secret
    waiting = await api.graphql.create_job(tasks=[{"engineId": BATCH}], targetId=made["target"])
    task = (await api.graphql.ask(f'{{ job(id: "{waiting}") {{ tasks {{ records {{ id }} }} }} }}'))["job"]
    task_id = task["tasks"]["records"][0]["id"]
    jwt = await api.graphql.ask(
        f'mutation {{ getEngineJWT(input: {{engineId: "{BATCH}", resource: {{jobId: "{waiting}", '
        f'taskId: "{task_id}"}}}}) {{ token }} }}'
    )
    return {
        **made,
        "ended": made["job"],
        "job": waiting,
        "task": task_id,
        "engine": WEBSTREAM,
        "jwt": jwt["getEngineJWT"]["token"],
        "schedule": schedule["id"],
        "session": (await identity.login(house, user.name, PASSWORD)).token,
        "token": token,
        "user": user.name,
    }


def routes() -> dict[str, tuple[str, ...]]:
    """Returns for each object type the fields that lead to an own object of it, from a query of the root on."""
    found = dict[str, tuple[str, ...]]()
    waiting: list[tuple[GraphQLNamedType, tuple[str, ...]]] = [
        (get_named_type(root_field("Query", call.name).type), (f"{call.name}{call.arguments}",))
        for call in calls()
        if call.root == "Query" and call.name not in NO_OBJECT
    ]
    # Objects that are asked for by their ids come before lists, which may be empty.
    waiting.sort(key=lambda each: "{" not in each[1][0])
    for type_, path in waiting:
        if isinstance(type_, GraphQLObjectType) and found.setdefault(type_.name, path) is path:
            waiting += [
                (get_named_type(field.type), (*path, name))
                for name, field in type_.fields.items()
                if not any(is_required_argument(arg) for arg in field.args.values())
            ]
    return found


def along(path: tuple[str, ...], inside: str) -> str:
    """Returns the selection that follows the path to what is inside."""
    return " { ".join(("", *path, inside)) + " }" * (len(path) + 1)
