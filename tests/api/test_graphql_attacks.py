"""The twelve checks of graphql-cop, sent as it sends them, with a token and without one; and their kind.

What is accepted on purpose is said beside its case, and in docs/explanation/hardening.md.
"""

import json
import re
from typing import Any, Final, NamedTuple

import httpx
import pytest
from tests.api.clients import TOKEN, Api
from tests.api.verbs import GRAPHQL

from enginehouse.api.asgi import application

BROWSER: Final = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
MUTATION: Final = "mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"


class Attack(NamedTuple):
    """A request, and the status and the code of its refusal. An empty code: nothing is refused."""

    method: str
    sent: dict[str, Any]
    status: int
    code: str


def document(text: str) -> dict[str, Any]:
    return {"json": {"query": text, "operationName": "cop"}}


def circle(levels: int) -> str:
    return (
        "query cop { __schema { types { fields { " + "type { fields { " * levels + "name" + " } }" * levels + "} } } }"
    )


REFUSED: Final = {
    "101 aliases": Attack(
        "POST", document("query cop { " + " ".join(f"alias{n}:__typename" for n in range(101)) + " }"),
        400, "too_many_root_fields",
    ),
    "101 aliases inside": Attack(
        "POST", document("query cop { me { " + " ".join(f"a{n}: id" for n in range(101)) + " } }"),
        400, "too_many_aliases",
    ),
    "101 aliases in a fragment": Attack(
        "POST",
        document("query cop { me { ...F } } fragment F on User { " + " ".join(f"a{n}: id" for n in range(101)) + " }"),
        400, "too_many_aliases",
    ),
    "a batch of 10": Attack("POST", {"json": [{"query": "query cop { __typename }"}] * 10}, 400, ""),
    "500 duplicate fields": Attack(
        "POST", document("query cop { " + "__typename \n" * 500 + "}"), 400, "too_many_root_fields"
    ),
    "500 duplicate fields inside": Attack(
        "POST", document("query cop { me { " + "id \n" * 500 + "} }"), 400, "too_many_repeated_fields"
    ),
    "10 duplicate directives": Attack(
        "POST", document("query cop { __typename " + "@aa" * 10 + " }"), 400, "too_many_directives"
    ),
    "10 duplicate directives at the operation": Attack(
        "POST", document("query cop " + "@aa" * 10 + " { __typename }"), 400, "too_many_directives"
    ),
    "10 duplicate directives at a variable": Attack(
        "POST", document("query cop($a: Int " + "@aa" * 10 + ") { __typename }"), 400, "too_many_directives"
    ),
    "10 duplicate directives at a fragment": Attack(
        "POST", document("query cop { ...F } fragment F on Query " + "@aa" * 10 + " { __typename }"),
        400, "too_many_directives",
    ),
    "circular introspection": Attack("POST", document(circle(3)), 400, ""),
    "a query with GET": Attack("GET", {"params": {"query": "query cop { __typename }"}}, 405, ""),
    "a mutation with GET": Attack("GET", {"params": {"query": MUTATION}}, 405, ""),
    "an unhandled error": Attack("POST", document("qwerty cop { abc }"), 400, ""),
    "a wrong body": Attack("POST", {"content": b"\x00\xff"}, 400, ""),
}  # fmt: skip
# What other servers add to their responses, and what only the server's log should have.
TOLD: Final = re.compile(rb'"extensions"|"exception"|stacktrace|Traceback|"tracing"|"debug"|enginehouse[./]\w|\.py')


async def send(api: Api, attack: Attack, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.graphql.http.request(
        attack.method, GRAPHQL, headers={**api.graphql.headers(), **named}, **attack.sent
    )


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_with_one_error_before_anything_is_executed(sqlite_api: Api, name: str) -> None:
    attack = REFUSED[name]
    for api in (sqlite_api, sqlite_api.holding(None)):
        response = await send(api, attack)
        assert response.status_code == attack.status
        body = response.json()
        assert "data" not in body
        [error] = body["errors"]
        assert error["name"] == "invalid_input"
        assert not attack.code or error["data"]["code"] == attack.code
        assert not TOLD.search(response.content)
    assert (await sqlite_api.graphql.ask("{ temporalDataObjects { count } }"))["temporalDataObjects"]["count"] == 0


async def test_no_header_opens_a_trace(sqlite_api: Api) -> None:
    for name in ("X-Apollo-Tracing", "Apollo-Query-Plan-Experimental", "X-Debug", "X-Hasura-Role"):
        response = await sqlite_api.graphql.http.post(
            GRAPHQL, json={"query": "query cop { __typename }"}, headers={**sqlite_api.graphql.headers(), name: "1"}
        )
        assert response.json() == {"data": {"__typename": "Query"}}


async def test_a_stranger_gets_neither_the_schema_nor_suggestions(sqlite_api: Api) -> None:
    """With a token both are given on purpose: clients generate code from the schema, and it is published."""
    stranger = sqlite_api.holding(None).graphql
    for query in (
        "query cop { __schema { types { name } } }",
        "query cop { __schema { directive } }",
        "{ mee { id } }",
    ):
        response = await stranger.post(query)
        assert response.json().get("data") is None
        assert not re.search("Did you mean|directives|'me'|TemporalDataObject", response.text)
    known = (await sqlite_api.graphql.post("query cop { __schema { directive } }")).text
    assert "Did you mean 'directives'" in known


async def test_the_page_for_browsers_is_served_and_knows_nothing(sqlite_api: Api) -> None:
    """GraphiQL is served on purpose. It has no token and no data, executes nothing by its address, and loads nothing
    from elsewhere (tests/api/test_graphiql.py)."""
    http, pages = sqlite_api.graphql.http, set[bytes]()
    for query in ("", "?query={me{id}}", "?query=mutation{userLogout(token:1)}&token=x#<script>"):
        for path in (GRAPHQL, "/v3/graphiql"):
            answer = await http.get(path + query, headers=BROWSER | sqlite_api.graphql.headers())
            pages.add(re.sub(rb"\s", b"", answer.content))
            assert answer.headers["content-type"].startswith("text/html")
            assert "set-cookie" not in answer.headers
            assert TOKEN.encode() not in answer.content
    assert len(pages) == 1
    # Other pages of this kind are not there.
    for path in ("/graphiql", "/playground", "/console", "/graphql", "/v3/playground", "/v3/altair", "/v3/voyager"):
        assert (await http.get(path, headers=BROWSER)).status_code == 404


async def test_a_form_of_another_site_changes_nothing(sqlite_api: Api) -> None:
    """Forms are accepted on purpose: a published client sends JSON with the label of one. That is safe, because a
    browser never adds the token by itself: it is in a header that the page must set, and no cookie is one. A page can
    set it only after a preflight."""
    http = sqlite_api.graphql.http
    cookies = {"Cookie": f"token={TOKEN}; api_key={TOKEN}; authorization=Bearer {TOKEN}"}
    site = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Referer": "https://evil.example/"}
    bodies: list[dict[str, Any]] = [
        {"data": {"query": MUTATION}},
        {"files": {"query": (None, MUTATION)}},
        {"content": json.dumps({"query": MUTATION}), "headers": {"Content-Type": "text/plain"}},
        {"content": json.dumps({"query": MUTATION}), "headers": FORM},
        {"data": {"query": MUTATION, "api_key": TOKEN, "token": TOKEN}},
        {"data": {"query": MUTATION}, "params": {"api_key": TOKEN, "token": TOKEN, "access_token": TOKEN}},
    ]
    for sent in bodies:
        headers = {**cookies, **site, **sent.get("headers", {})}
        response = await http.post(GRAPHQL, **{**sent, "headers": headers})
        [error] = response.json()["errors"]
        refused = {"authentication_error", "invalid_input"} if "token" in str(sent) else {"authentication_error"}
        assert error["name"] in refused
        assert response.json().get("data") in (None, {"createTDO": None})
        assert "access-control-allow-credentials" not in response.headers
        assert "set-cookie" not in response.headers
    assert (await sqlite_api.graphql.ask("{ temporalDataObjects { count } }"))["temporalDataObjects"]["count"] == 0
    # The header that carries a token makes the browser ask first.
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    closed = application(sqlite_api.house, origins=("https://app.example",))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=closed), base_url="http://test") as other:
        asked = {**preflight, "Access-Control-Request-Headers": "authorization"}
        assert "access-control-allow-origin" not in (await other.options(GRAPHQL, headers=asked)).headers


async def test_no_other_protocol_opens_the_interface(sqlite_api: Api) -> None:
    """There are no subscriptions over a socket, so that a token is checked in one place only."""
    sent = list[Any]()

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def note(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket", "path": GRAPHQL, "headers": [(b"host", b"h")], "query_string": b"",
        "subprotocols": ["graphql-transport-ws"],
    }  # fmt: skip
    await application(sqlite_api.house)(scope, receive, note)
    assert not [message for message in sent if message["type"] == "websocket.accept"]
