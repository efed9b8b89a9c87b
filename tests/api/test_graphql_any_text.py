"""Any text over any transport: the server never fails, and the response does not depend on earlier requests."""

import json
from typing import Any

import httpx
import pytest
from graphql import GraphQLError, Source, TokenKind
from graphql.language import Lexer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.api.clients import TOKEN, Api

from enginehouse.api.graphql import graphql
from enginehouse.api.graphql.execution.literals import scan
from enginehouse.api.graphql.execution.rejection import RejectedError
from enginehouse.operations.house import House

URL = "http://house.example/v3/graphql"
MARK = "%"  # the place in a document for one of the texts below

DOCUMENTS = (
    "{ job(id: %) { id } }",
    "{ jobs(id: %, limit: %) { count } }",
    "{ engines(ids: [%%], name: %) { count } }",
    "{ auditLog(userName: %) { count } } # %",
    "query Q($v: ID = %) { job(id: $v) { id } }",
    "mutation { createJob(input: {tasks: [], jobConfig: {a: [%%]}}) { id } }",
    "{ a: job(id: %) { id } a: job(id: %) { id } }",
    "%",
)
# Parts of a document: literals, the replacements of literals in a cached document, and similar texts.
PIECES = (
    '"abc"', '""', '"', '"""a"""', '"""', '"a\\n"', '"\\u0000"', '"\\u{1F600}"', '"\\q"', "\\", '\\"""',
    "1", "-2", "0", "01", "1.5", "1.5e3", "1e999", ".5", "-", "9" * 4301, "true", "null", "red", "{}", "[1]", "{a: 1}",
    "\0", "\0s0\0", "\0i0\0", "\0b0\0", "\0f0\0", "\0s1\0", "s0", "$v", "$0 literal", "0 literal",
    "{", "}", "(", ")", "[", "]", ":", "...", "#", "# a comment", "\n", "\r", " ", ",", "\t", "query", "job", "id",
    "\x01", "\x1b", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "😀", "é", "\ud800",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
FIRST = ('"abc"', "5", "1.5", '"""block"""', "[1-2]")


@st.composite
def documents(draw: st.DrawFn) -> str:
    first, *rest = draw(st.sampled_from(DOCUMENTS)).split(MARK)
    return first + "".join(draw(TEXTS) + part for part in rest)


def as_json(text: str) -> dict[str, Any]:
    return {"content": json.dumps({"query": text}).encode(), "headers": {"content-type": "application/json"}}


def as_form(text: str, **more: str) -> dict[str, Any]:
    parts = b"".join(
        b'--b\r\ncontent-disposition: form-data; name="%b"\r\n\r\n%b\r\n'
        % (name.encode(), value.encode("utf-8", "surrogatepass"))
        for name, value in ({"query": text} | more).items()
    )
    return {"content": parts + b"--b--\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}}


def as_variables(text: str) -> dict[str, Any]:
    """Returns a request with the text in every other place: a variable, its key, the name of the operation."""
    body: dict[str, Any] = {
        "query": "query Q($v: ID!) { job(id: $v) { id } }",
        "variables": {"v": text},
        "operationName": text[:9],
    }
    if len(text) % 2:
        body |= {"variables": {"v": "a", text: text}, "operationName": None}
    return {"content": json.dumps(body).encode(), "headers": {"content-type": "application/json"}}


def as_form_texts(text: str) -> dict[str, Any]:
    return as_form("query Q($v: ID!) { job(id: $v) { id } }", variables=text, operationName=text, filename=text)


def as_address(text: str) -> dict[str, Any]:
    return {"method": "GET", "params": {"query": text.encode("utf-8", "surrogatepass")}}


def as_web_form(text: str) -> dict[str, Any]:
    return {
        "content": text.encode("utf-8", "surrogatepass"),
        "headers": {"content-type": "application/x-www-form-urlencoded"},
    }


TRANSPORTS = (as_json, as_form, as_variables, as_form_texts, as_address, as_web_form)


class Endpoint:
    """One endpoint on a house, with the documents it has seen."""

    def __init__(self, house: House) -> None:
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app=graphql(house)))

    async def answer(self, request: dict[str, Any], *, token: str | None = TOKEN) -> tuple[int, Any]:
        """Returns the status and the body, without the parts that differ in every response."""
        headers = request.get("headers", {}) | ({"authorization": f"Bearer {token}"} if token else {})
        response = await self._http.request(**({"method": "POST", "url": URL} | request | {"headers": headers}))
        body = response.json()
        for error in body.get("errors", []):
            error.pop("time_thrown", None)
            (error.get("data") or {}).pop("errorId", None)
        return response.status_code, body


@pytest.fixture
async def warm(api: Api) -> Endpoint:
    """Returns an endpoint that has seen every document with every kind of literal, and sees more with each example."""
    endpoint = Endpoint(api.house)
    for document in DOCUMENTS[:-1]:
        for literal in FIRST:
            await endpoint.answer(as_json(document.replace(MARK, literal)))
    return endpoint


def ours_failed(answer: tuple[int, Any]) -> bool:
    status, body = answer
    return status >= 500 or any(error.get("name") == "internal_error" for error in body.get("errors", []))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=documents(), transport=st.sampled_from(TRANSPORTS), token=st.sampled_from([TOKEN, None]))
@example(text="{ job(id: \0s0\0) { id } }", transport=as_form, token=None)
@example(text="{ job(id: \0s0\0) { id } }", transport=as_json, token=None)
@example(text="{ engines(ids: [01], name: 1) { count } }", transport=as_json, token=TOKEN)
@example(text='{ engines(ids: ["""abc"], name: "") { count } }', transport=as_json, token=TOKEN)
@example(text=DOCUMENTS[5].replace(MARK, "9" * 4301), transport=as_json, token=TOKEN)
async def test_no_text_fails_and_what_came_before_changes_no_answer(
    api: Api, warm: Endpoint, text: str, transport: Any, token: str | None
) -> None:
    request = transport(text)
    seen = await warm.answer(request, token=token)
    cold = await Endpoint(api.house).answer(request, token=token)
    assert not ours_failed(seen)
    assert seen == cold
    assert await warm.answer(request, token=token) == cold


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{ job(id: "abc") { id } }', "{ job(id: \0s0\0) { id } }"),
        ('{ job(id: "abc") { id } } #', '{ job(id: "abc") { id } } #\0s0\0'),
        ("{ engines(ids: [1-2]) { count } }", "{ engines(ids: [01]) { count } }"),
        ("{ engines(ids: [0-0-7]) { count } }", "{ engines(ids: [007]) { count } }"),
        ('{ engines(ids: [1"a"]) { count } }', '{ engines(ids: [1"""a"]) { count } }'),
        ('{ engines(ids: ["""a"""]) { count } }', '{ engines(ids: ["" "a" ""]) { count } }'),
        ("{ engines(ids: [1.5-2]) { count } }", "{ engines(ids: [1.5.2]) { count } }"),
        (DOCUMENTS[5].replace(MARK, "5 "), DOCUMENTS[5].replace(MARK, "9" * 4301 + " ")),
        ("query Q($v: ID = 1) { job(id: $v) { id } }", "query Q($v: ID = 01) { job(id: $v) { id } }"),
        ('query Q($v: ID = "a") { job(id: $v) { id } }', 'query Q($v: ID = "\\q") { job(id: $v) { id } }'),
    ],
)
async def test_a_text_that_looks_like_a_known_document_is_answered_as_what_it_is(
    api: Api, first: str, second: str
) -> None:
    for transport in (as_json, as_form):
        warm = Endpoint(api.house)
        before = await warm.answer(transport(first))
        assert not ours_failed(before)
        seen = await warm.answer(transport(second))
        assert not ours_failed(seen)
        assert seen == await Endpoint(api.house).answer(transport(second))


@pytest.mark.parametrize("part", ["query", "variables", "operationName", "filename"])
async def test_a_form_holds_no_nul_as_json_holds_none(api: Api, part: str) -> None:
    texts = {"query": "query Q($v: ID!) { job(id: $v) { id } }", "variables": '{"v": "a"}'}
    texts[part] = "Q\0" + texts.get(part, "")
    status, body = await Endpoint(api.house).answer(as_form(texts.pop("query"), **texts))
    assert (status, body["errors"][0]["message"]) == (400, f"{part}: character U+0000 at position 2 is not allowed.")


@settings(max_examples=1000, deadline=None)
@given(TEXTS.filter(lambda text: "\ud800" not in text))  # it is refused before anything is read
@example("01")
@example('"""a"')
@example("1.5.2")
@example('"\x01"')
def test_a_text_is_read_to_its_end_exactly_where_the_parser_reads_its_tokens(text: str) -> None:
    try:
        shape = scan(text)
    except RejectedError:
        return
    assert (shape.key is not None or shape.has_inexact) == _lexes(text)


@pytest.mark.parametrize("before", ["{", '"', '"""', "1", "a", "#", "\\", ""])
def test_so_is_every_character(before: str) -> None:
    for code in (*range(0x180), 0x2028, 0xFEFF, 0xFFFE, 0x1F600):
        for after in ("", "1", '"', '"""'):
            text = before + chr(code) + after
            assert (scan(text).key is not None) == _lexes(text), repr(text)


def _lexes(text: str) -> bool:
    lexer = Lexer(Source(text))
    try:
        while lexer.advance().kind is not TokenKind.EOF:
            pass
    except GraphQLError:
        return False
    return True
