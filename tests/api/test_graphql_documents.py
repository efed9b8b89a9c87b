"""A document that is executed by its shape gives the same result as the document itself, for all literals."""

import re
from typing import Any

import pytest
from ariadne import QueryType, make_executable_schema
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, GraphQLSyntaxError, execute, parse, validate
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from tests.thorough import THOROUGH

from enginehouse.api.graphql.context import Context
from enginehouse.api.graphql.execution.documents import DocumentCache
from enginehouse.api.graphql.execution.literals import scan
from enginehouse.api.graphql.execution.rejection import RejectedError
from enginehouse.api.graphql.execution.scalars import SCALARS
from enginehouse.api.graphql.executor import GraphQLRequest, RequestExecutor
from enginehouse.domain.identity import Principal

SDL = """
scalar JSONData
scalar DateTime
scalar Time
scalar BigInt
scalar UploadedFile
enum Word { red green }
input In { id: ID text: String = "standard" num: Int words: [Word!] inner: In data: JSONData at: DateTime ids: [ID!] }
type Query {
  echo(id: ID, ids: [ID!], num: Int, size: Float, text: String, flag: Boolean, word: Word, data: JSONData,
    at: DateTime, big: BigInt, input: In, limit: Int = 30): JSONData
  again(id: ID!): Query
  refuse(id: ID): Int
}
"""


def _refuse(_: object, __: object, id: str | None = None) -> int:
    raise GraphQLError(f"{id} is refused")


def _schema() -> GraphQLSchema:
    query = QueryType()
    query.set_field("echo", lambda _, __, **given: given)
    query.set_field("again", lambda _, __, **given: {})
    query.set_field("refuse", _refuse)
    return make_executable_schema(SDL, *SCALARS, query)


SCHEMA = _schema()


def plainly(text: str, variables: dict[str, Any] | None = None) -> tuple[Any, list[str]]:
    """Returns the result of graphql-core: the data, and the texts and places of the errors."""
    try:
        document = parse(text)
        errors = validate(SCHEMA, document)
    except Exception as error:
        errors = [error]  # type: ignore[list-item]
    if errors:
        return "refused", [f"{error.message} {error.locations}" for error in errors]
    result = execute(SCHEMA, document, variable_values=variables)
    assert isinstance(result, ExecutionResult)
    return result.data, [f"{error.message} {error.locations}" for error in result.errors or []]


async def by_shape(
    executor: RequestExecutor, text: str, variables: dict[str, Any] | None = None
) -> tuple[Any, list[str]]:
    """Returns the result of our executor in the same form."""
    context = Context(None, Principal(1, None, "t"))  # type: ignore[arg-type]
    status, body = await executor.execute(GraphQLRequest(text, variables or {}, None), context)
    errors = [_described(error) for error in body.get("errors", [])]
    return "refused" if status == 400 else body["data"], errors


def _described(error: dict[str, Any]) -> str:
    places = [f"SourceLocation(line={at['line']}, column={at['column']})" for at in error.get("locations", [])]
    return f"{error['message']} {'[' + ', '.join(places) + ']' if places else None}"


# All parts of a string literal: escapes, quotes, line ends, indentation, characters beyond 16 bits.
_PIECES = st.sampled_from(
    [
        "a",
        "id",
        " ",
        "  ",
        "é",
        "😀",
        "#",
        "{",
        "}",
        "$x",
        ",",
        "\\n",
        '\\"',
        "\\\\",
        "\\u00e9",
        "\\u{1F600}",
        "\\q",
        "\\uD83D\\uDE00",
    ]
)
_STRINGS = st.lists(_PIECES, max_size=6).map(lambda pieces: '"' + "".join(pieces) + '"')
_BLOCK_PIECES = st.sampled_from(["a", " ", "\n", "\n  ", "\n    b", '"', '""', "\\", '\\"""', "é", "\r\n", "\\n"])
_BLOCKS = st.lists(_BLOCK_PIECES, max_size=8).map(lambda pieces: '"""' + "".join(pieces) + '"""')
_INTS = st.integers(-(2**40), 2**40).map(str) | st.sampled_from(["0", "-0", "007", "9" * 30])
_FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(repr).filter(
    lambda text: re.search(r"[.e]", text)
) | st.just("1.0")
_WORDS = st.sampled_from(["red", "green", "true", "false", "null", "blue", "$v"])
_DATES = st.sampled_from(['"2018-01-01T10:00:00"', '"soon"', "1574311000", '"1574311000"'])
_LITERALS = _STRINGS | _BLOCKS | _INTS | _FLOATS | _WORDS | _DATES
_VALUES = st.recursive(
    _LITERALS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
        | st.lists(
            st.tuples(st.sampled_from(["id", "text", "num", "inner", "data", "words", "other"]), inner), max_size=3
        ).map(lambda pairs: "{" + " ".join(f"{name}: {value}" for name, value in dict(pairs).items()) + "}")
    ),
    max_leaves=6,
)
_ARGUMENTS = st.sampled_from(
    ["id", "ids", "num", "size", "text", "flag", "word", "data", "at", "big", "input", "limit"]
)
_FIELDS = st.lists(st.tuples(st.sampled_from(["", "a: ", "b: "]), _ARGUMENTS, _VALUES), min_size=1, max_size=3)


def _document(fields: list[tuple[str, str, str]], header: str = "query Q($v: JSONData = 5)") -> str:
    used = any("$v" in value for _, _, value in fields)
    chosen = " ".join(f"{alias}echo({name}: {value})" for alias, name, value in fields)
    return f"{header if used else ''} {{ # a comment\n  {chosen}\n}}"


@settings(
    max_examples=400 if THOROUGH else 150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_FIELDS, st.data())
@example([("", "data", '{id: "1"}')], None)
async def test_the_answer_is_that_of_plain_execution(
    fields: list[tuple[str, str, str]], data: st.DataObject | None
) -> None:
    """It executes the same shape twice, with other literals the second time.

    Values, errors and places equal graphql-core's.
    """
    executor = RequestExecutor(SCHEMA)
    first = _document(fields)
    assert await by_shape(executor, first) == plainly(first)
    if data is None:
        return
    others = [(alias, name, _other(data, value)) for alias, name, value in fields]
    second = _document(others)
    assert await by_shape(executor, second) == plainly(second)


def _other(data: st.DataObject, value: str) -> str:
    """Returns the value with other literals of the same kinds."""
    if value.startswith('"""'):
        return data.draw(_BLOCKS)
    if value.startswith('"'):
        return data.draw(_STRINGS | _DATES)
    if re.fullmatch(r"-?[0-9]+", value):
        return data.draw(_INTS)
    if re.fullmatch(r"-?[0-9.e+-]+", value):
        return data.draw(_FLOATS)
    return re.sub(r'"[^"\\]*"', lambda found: data.draw(_STRINGS), value)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{ echo(id: "23041407_RORjiJw7te") }', '{ echo(id: "23041407_AAAAAAAAAA") }'),
        ("{ echo(id: 1, num: -5) }", "{ echo(id: 99999999999999999999, num: -6) }"),
        ('{ echo(ids: "a") }', '{ echo(ids: "b") }'),
        ('{ echo(ids: ["a", "b"]) }', '{ echo(ids: ["c", "d"]) }'),
        ('{ echo(data: {a: {b: [1, "x", 2.5]}}) }', '{ echo(data: {a: {b: [2, "y\\n", -3.5e2]}}) }'),
        ('{ echo(text: """\n  a\n    b\n""") }', '{ echo(text: """\n    c\n      d\n""") }'),
        (
            "{ echo(input: {id: 5, words: red, at: 1574311000}) }",
            "{ echo(input: {id: 6, words: red, at: 1574311001}) }",
        ),
        ('{ again(id: "a") { echo(id: "b") } }', '{ again(id: "c") { echo(id: "d") } }'),
        # The place of the second error is in its own text, which has longer literals.
        ('{ echo(id: "a") refuse(id: 1) }', '{ echo(id: "aaaa") refuse(id: 1000) }'),
        (
            "query { ...F } fragment F on Query { echo(num: 1) }",
            "query { ...F } fragment F on Query { echo(num: 2) }",
        ),
    ],
)
async def test_documents_that_differ_only_in_literals_are_prepared_once(first: str, second: str) -> None:
    executor = RequestExecutor(SCHEMA)
    for text in (first, second, first):
        assert await by_shape(executor, text) == plainly(text)
    assert executor.documents.prepared_count == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{ a: echo(id: "1") a: echo(id: "1") }', '{ a: echo(id: "1") a: echo(id: "2") }'),
        ('{ a: echo(id: "1") a: echo(id: "\\u0031") }', '{ a: echo(id: "1") a: echo(id: "2") }'),
        (
            '{ a: echo(text: """x""") a: echo(text: """\n  x\n""") }',
            '{ a: echo(text: """x""") a: echo(text: """y""") }',
        ),
        ("{ echo(num: 1) }", "{ echo(num: 3000000000) }"),
        ('{ echo(at: "2018-01-01") }', '{ echo(at: "soon") }'),
        ("{ echo(num: 7) }", "{ echo(num: 007) }"),
        ('{ echo(text: "a") }', '{ echo(text: "\\q") }'),
    ],
)
async def test_a_literal_that_makes_its_document_wrong_is_told_as_ever(first: str, second: str) -> None:
    executor = RequestExecutor(SCHEMA)
    assert (await by_shape(executor, first))[0] != "refused"
    answer = await by_shape(executor, second)
    assert answer[0] == "refused"
    assert answer == plainly(second)


async def test_what_is_no_argument_stays_in_the_shape() -> None:
    assert scan("query Q($a: Int = 5, $b: In = {id: 6}) { echo(num: $a) }").literals == ()
    assert scan("{ echo(limit: 40) }").literals == ()
    assert [
        literal.node.value for literal in scan('{ echo(word: red, flag: true, id: "x", size: -1.5e3) }').literals
    ] == [
        "x",
        "-1.5e3",
    ]


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_has_a_shape_or_is_refused(text: str) -> None:
    try:
        shape = scan(text)
    except RejectedError:
        assume(False)
        return
    if shape.key is None:
        with pytest.raises(GraphQLSyntaxError):
            parse(text)
        return
    if not shape.literals:
        assert shape.key == text
        return
    rebuilt, at = [], 0
    pieces = re.split("\0[isfb][0-9]+\0", shape.key)
    for piece, literal in zip(pieces, shape.literals, strict=False):
        rebuilt.append(piece + text[literal.start : literal.start + literal.length])
        at = literal.start + literal.length
    assert "".join(rebuilt) + text[at:] == text


def test_documents_are_forgotten_oldest_first_within_their_bytes() -> None:
    documents = DocumentCache(SCHEMA, max_bytes=40_000)
    texts = [f"{{ a{number}: echo(text: null) }}" for number in range(20)]
    for text in texts:
        documents.find(text)
    count = documents.prepared_count
    documents.find(texts[-1])
    assert documents.prepared_count == count
    documents.find(texts[0])
    assert documents.prepared_count == count + 1


def test_nothing_is_kept_of_a_refused_document() -> None:
    documents = DocumentCache(SCHEMA)
    for _ in range(2):
        with pytest.raises(RejectedError):
            documents.find("{ nothing }")
    assert documents.prepared_count == 2
