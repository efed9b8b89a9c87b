"""A query that is executed by its plan has exactly the answer that the library gives, errors included.

`make test` compares some hundred documents that the schema allows, always the same; `make chaos` many more, others each
time.
"""

import json
import os
import random
import re
from typing import Any, Final

import msgspec
import pytest
from ariadne import MutationType, ObjectType, QueryType, make_executable_schema
from graphql import parse
from tests.api.clients import Api
from tests.api.fuzzed_documents import Writer
from tests.api.root_calls import own_things
from tests.thorough import THOROUGH

from enginehouse.api.graphql.context import Context, Loader
from enginehouse.api.graphql.execution.plan_creation import plan_of
from enginehouse.api.graphql.execution.query_plan import QueryPlan
from enginehouse.api.graphql.execution.scalars import SCALARS
from enginehouse.api.graphql.executor import GraphQLRequest, RequestExecutor, Response
from enginehouse.api.graphql.schema import answers, schema
from enginehouse.domain.identity import Principal
from enginehouse.operations import identity

COUNT: Final = 20_000 if THOROUGH else 250
SEED: Final = int(os.environ.get("CHAOS_SEED") or (random.SystemRandom().randrange(10**9) if THOROUGH else 4))
_encode: Final = msgspec.json.Encoder(decimal_format="number").encode
# They differ from one call to the next: addresses that work for a while, and times of the call.
MOVING: Final = re.compile(
    r'"(?:http://here)?/signed/[^"]*"|"time_thrown":"[^"]*"|"errorId":"[^"]*"|as [-0-9a-f]{36}\.'
)


NEW: Final = (
    "mutation",
    "getSignedWritableUrl",
    "currentDateTime",
    "bulkActPlan",
    "overview",
)  # each call has something else


class Library(RequestExecutor):
    """Executes everything by the library."""

    def _plan(self, *_: Any) -> None:
        return None


class PlainWriter(Writer):
    """Writes few directives, because a document with one has no plan."""

    def directive(self) -> str:
        return super().directive() if self.chance.random() < 0.1 else ""


def is_no_text(body: dict[str, Any]) -> bool:
    """Returns True for half a surrogate pair, which no body of a request can bring."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def text(response: Response) -> str:
    status, body = response
    return f"{status} " + MOVING.sub('"…"', _encode(body).decode())


async def test_the_answers_are_those_of_the_library(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    house, things = sqlite_api.house, await own_things(sqlite_api)
    caller = await identity.authenticate(house, sqlite_api.graphql.token or "")
    planned = executed = 0
    execute = QueryPlan.execute

    async def counted(self: QueryPlan, *given: Any) -> dict[str, Any] | None:
        nonlocal planned, executed
        planned += 1
        data = await execute(self, *given)
        executed += data is not None
        return data

    monkeypatch.setattr(QueryPlan, "execute", counted)
    ours, library, chance = RequestExecutor(schema(), answers()), Library(schema()), random.Random(SEED)
    for number in range(COUNT):
        body = PlainWriter(random.Random(chance.random()), things).document()
        given = body["variables"]
        if isinstance(given, str) or any(word in body["query"] for word in NEW) or is_no_text(body):
            continue
        request = GraphQLRequest(body["query"], given, body["operationName"])
        first, kept, second = [
            text(await executor.execute(request, Context(house, caller, origin="http://here")))
            for executor in (ours, ours, library)
        ]
        if '"data":null' in first and '"data":null' in second:
            continue  # which of several errors comes first depends on time, in the library too
        assert first == kept == second, (f"CHAOS_SEED={SEED}", number, json.dumps(body))
    assert planned > COUNT / 4
    assert executed > planned / 4


SDL: Final = """
scalar JSONData
scalar DateTime
scalar Time
scalar BigInt
scalar UploadedFile
interface Node { name: String }
enum Color { red blue }
type Thing implements Node {
  name: String things: [Thing!] later: Thing must: Int! call: Int node: Node size: Int color: Color colors: [Color!]
  said(one: Int = 1, many: [Int] = [2], word: String): String
}
type Query { thing: Thing things: [Thing] }
type Mutation { thing: Thing }
"""


class Source:
    """An object whose attributes are the fields: one is a method, one a generator."""

    name = "s"
    must = 1

    def __init__(self, **more: Any) -> None:
        self.__dict__ |= more

    def call(self, info: Any) -> int:
        return len(info.field_name)

    def said(self, info: Any, **arguments: Any) -> str:
        return json.dumps(arguments, sort_keys=True)

    @property
    def things(self) -> Any:
        return (Source(name=name) for name in "ab")


async def _later(value: Any) -> Any:
    return value


@pytest.mark.parametrize(("query", "root", "is_planned"), [
    ("{ thing { name call things { name call } } }", Source, True),
    ("{ thing { name ... on Node { must } ...F } } fragment F on Thing { call n: name }", Source, True),
    ("{ a: thing { name } thing { must } a: thing { must } }", lambda: {"name": "d", "must": 2}, True),
    ("{ thing { later { name later { must } } name } }", lambda: Source(later=_later(Source(later=Source()))), True),
    ("{ things { name } }", lambda: [Source(), None, _later(Source()), _later(None)], True),
    ("{ things { name } }", lambda: [Source(), Source(), ValueError("an item"), Source()], True),
    ("{ things { name } }", lambda: [{"name": "d"}, Source(), {"name": "e"}], True),
    ("{ things { name } }", lambda: [None, None, Source(), Source()], True),
    ("{ __typename thing { __typename } }", Source, True),
    ("{ thing { color colors } }", lambda: Source(color="red", colors=["blue", "red"]), True),
    ("{ thing { color name } }", lambda: Source(color="green"), True),
    ("{ thing { color name } }", lambda: Source(color=["red"]), True),
    ('{ things { said a: said(word: "w") b: said(many: [5], one: null) } }', lambda: [Source(), Source()], True),
    ("{ thing { name } }", lambda: None, True),
    ("{ thing { must name } }", lambda: Source(must=None), True),
    ("{ thing { name size } }", lambda: Source(size="no number"), True),
    ("{ thing { name size } }", lambda: Source(size=ValueError("a result")), True),
    ("{ thing { name size } }", lambda: Source(size=_later(None), later=1), True),
    ("{ things { name } }", lambda: "no list", True),
    ("{ thing @skip(if: true) { name } }", Source, False),
    ("{ thing { node { name } } }", lambda: Source(node=None), False),
    ("mutation { thing { name } }", Source, True),
])  # fmt: skip
async def test_every_kind_of_value(query: str, root: Any, is_planned: bool) -> None:
    query_type, mutation_type = QueryType(), MutationType()
    for field in ("thing", "things"):
        query_type.set_field(field, lambda *_: root())
    mutation_type.set_field("thing", lambda *_: root())
    executable = make_executable_schema(SDL, *SCALARS, query_type, mutation_type)
    context = Context(None, Principal(1, "u", "t"))  # type: ignore[arg-type]
    ours, library = RequestExecutor(executable), Library(executable)
    request = GraphQLRequest(query, {}, None)
    assert text(await ours.execute(request, context)) == text(await library.execute(request, context))
    document = parse(query)
    assert (plan_of(executable, document, document.definitions[0]) is not None) == is_planned  # type: ignore[arg-type]


async def test_fields_that_wait_wait_together() -> None:
    """All that can be fetched together is: a loader gets the keys of all objects at once."""
    fetched = list[list[int]]()

    async def fetch(keys: list[int]) -> dict[int, Source]:
        fetched.append(keys)
        return {key: Source(name=str(key), key=key + 10) for key in keys}

    loader: Loader[int, Source] = Loader(fetch)
    query_type, thing = QueryType(), ObjectType("Thing")
    query_type.set_field("things", lambda *_: [Source(key=key) for key in (1, 2, 3)])
    thing.set_field("later", lambda source, _info: loader.load(source.key))
    executable = make_executable_schema(SDL, *SCALARS, query_type, thing)
    context = Context(None, Principal(1, "u", "t"))  # type: ignore[arg-type]
    request = GraphQLRequest("{ things { later { name later { name } } } }", {}, None)
    _, body = await RequestExecutor(executable).execute(request, context)
    assert [each["later"]["later"]["name"] for each in body["data"]["things"]] == ["11", "12", "13"]
    assert fetched == [[1, 2, 3], [11, 12, 13]]
