"""Without a valid token nothing is served: no operation of REST and no field of GraphQL."""

import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from tests.api.clients import TOKEN, Api
from tests.thorough import THOROUGH, mostly_on_sqlite

from enginehouse.api.edge import routes, unserved
from enginehouse.api.graphql.schema import OPEN, schema
from enginehouse.api.http import interface
from enginehouse.domain.errors import AuthenticationFailed, InvalidInput
from enginehouse.domain.identity import Principal
from enginehouse.operations import identity
from enginehouse.operations.house import House

UNKNOWN = "00000000-0000-4000-8000-000000000000"
# Headers that give no access. The placeholders get a valid, revoked or expired token.
WRONG: dict[str, dict[str, str]] = {
    "missing": {},
    "empty": {"Authorization": ""},
    "only the word": {"Authorization": "Bearer"},
    "only the word and a space": {"Authorization": "Bearer "},
    "no word": {"Authorization": "GOOD"},
    "another scheme": {"Authorization": "Basic GOOD"},
    "another scheme beginning alike": {"Authorization": "BearerX GOOD"},
    "unknown": {"Authorization": f"Bearer {UNKNOWN}"},
    "malformed": {"Authorization": "Bearer ../../etc/passwd"},
    "a quote": {"Authorization": "Bearer ' OR 1=1 --"},
    "NUL escaped": {"Authorization": "Bearer %00"},
    "long": {"Authorization": "Bearer " + "x" * 5000},
    "good with a letter more": {"Authorization": "Bearer GOODx"},
    "good with a letter less": {"Authorization": "Bearer SHORT"},
    "two in one": {"Authorization": "Bearer GOOD GOOD"},
    "revoked": {"Authorization": "Bearer REVOKED"},
    "expired": {"Authorization": "Bearer EXPIRED"},
    "api_key unknown": {"api_key": UNKNOWN},
    "api_key revoked": {"api_key": "REVOKED"},
    "api_key empty": {"api_key": ""},
    "the header decides": {"Authorization": f"Bearer {UNKNOWN}", "api_key": "GOOD"},
}
GOOD: dict[str, dict[str, str]] = {
    "Bearer": {"Authorization": "Bearer GOOD"},
    "a colon after the word": {"Authorization": "Bearer: GOOD"},
    "small letters": {"Authorization": "bearer GOOD"},
    "white space": {"Authorization": "Bearer   GOOD  "},
    "api_key": {"api_key": "GOOD"},
    "api_key beside another scheme": {"Authorization": "Basic eDp5", "api_key": "GOOD"},
}


@dataclass(frozen=True)
class Door:
    """The interfaces, and the tokens to try."""

    client: httpx.AsyncClient
    tokens: dict[str, str]

    def headers(self, pattern: dict[str, str]) -> dict[str, str]:
        return {name: self._filled(value) for name, value in pattern.items()}

    def _filled(self, value: str) -> str:
        for word, token in self.tokens.items():
            value = value.replace(word, token)
        return value


async def soon_expired(house: House, root: Principal) -> str:
    """Returns a token that this process has cached while it was valid. The cache must not outlive the token."""
    for seconds in (0.3, 3, 30):  # a busy machine may take longer than the first to use it
        with suppress(InvalidInput, AuthenticationFailed):
            soon = time.time_ns() // 1000 + int(seconds * 1_000_000)
            secret = (await identity.create_token(house, root, expires_at=soon)).secret
            await identity.authenticate(house, secret)
            return secret
    pytest.fail("no token was used while it was valid")


@pytest.fixture
async def door(api: Api) -> Door:
    house, root = api.house, await api.principal()
    house.bad_tokens.allowed = 1_000_000
    revoked = (await identity.create_token(house, root)).secret
    await identity.authenticate(house, revoked)
    await identity.revoke_token(house, root, revoked)
    expired = await soon_expired(house, root)
    tokens = {"GOOD": TOKEN, "SHORT": TOKEN[:-1], "REVOKED": revoked, "EXPIRED": expired}
    door = Door(api.graphql.http, tokens)
    deadline = time.monotonic() + 60
    while (await door.client.get("/edge/v1/proc/jobs", headers={"api_key": expired})).status_code == 200:
        assert time.monotonic() < deadline, "an expired token stayed good"
    return door


def operations() -> list[tuple[str, str]]:
    """Returns every operation that needs a token, also unserved ones: method and path."""
    found = []
    for template in _templates():
        path = "/".join("x" if part.startswith("{") else part for part in template.split("/"))
        place = routes.operations().find(path)
        assert place is not None, template
        found += [(method, path) for method, one in place[0].items() if isinstance(one, interface.ForCallers)]
    return sorted(set(found))


def _templates() -> list[str]:
    return [template for _, template, *_ in (*routes._SERVED, *unserved.operations())]


@mostly_on_sqlite
async def test_many_bad_tokens_from_one_address_get_another_response_and_a_valid_one_the_usual(api: Api) -> None:
    api.house.bad_tokens.allowed = 2
    api.house.bad_tokens.clock = lambda: 0.0  # nothing is forgotten meanwhile
    bad = api.holding(UNKNOWN)
    for status in (401, 401, 429):
        answer = (await bad.ask("GET /edge/v1/proc/jobs")).response
        assert answer.status_code == status
    assert answer.json()["id"] == "capacity_exceeded"
    assert 0 < int(answer.headers["retry-after"]) <= 30
    slowed = await bad.ask("{ jobs { records { id } } }")
    assert (slowed.status, slowed.error) == (200, "capacity_exceeded")
    assert (await api.ask("GET /edge/v1/proc/jobs")).status == 200
    assert (await api.ask("{ jobs { records { id } } }")).result == []


@mostly_on_sqlite
async def test_no_operation_of_rest_opens(door: Door) -> None:
    for how, pattern in WRONG.items():
        headers, bodies = door.headers(pattern), set()
        every = operations() if how in {"missing", "revoked"} else SERVED
        for method, path in every:
            body: dict[str, str] | None = {} if method != "GET" else None
            answer = await door.client.request(method, f"/edge/v1{path}", headers=headers, json=body)
            assert answer.status_code == 401, (how, method, path, answer.text)
            assert answer.headers["www-authenticate"].startswith("Bearer"), how
            bodies.add(answer.text)
        [text] = bodies
        assert '"id":"authentication_error"' in text, how
        assert not [token for token in door.tokens.values() if token in text], how


def _never_null(root: str, name: str) -> bool:
    declared = schema().type_map[root]
    assert isinstance(declared, GraphQLObjectType)
    return isinstance(declared.fields[name].type, GraphQLNonNull)


@mostly_on_sqlite
async def test_no_field_of_graphql_opens(door: Door) -> None:
    queries = [(root, name, query) for root, fields in ROOT_FIELDS.items() for name, query in fields.items()]
    ways = list(WRONG.items())
    # In a sample every field meets two of the ways, and every way many fields.
    turns = range(len(ways) if THOROUGH else 2)
    for (number, (root, name, query)), turn in product(enumerate(queries), turns):
        how, pattern = ways[(number + turn) % len(ways)]
        answer = await door.client.post("/v3/graphql", json={"query": query}, headers=door.headers(pattern))
        assert answer.status_code == 200, (how, root, name, answer.text)
        body = answer.json()
        # If a field may not be null, everything above it is null.
        assert body["data"] == (None if _never_null(root, name) else {name: None}), (how, root, name)
        [error] = body["errors"]
        assert error["name"] == "authentication_error", (how, root, name)
        assert error["path"] == [name]


async def test_a_good_token_opens_however_it_is_sent(door: Door) -> None:
    for how, pattern in GOOD.items():
        headers = door.headers(pattern)
        assert (await door.client.get("/edge/v1/proc/jobs", headers=headers)).status_code == 200, how
        answer = await door.client.post("/v3/graphql", json={"query": "{ me { id } }"}, headers=headers)
        assert answer.json()["data"]["me"]["id"], how


async def test_what_is_open_to_anybody_is_open_with_any_token(door: Door) -> None:
    for path, how in product(("/edge/v1/ping", "/edge/v1/version"), ("missing", "unknown", "revoked")):
        assert (await door.client.get(path, headers=door.headers(WRONG[how]))).status_code == 200, (path, how)


async def test_every_field_of_the_schema_is_in_the_table() -> None:
    for root, fields in ROOT_FIELDS.items():
        declared = schema().type_map[root]
        assert isinstance(declared, GraphQLObjectType)
        assert set(declared.fields) - OPEN == set(fields)


def _query(root: str, name: str) -> str:
    """Returns a query of the field with its required arguments and as few subfields as possible."""
    declared = schema().type_map[root]
    assert isinstance(declared, GraphQLObjectType)
    field = declared.fields[name]
    given = [f"{one}: {_value(arg.type)}" for one, arg in field.args.items() if is_required_argument(arg)]
    arguments = f"({', '.join(given)})" if given else ""
    answer = get_named_type(field.type)
    chosen = "" if is_leaf_type(answer) else " { __typename }"
    return f"{'mutation ' if root == 'Mutation' else ''}{{ {name}{arguments}{chosen} }}"


def _value(wanted: GraphQLInputType) -> str:
    """Returns the smallest value of the type."""
    match get_nullable_type(wanted):
        case GraphQLList() as several:
            return f"[{_value(several.of_type)}]"
        case GraphQLInputObjectType() as whole:
            fields = [f"{n}: {_value(f.type)}" for n, f in whole.fields.items() if is_required_input_field(f)]
            return f"{{{', '.join(fields)}}}"
        case GraphQLEnumType(values=words):
            return str(next(iter(words)))
        case GraphQLScalarType(name="Int"):
            return "1"
    return '"1"'


SERVED = [
    (method, "/".join("x" if part.startswith("{") else part for part in template.split("/")))
    for method, template, _ in routes._SERVED
]
ROOT_FIELDS = {
    root: {
        name: _query(root, name)
        for name in schema().type_map[root].fields  # type: ignore[attr-defined]
        if name not in OPEN
    }
    for root in ("Query", "Mutation")
}
