"""No value makes the server fail: the extremes of every scalar, id and date, on every operation.

The operations and their inputs come from the GraphQL schema, from the list of REST paths and from the structs of their
bodies, so that a new one is tested too. `make test` sends some extremes to each place, `make chaos` all of them.
"""

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any, Final
from urllib.parse import quote

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)
from msgspec import inspect as structs
from tests.api.belongings import belongings
from tests.api.clients import Api
from tests.api.extremes import (
    ANYTHING,
    CRONS,
    ENDS,
    MOMENTS,
    NUMBERS,
    TEXTS,
    TIMES_OF_DAY,
    ZONES,
    Door,
    some,
)  # fmt: skip
from tests.api.root_calls import along, own_things, routes
from tests.api.samples import BATCH, fill
from tests.api.test_bad_input_references import SAMPLES
from tests.api.verbs import GRAPHQL

from enginehouse.api.edge import routes as edge
from enginehouse.api.graphql.schema import schema
from enginehouse.api.http.interface import ForAnybody, ForCallers, ForWorkers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.paths import Place
from enginehouse.api.v1 import routes as v1

DEEPEST: Final = 5
KINDS: Final = {
    "ContentTemplate": "content", "chedule": "scheduled", "askTemplate": "templateTask", "emplate": "template",
    "ipeline": "pipeline", "ategor": "category", "ource": "source", "sset": "asset", "ulkCancel": "bulk",
    "ulkAct": "act", "ask": "task",
    "User": "person", "ob": "job", "rganization": "organization", "emporalDataObject": "target", "TDO": "target",
}  # fmt: skip


def own(name: str, things: dict[str, str]) -> str:
    """Returns the caller's id of the kind that the name is about."""
    return (
        BATCH
        if "ngine" in name
        else next((things[kind] for part, kind in KINDS.items() if part in name), things["job"])
    )


# -- GraphQL -------------------------------------------------------------------------------------------------


def extremes_of(name: str, type_: GraphQLNamedType) -> list[Any]:
    match type_.name:
        case "DateTime":
            return MOMENTS
        case "Time":
            return TIMES_OF_DAY
        case "Int" | "BigInt" | "Float":
            return NUMBERS
        case "JSONData":
            return ANYTHING
        case "Boolean":
            return [0, "true", None]
    if isinstance(type_, GraphQLEnumType):
        return [*type_.values, "", "x" * 10_000, 1]
    special = {"cron": CRONS, "timeZone": ZONES}.get(name)
    return special or TEXTS


def places(name: str, type_: Any, deep: int = 0) -> Iterator[tuple[tuple[str | int, ...], list[Any]]]:
    """Yields the paths of the scalars inside, with their extremes. 0 is the first item of a list."""
    type_ = get_nullable_type(type_)
    if isinstance(type_, GraphQLList):
        yield (), [[], [None], 1, [[]]]
        for path, values in places(name, type_.of_type, deep):
            yield (0, *path), values
    elif isinstance(type_, GraphQLInputObjectType):
        yield (), [{}, [], ""]
        if deep < DEEPEST:
            for inner, field in type_.fields.items():
                for path, values in places(inner, field.type, deep + 1):
                    yield (inner, *path), values
    else:
        yield (), extremes_of(name, type_)


def smallest(name: str, type_: Any, things: dict[str, str]) -> Any:
    type_ = get_nullable_type(type_)
    match type_:
        case GraphQLList():
            return [smallest(name, type_.of_type, things)]
        case GraphQLInputObjectType():
            return {n: smallest(n, f.type, things) for n, f in type_.fields.items() if is_required_input_field(f)}
        case GraphQLEnumType():
            return next(iter(type_.values))
    return {"DateTime": "2026-11-29", "Int": 1, "BigInt": 1, "Float": 1.0, "Boolean": True, "JSONData": {}}.get(
        getattr(type_, "name", ""), own(name, things)
    )


def put(value: Any, path: tuple[str | int, ...], type_: Any, extreme: Any, things: dict[str, str]) -> Any:
    """Returns the value with the extreme at this path. What is needed beside it is there."""
    if not path:
        return extreme
    type_ = get_nullable_type(type_)
    first, *rest = path
    if isinstance(type_, GraphQLList):
        item = value[0] if isinstance(value, list) and value else smallest("", type_.of_type, things)
        return [put(item, tuple(rest), type_.of_type, extreme, things)]
    assert isinstance(type_, GraphQLInputObjectType)
    assert isinstance(first, str)
    whole = dict(value) if isinstance(value, dict) else smallest("", type_, things)
    inner = type_.fields[first].type
    before = whole.get(first, smallest(first, inner, things))
    return {**whole, first: put(before, tuple(rest), inner, extreme, things)}


def selection(type_: Any, deep: int = 2) -> str:
    """Returns every leaf of the type, and those of its objects."""
    type_ = get_named_type(type_)
    if not is_composite_type(type_):
        return ""
    chosen = ["__typename"]
    for name, field in getattr(type_, "fields", {}).items():
        if any(is_required_argument(arg) for arg in field.args.values()):
            continue
        inner = get_named_type(field.type)
        if not is_composite_type(inner):
            chosen.append(name)
        elif deep and name in {"records", "data"}:
            chosen.append(f"{name} {selection(inner, deep - 1)}")
    return "{ " + " ".join(chosen) + " }"


def root_fields() -> Iterator[tuple[str, str, Any]]:
    for root in ("Query", "Mutation"):
        declared = schema().type_map[root]
        assert isinstance(declared, GraphQLObjectType)
        for name, field in declared.fields.items():
            yield root, name, field


async def test_no_value_of_graphql_makes_the_server_fail(sqlite_api: Api) -> None:
    things = await belongings(sqlite_api)
    door, place = Door(sqlite_api.house, sqlite_api.graphql.token), 0
    for root, name, field in root_fields():
        named = ", ".join(f"${arg}: {one.type}" for arg, one in field.args.items())
        given = ", ".join(f"{arg}: ${arg}" for arg in field.args)
        head, call = f"{root.lower()} X{f'({named})' if named else ''}", f"{name}{f'({given})' if given else ''}"
        query = f"{head} {{ {call} {selection(field.type)} }}"
        usual = {
            arg: smallest(f"{name} {arg}", one.type, things)
            for arg, one in field.args.items()
            if is_required_argument(one) or arg == "input"
        }
        if name in SAMPLES:
            usual["input"] = json.loads(fill(json.dumps(SAMPLES[name]), things))
        await door.post(GRAPHQL, {"query": query, "variables": usual}, about=usual)
        for arg, one in field.args.items():
            for path, values in places(arg, one.type):
                place += 1
                for extreme in [*some(values, place, 1), *(ENDS if values is MOMENTS else ())]:
                    variables = {**usual, arg: put(usual.get(arg), path, one.type, extreme, things)}
                    await door.post(GRAPHQL, {"query": query, "variables": variables}, about=(name, arg, path, extreme))
    assert door.sent > 400
    assert not door.failed, "\n".join(door.failed)


def object_fields() -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Yields the fields of objects that take arguments, with the way to an own object."""
    for type_name, path in routes().items():
        declared = schema().type_map[type_name]
        assert isinstance(declared, GraphQLObjectType)
        yield from ((path, name, field) for name, field in declared.fields.items() if field.args)


async def test_no_argument_of_a_field_of_an_object_makes_the_server_fail(sqlite_api: Api) -> None:
    things = await own_things(sqlite_api)
    door, place, answered = Door(sqlite_api.house, sqlite_api.graphql.token), 0, 0
    for path, name, field in object_fields():
        named = ", ".join(f"${arg}: {one.type}" for arg, one in field.args.items())
        call = f"{name}({', '.join(f'{arg}: ${arg}' for arg in field.args)})"
        query = fill(f"query X({named}) {along(path, f'{call} {selection(field.type)}')}", things)
        usual = {
            a: smallest(f"{name} {a}", one.type, things) for a, one in field.args.items() if is_required_argument(one)
        }
        response = await door.post(GRAPHQL, {"query": query, "variables": usual}, about=usual)
        answered += response.status == 200 and b'"errors"' not in response.body
        for arg, one in field.args.items():
            for inner, values in places(arg, one.type):
                place += 1
                for extreme in [*some(values, place, 2), *(ENDS if values is MOMENTS else ())]:
                    variables = {**usual, arg: put(usual.get(arg), inner, one.type, extreme, things)}
                    await door.post(GRAPHQL, {"query": query, "variables": variables}, about=(path, name, arg, extreme))
    assert answered > 25
    assert not door.failed, "\n".join(door.failed)


# -- REST ----------------------------------------------------------------------------------------------------

Operation = ForCallers | ForWorkers | ForAnybody


def operations(base: str, place: Place[Operation], path: str = "") -> Iterator[tuple[str, str, Operation]]:
    """Yields every method and path with its operation, from the tree of paths. `*` is a variable part."""
    yield from ((method, base + path, operation) for method, operation in place.methods.items())
    for name, inner in place.named.items():
        yield from operations(base, inner, f"{path}/{name}")
    if place.variable is not None:
        yield from operations(base, place.variable, f"{path}/*")


def every_operation() -> list[tuple[str, str, Operation]]:
    both = ((edge.BASE, edge.operations()), (v1.BASE, v1.operations()))
    return [one for base, paths in both for one in operations(base, paths._root) if "unserved" not in repr(one[2])]


def query_names(operation: Operation) -> list[str]:
    """Returns the words that the module of the handler reads from queries, and those that every page reads."""
    module = sys.modules[operation.handler.__module__]
    calls = (node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call))
    read = {"boolean", "integer", "text", "word", "digits", "earliest", "latest", "order"}
    names = {
        arg.value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in read
        for arg in call.args
        if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    }
    return sorted(names | {"limit", "offset", "orderBy", "orderDirection"})


def body_of(operation: Operation) -> Body[Any] | None:
    """Returns the kind of body that the handler reads, itself or in a function of its module."""
    waiting, seen = [operation.handler], set[object]()
    while waiting:
        function = waiting.pop()
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.add(function)
        for name in function.__code__.co_names:
            value = function.__globals__.get(name)
            if isinstance(value, Body):
                return value
            if isinstance(value, FunctionType) and value.__module__ == operation.handler.__module__:
                waiting.append(value)
    return None


def fields_of(type_: structs.Type, deep: int = 0) -> Iterator[tuple[tuple[str | int, ...], list[Any]]]:
    match type_:
        case structs.StructType() if deep < DEEPEST:
            yield (), [{}, [], "", 1]
            for field in type_.fields:
                special = {"cron": CRONS, "timeZone": ZONES}.get(field.encode_name)
                if special:
                    yield (field.encode_name,), special
                for path, values in fields_of(field.type, deep + 1):
                    yield (field.encode_name, *path), values
        case structs.ListType() | structs.VarTupleType():
            yield (), [[], [None], 1]
            for path, values in fields_of(type_.item_type, deep + 1):
                yield (0, *path), values
        case structs.UnionType():
            for each in type_.types:
                yield from fields_of(each, deep)
        case structs.IntType() | structs.FloatType():
            yield (), NUMBERS
        case structs.StrType():
            yield (), [*TEXTS, *MOMENTS]
        case _:
            yield (), [*ANYTHING, *MOMENTS, *NUMBERS[:6], *TEXTS[:6]]


def nested(path: tuple[str | int, ...], value: Any) -> Any:
    for step in reversed(path):
        value = [value] if step == 0 else {step: value}
    return value


def merged(usual: Any, other: Any) -> Any:
    """Returns `usual` with what the other one has."""
    if isinstance(usual, dict) and isinstance(other, dict):
        return usual | {name: merged(usual.get(name), value) for name, value in other.items()}
    if isinstance(usual, list) and isinstance(other, list) and usual and other:
        return [merged(usual[0], other[0]), *usual[1:]]
    return other


USUAL: Final[dict[str, Any]] = {
    "/proc/job/create": {"jobs": [{"tasks": [{"engineId": BATCH}]}]},
    "/schedules": {
        "name": "n", "runMode": "Recurring", "cron": "0 0 * * *",
        "jobTemplates": [{"taskTemplates": [{"engineId": BATCH}]}],
    },
    "/schedules/explain": {"name": "n", "runMode": "Recurring", "cron": "0 0 * * *"},
}  # fmt: skip


async def test_no_value_of_rest_makes_the_server_fail(sqlite_api: Api) -> None:
    things = await belongings(sqlite_api)
    door, place = Door(sqlite_api.house, sqlite_api.edge.token), 0
    for method, path, operation in every_operation():
        known = path.replace("*", own(path, things))
        usual: Any = next((body for end, body in USUAL.items() if path.endswith(end)), {})
        for text in some(TEXTS, place, 1) if "*" in path else ():
            raw = text.encode("utf-8", "surrogatepass")[:5000].decode("utf-8", "replace")
            await door.post(path.replace("*", raw), usual, method=method, about=text)
            await door.send(method, known, query=b"x=" + quote(raw).encode())
        for name in query_names(operation) if method == "GET" else ():
            place += 1
            ends = ENDS if re.search("Time|Date|efore|fter", name) else ()
            for value in [*some([*MOMENTS, *NUMBERS, *TEXTS, *ZONES], place, 1), *ends]:
                raw = quote(str(value).encode("utf-8", "surrogatepass")).encode()[:20_000]
                await door.send(method, known, query=name.encode() + b"=" + raw)
        kind = body_of(operation)
        for inner, values in fields_of(structs.type_info(kind.wanted)) if kind else ():
            place += 1
            for value in some(values, place, 1):
                body = merged(usual, nested(inner, value))
                await door.post(known, body, method=method, about=(inner, value))
        for value in some(MOMENTS, place, 4) if "/schedules" in path and method in {"POST", "PATCH"} else ():
            for word in ("startDateTime", "stopDateTime"):
                await door.post(known, usual | {word: value}, method=method, about=(word, value))
    assert door.sent > 400
    assert not door.failed, "\n".join(door.failed)
