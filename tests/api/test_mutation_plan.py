"""A mutation that is executed by its plan has exactly the answer that the library gives, and is executed once.

The documents of the schema are executed by a plan first. Then the library gets what the fields of the root returned or
raised, so that nothing is changed twice and both have read the same.
"""

import json
import os
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from typing import Any, Final

import pytest
from ariadne import MutationType, ObjectType, QueryType, make_executable_schema
from graphql import GraphQLSchema
from structlog.testing import capture_logs
from tests.api.clients import Api
from tests.api.root_calls import own_things
from tests.api.test_query_plan import Library, PlainWriter, is_no_text, text
from tests.thorough import THOROUGH

from enginehouse.api.graphql.context import Context
from enginehouse.api.graphql.execution.mutation_plan import MutationPlan
from enginehouse.api.graphql.execution.scalars import SCALARS
from enginehouse.api.graphql.executor import GraphQLRequest, RequestExecutor
from enginehouse.api.graphql.schema import schema
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Principal
from enginehouse.operations import identity

COUNT: Final = 5_000 if THOROUGH else 120
CHAINS: Final = 20_000 if THOROUGH else 100
SEED: Final = int(os.environ.get("CHAOS_SEED") or (random.SystemRandom().randrange(10**9) if THOROUGH else 4))
NEW: Final = ("emitEvent", "getEngineJWT", "currentDateTime")  # each call has something else


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Nothing is logged: the plain errors here would fill the log with tracebacks."""
    with capture_logs():
        yield


Calls = list[tuple[str, dict[str, Any]]]
"""The fields of the root that were called, with their arguments."""


class Tape:
    """What the fields of the root have done, by their keys in the answer."""

    def __init__(self) -> None:
        self.calls: Calls = []
        self.outcomes: dict[str, tuple[Any, Exception | None]] = {}
        self.plays = False

    def recorded(self, resolve: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a resolver that is called at the first time, and does the same again when the tape plays."""

        async def resolve_once(root: object, info: Any, **arguments: Any) -> Any:
            self.calls.append((info.path.key, deepcopy(arguments)))  # resolvers may take from them
            if self.plays:
                value, error = self.outcomes[info.path.key]
                if error is not None:
                    raise error
                return value
            try:
                value = resolve(root, info, **arguments)
                value = await value if isinstance(value, Awaitable) else value
            except Exception as error:
                self.outcomes[info.path.key] = None, error
                raise
            self.outcomes[info.path.key] = value, None
            return value

        return resolve_once


@contextmanager
def recording(executable: GraphQLSchema) -> Iterator[Tape]:
    """Every field of the root of mutations is recorded."""
    tape, mutation = Tape(), executable.mutation_type
    assert mutation is not None
    resolvers = {name: field.resolve for name, field in mutation.fields.items()}
    for field in mutation.fields.values():
        field.resolve = tape.recorded(field.resolve)
    try:
        yield tape
    finally:
        for name, resolve in resolvers.items():
            mutation.fields[name].resolve = resolve


async def test_documents_of_the_schema(sqlite_api: Api) -> None:
    house, things = sqlite_api.house, await own_things(sqlite_api)
    caller = await identity.authenticate(house, sqlite_api.graphql.token or "")
    chance, planned, done = random.Random(SEED), 0, 0
    with recording(schema()) as tape:
        ours, library = RequestExecutor(schema()), Library(schema())
        for number in range(COUNT):
            body = PlainWriter(random.Random(chance.random()), things, roots=("Mutation",), most=1).document()
            if isinstance(body["variables"], str) or any(word in body["query"] for word in NEW) or is_no_text(body):
                continue
            request, answers = GraphQLRequest(body["query"], body["variables"], body["operationName"]), []
            called: list[Calls] = []
            tape.outcomes.clear()
            for executor in (ours, library):
                tape.plays, tape.calls = executor is library, []
                response = await executor.execute(request, Context(house, caller, origin="http://here"))
                answers.append(text(response))
                called.append(tape.calls)
            assert answers[0] == answers[1], (f"CHAOS_SEED={SEED}", number, json.dumps(body))
            assert called[0] == called[1], (f"CHAOS_SEED={SEED}", number, json.dumps(body))
            plan = [*ours.documents.find(body["query"]).prepared.plans.values()] if called[0] else []
            planned += any(isinstance(each, MutationPlan) for each in plan)
            done += '"errors"' not in answers[0]
    assert planned > COUNT / 4
    assert done > COUNT / 20


SDL: Final = """
scalar JSONData
scalar DateTime
scalar Time
scalar BigInt
scalar UploadedFile
enum Color { red blue }
input Point {
  x: Int! = 3 y: Float name: String at: DateTime color: Color = blue inner: Point tags: [String!] any: JSONData
  box: Box
}
input Box { size: Int! name: String }
type Thing { name: String must: Int! color: Color things: [Thing!] later: Thing broken: Int }
type Query { thing: Thing }
type Mutation {
  thing(id: ID, n: Int = 1, point: Point, points: [Point], word: Color): Thing
  things(ids: [ID!]): [Thing]
  must(n: Int!, given: Int! = 2): Thing!
  number(flag: Boolean, at: DateTime, big: BigInt): Int
}
"""


def _wrong(*_: Any) -> Any:
    raise InvalidInput("below the root.", "broken")


_MADE: Final[list[Coroutine[Any, Any, Any]]] = []


async def _given(value: Any) -> Any:
    return value


def _later(value: Any) -> Coroutine[Any, Any, Any]:
    """Returns a coroutine, which `both` closes if nobody awaits it."""
    _MADE.append(_given(value))
    return _MADE[-1]


def thing(**more: Any) -> dict[str, Any]:
    return {"name": "t", "must": 1, "color": "red", "later": None, **more}


OUTCOMES: Final[dict[str, Callable[[], Any]]] = {
    "object": thing,
    "nothing": lambda: None,
    "bad below": lambda: thing(must=None),
    "bad enum": lambda: thing(color="green"),
    "an error": lambda: InvalidInput("no.", "id"),
    "an error, returned": lambda: [ValueError("returned")],
    "list": lambda: [thing(), None, thing(name="u")],
    "list, once": lambda: iter([thing(), thing(must=None)]),
    "coroutine inside": lambda: thing(later=_later(thing(must=None))),
    "deep": lambda: thing(later=thing(later=thing()), things=[thing(), thing(must="x")]),
    "number": lambda: 7,
    "no number": lambda: "seven",
}


class Played(Context):
    """A request whose mutations end so, one after the other, and are noted."""

    def __init__(self, outcomes: list[str]) -> None:
        super().__init__(None, Principal(1, "u", "t"))  # type: ignore[arg-type]
        self.left = iter(outcomes)
        self.calls: Calls = []


async def _resolve(_: object, info: Any, **arguments: Any) -> Any:
    info.context.calls.append((info.path.key, deepcopy(arguments)))
    outcome = OUTCOMES[next(info.context.left, "object")]()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome[0] if isinstance(outcome, list) and isinstance(outcome[0], Exception) else outcome


@cache
def executable() -> GraphQLSchema:
    mutation, of_thing = MutationType(), ObjectType("Thing")
    for name in ("thing", "things", "must", "number"):
        mutation.set_field(name, _resolve)
    of_thing.set_field("broken", _wrong)
    return make_executable_schema(SDL, *SCALARS, QueryType(), mutation, of_thing)


async def both(query: str, variables: dict[str, Any], outcomes: list[str]) -> tuple[str, str, Calls, Calls]:
    """Returns the answers of the plan and of the library, and which fields of the root each has called."""
    ours, library = Played(outcomes), Played(outcomes)
    request = GraphQLRequest(query, variables, None)
    first = await RequestExecutor(executable()).execute(request, ours)
    second = await Library(executable()).execute(request, library)
    while _MADE:
        _MADE.pop().close()
    return text(first), text(second), ours.calls, library.calls


@pytest.mark.parametrize(("query", "variables", "outcomes", "count"), [
    ("mutation { thing { name must } }", {}, ["object"], 1),
    ("mutation { __typename a: thing { name } b: thing { name } a: thing { must } }", {}, [], 2),
    ("mutation { a: thing { name } b: thing { name } c: thing { name } }", {}, ["object", "an error"], 3),
    ("mutation { a: thing { must } b: thing { must } c: thing { must } }", {}, ["bad below", "bad below"], 3),
    ("mutation { a: thing { name } b: must(n: 1) { name } c: thing { name } }", {}, ["object", "nothing"], 2),
    ("mutation { a: thing { name } b: must(n: 1) { must } c: thing { name } }", {}, ["object", "bad below"], 2),
    ("mutation { thing { name broken } b: thing { broken } }", {}, [], 2),
    ("mutation { things { name must } }", {}, ["list"], 1),
    ("mutation { things { name must } b: thing { name } }", {}, ["list, once"], 2),
    ("mutation { thing { later { name must } } b: thing { name } }", {}, ["coroutine inside"], 2),
    ("mutation { thing { ...F ... on Thing { must } } } fragment F on Thing { n: name later { name } }", {}, [], 1),
    ("mutation { a: number b: number }", {}, ["no number", "number"], 2),
    ("mutation { a: thing { name } b: thing { name } }", {}, ["an error, returned"], 2),
    ("mutation ($n: Int) { must(n: 1, given: $n) { name } }", {}, [], 1),
    ("mutation ($n: Int) { a: thing { name } must(n: 1, given: $n) { name } }", {"n": None}, [], 1),
    ("mutation ($n: Int!) { must(n: $n) { name } }", {}, [], 0),
    ("mutation ($n: Int = 5) { thing(n: $n) { name } }", {}, [], 1),
    ("mutation ($n: Int = 5) { thing(n: $n) { name } }", {"n": None}, [], 1),
    ("mutation ($i: ID) { thing(id: $i) { name } }", {"i": 12}, [], 1),
    ("mutation ($i: ID) { thing(id: $i) { name } }", {"i": True}, [], 0),
    ("mutation ($i: [ID!]) { things(ids: $i) { name } }", {"i": "one"}, ["list"], 1),
    ("mutation ($i: [ID!]) { things(ids: $i) { name } }", {"i": ["a", None]}, ["list"], 0),
    ("mutation ($p: Point) { thing(point: $p) { name } }", {"p": {"name": "n", "x": 1, "inner": {"tags": "t"}}}, [], 1),
    ("mutation ($p: Point) { thing(point: $p) { name } }", {"p": {"y": 1, "any": {"a": [1]}, "color": "red"}}, [], 1),
    ("mutation ($p: Point) { thing(point: $p) { name } }", {"p": {"x": None}}, [], 0),
    ("mutation ($p: Point) { thing(point: $p) { name } }", {"p": {"z": 1}}, [], 0),
    ("mutation ($p: Point) { thing(point: $p) { name } }", {"p": {"box": {"name": "n"}}}, [], 0),
    ("mutation ($p: Point) { thing(point: $p) { name } }", {"p": {"box": {"size": None}}}, [], 0),
    ("mutation ($p: Point) { thing(point: $p) { name } }", {"p": {"box": {"name": "n", "size": 1}, "x": 2}}, [], 1),
    ("mutation ($p: Point) { thing(point: $p) { name } }", {"p": {"inner": {"at": "never"}}}, [], 0),
    ("mutation ($p: [Point]) { thing(points: $p) { name } }", {"p": [{}, None, {"color": "pink"}]}, [], 0),
    ('mutation ($x: Int!) { thing(point: {x: $x, name: "n", tags: ["a"]}) { name } }', {"x": 4}, [], 1),
    ('mutation { thing(id: "7", word: red, n: null, points: [{x: 1}, {at: "2020-01-01"}]) { name } }', {}, [], 1),
    ("mutation ($f: Boolean) { a: number(flag: $f) b: number(flag: true, big: 5) }", {}, ["number", "number"], 2),
    ("mutation ($y: Boolean!) { a: thing @skip(if: $y) { name } thing { name @include(if: $y) } }", {"y": True}, [], 1),
])  # fmt: skip
async def test_every_kind_of_outcome(query: str, variables: dict[str, Any], outcomes: list[str], count: int) -> None:
    ours, library, called, called_by_library = await both(query, variables, outcomes)
    assert ours == library
    assert called == called_by_library
    assert len(called) == count


FIELDS: Final = (
    "thing { name }", "thing(id: $i) { name must }", "thing(point: $p) { color later { must } }",
    "thing { broken name }",
    'thing(point: {name: "n", x: $n}) { things { must } }', "things(ids: [$i]) { name must }",
    "must(n: $n) { name must }",
    "must(n: 2, given: $n) { later { name } }", "number(flag: true)", "number", "__typename",
)  # fmt: skip
VALUES: Final[dict[str, list[Any]]] = {
    "i": ["a", 5, None, 1.5, ["a"], True],
    "n": [1, None, "1", 1.0, 2**40],
    "p": [
        {},
        None,
        {"x": 1},
        {"name": "n", "y": 2},
        {"inner": {"x": 1, "tags": ["a"]}},
        {"q": 1},
        {"color": "c"},
        [],
        {"box": {}},
    ],
}


async def test_mutations_of_many_fields_with_chance_outcomes() -> None:
    """They are called in order, each once, and no further than the library calls them."""
    chance, called_in_all = random.Random(SEED), 0
    for number in range(CHAINS):
        fields = [f"{chance.choice('abcd')}{n}: {chance.choice(FIELDS)}" for n in range(chance.randint(1, 4))]
        kinds = {"i": "ID!", "n": chance.choice(["Int", "Int!"]), "p": "Point"}
        used = [name for name in kinds if f"${name}" in "".join(fields)]
        if kinds["n"] == "Int" and any("n: $n" in field and "given" not in field for field in fields):
            kinds["n"] = "Int!"
        declared = ", ".join(f"${name}: {kinds[name]}" for name in used)
        query = f"mutation {f'({declared})' if declared else ''} {{ {' '.join(fields)} }}"
        usual = chance.random() < 0.7
        variables = {name: VALUES[name][0] if usual else chance.choice(VALUES[name]) for name in used}
        outcomes = [chance.choice(list(OUTCOMES)) for _ in fields]
        ours, library, called, called_by_library = await both(query, variables, outcomes)
        assert ours == library, (f"CHAOS_SEED={SEED}", number, query, variables, outcomes)
        assert called == called_by_library, (f"CHAOS_SEED={SEED}", number, query, variables, outcomes)
        called_in_all += len(called)
    assert called_in_all > CHAINS
