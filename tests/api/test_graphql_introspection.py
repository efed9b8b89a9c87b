"""The schema is answered from memory, at a price, and only to callers with a token."""

import json
from typing import Any

import pytest
from graphql import Source, get_introspection_query, parse
from graphql.execution import Executor
from tests.api.clients import Api
from tests.thorough import mostly_on_sqlite

from enginehouse.api.graphql import executor
from enginehouse.api.graphql.execution import introspection
from enginehouse.api.graphql.execution.documents import DocumentCache
from enginehouse.api.graphql.execution.introspection import NEW_TEXTS, SECONDS_FOR_ANOTHER, Introspection
from enginehouse.api.graphql.execution.source import indexed
from enginehouse.api.graphql.schema import schema
from enginehouse.domain.errors import CapacityExceeded

TYPES = "__schema { types { name } }"


@pytest.fixture(autouse=True)
def time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No caller may send another new text because a test is slow."""
    monkeypatch.setattr(executor, "Introspection", lambda: Introspection(lambda: 0.0))


def code(body: Any) -> object:
    return body["errors"][0]["data"].get("code")


async def test_the_usual_introspection_is_executed_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    executed = []
    execute = Executor.execute_operation

    def counted(self: Executor[Any]) -> Any:
        executed.append(self)
        return execute(self)

    monkeypatch.setattr(Executor, "execute_operation", counted)
    answers = [await api.graphql.ask(get_introspection_query()) for _ in range(3)]
    assert len(executed) == 1
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]["__schema"]["types"]) == len(schema().type_map)


async def test_what_is_remembered_is_the_answer_to_this_request(api: Api) -> None:
    query = "query A($n: String!) { __type(name: $n) { name } } query B { __typename __schema { queryType { name } } }"
    bodies = [
        (await api.graphql.post(query, variables, operationName=name)).json()
        for name, variables in (("A", {"n": "Job"}), ("A", {"n": "Task"}), ("B", {}), ("A", {"n": "Job"}))
    ]
    assert [body["data"] for body in bodies] == [
        {"__type": {"name": "Job"}},
        {"__type": {"name": "Task"}},
        {"__typename": "Query", "__schema": {"queryType": {"name": "Query"}}},
        {"__type": {"name": "Job"}},
    ]


@pytest.mark.parametrize(
    "query",
    [
        "{ "
        + " ".join(f"a{n}: __schema {{ types {{ fields {{ name args {{ name }} }} }} }}" for n in range(20))
        + " }",
        "{ a: __schema { types { name } } b: __schema { types { name } } }",
        "{ __schema { a: types { name } b: types { name } } }",
        "{ __schema { types { ...T } } } fragment T on __Type { a: fields { name } b: fields { name } }",
        "{ ...A __schema { types { name } } } fragment A on Query { __schema { types { b: name } } }",
        "{ " + " ".join(f'a{n}: __type(name: "Mutation") {{ name }}' for n in range(11)) + " }",
        "{ me { id } ...S } fragment S on Query { __schema { types { fields { args { name } } } } }",
    ],
)
@mostly_on_sqlite
async def test_a_large_question_about_the_schema_is_refused(api: Api, query: str) -> None:
    response = await api.graphql.post(query)
    assert (response.status_code, code(response.json())) == (400, "query_too_costly")


async def test_a_small_question_beside_other_fields_is_answered(api: Api) -> None:
    data = await api.graphql.ask('{ me { id } __type(name: "Job") { fields { name } } }')
    assert data["me"]["id"]
    assert data["__type"]["fields"]


async def test_new_texts_are_few_for_each_caller(api: Api) -> None:
    for n in range(NEW_TEXTS):
        await api.graphql.ask(f"{{ a{n}: {TYPES} }}")
    refused = await api.graphql.post(f"{{ another: {TYPES} }}")
    assert (refused.status_code, refused.json()["errors"][0]["name"]) == (429, "capacity_exceeded")
    assert refused.headers["retry-after"] == "6"
    await api.graphql.ask(f"{{ a0: {TYPES} }}")
    foreign = await api.another_organization()
    await foreign.graphql.ask(f"{{ foreign: {TYPES} }}")


async def test_a_caller_may_ask_again_after_a_while() -> None:
    now = 0.0
    memory = Introspection(lambda: now)
    result = Executor.build(schema(), indexed_document("{ __typename }"))
    assert isinstance(result, Executor)

    async def ask(key: object) -> Any:
        return await memory.answer(key, 1, result.execute_operation)  # type: ignore[arg-type]

    for n in range(NEW_TEXTS):
        assert json.loads(await ask(n)) == {"__typename": "Query"}
    with pytest.raises(CapacityExceeded):
        await ask("one more")
    now = SECONDS_FOR_ANOTHER
    await ask("one more")
    with pytest.raises(CapacityExceeded):
        await ask("and one more")


async def test_the_answers_are_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introspection, "MAX_BYTES", 100)
    memory = Introspection(lambda: 0.0)
    executor = Executor.build(schema(), indexed_document("{ __typename }"))  # an answer of 22 bytes
    assert isinstance(executor, Executor)
    for caller in range(20):
        await memory.answer(caller, caller, executor.execute_operation)  # type: ignore[arg-type]
    assert memory.kept_bytes <= 100


def indexed_document(text: str) -> Any:
    return parse(indexed(text))


STRANGE = {
    "a field that is almost one": "{ mee { id } }",
    "a field that is none": "{ nothing }",
    "a field of a field": "{ me { idd } }",
    "an argument": '{ job(idd: "1") { id } }',
    "a missing argument": "{ job { id } }",
    "a type": "query($x: Jobb) { me { id } }",
    "a fragment": "{ ...F } fragment F on Jobb { id }",
    "an enum": "{ jobs(status: [runnin]) { count } }",
    "a login": 'mutation { userLogin(input: {userNam: "a"}) { tokn } }',
    "a missing selection": "mutation { validateToken(token: 1) }",
}
VARIABLES = [{"in": {}}, {"in": {"userNam": "a"}}, {"in": 1}, {}]


def names_of_the_schema() -> set[str]:
    declared = {name for name in schema().type_map if not name.startswith("__")}
    fields = {field for one in schema().type_map.values() for field in getattr(one, "fields", {})}
    return {name for name in declared | fields if len(name) > 6}


@pytest.mark.parametrize("token", [None, "3f8b3a0e-0000-4a62-9c7e-2d8f7f6f0a11"])
async def test_a_stranger_learns_no_name_from_an_error(api: Api, token: str | None) -> None:
    stranger = api.holding(token).graphql
    requests: list[tuple[str, Any]] = [(query, None) for query in STRANGE.values()]
    requests += [
        ("mutation($in: UserLogin!) { userLogin(input: $in) { token } }", variables) for variables in VARIABLES
    ]
    for query, variables in requests:
        body = (await stranger.post(query, variables)).json()
        assert body["errors"]
        for error in body["errors"]:
            assert "Did you mean" not in error["message"]
            told = error["message"] + json.dumps(error["data"])
            assert not [name for name in names_of_the_schema() if name in told and name not in query], (query, told)


async def test_a_caller_learns_what_is_wrong(api: Api) -> None:
    body = (await api.graphql.post("{ mee { id } }")).json()
    assert "Did you mean 'me'" in body["errors"][0]["message"]


async def test_a_document_of_a_stranger_is_not_kept(api: Api) -> None:
    documents = DocumentCache(schema())
    for _ in range(2):
        documents.find("{ me { id } }", known=False)
    assert documents.prepared_count == 2


@pytest.mark.parametrize("text", ["a\nb\r\nc\rd\n\ne", "", "\n", "\r\n\r\n", "x"])
def test_a_position_is_found_as_graphql_core_finds_it(text: str) -> None:
    for position in range(len(text) + 1):
        assert indexed(text).get_location(position) == Source(text).get_location(position)


async def test_ten_thousand_lines_are_refused_before_anything_walks_them(api: Api) -> None:
    response = await api.holding(None).graphql.post("\n" * 60_000 + "{ me { x y z } }")
    assert (response.status_code, code(response.json())) == (400, "too_many_lines")


async def test_a_long_alias_is_refused(api: Api) -> None:
    response = await api.graphql.post("{ jobs { records { " + "a" * 129 + ": id } } }")
    assert (response.status_code, code(response.json())) == (400, "alias_too_long")
    await api.graphql.ask("{ jobs { records { " + "a" * 128 + ": id } } }")
