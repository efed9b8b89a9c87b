"""Pages of other origins may call the APIs with a token in a header, and never with a cookie."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from tests.api.clients import Api

from enginehouse.api.asgi import application

APP = "https://app.example.com"
PATHS = ("/v3/graphql", "/edge/v1/proc/job/create", "/edge/v1/nowhere", "/api/v1/jobs/x/why")
LIMITED = (APP, "http://localhost:3000")


@asynccontextmanager
async def client(api: Api, *origins: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application(api.house, origins=origins))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield http


async def preflight(http: httpx.AsyncClient, path: str, origin: str = APP, names: str | None = None) -> httpx.Response:
    asked = {"Access-Control-Request-Headers": names} if names is not None else {}
    return await http.options(path, headers={"Origin": origin, "Access-Control-Request-Method": "POST", **asked})


def cors(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", PATHS)
async def test_a_preflight_allows_what_clients_send(sqlite_api: Api, path: str) -> None:
    http = sqlite_api.graphql.http
    answer = await preflight(http, path, names="authorization,content-type,x-of-a-client")
    assert (answer.status_code, answer.content) == (204, b"")
    assert cors(answer) == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "access-control-allow-headers": "authorization,content-type,x-of-a-client",
        "access-control-max-age": "7200",
    }
    for names in (None, "", 'a"b', "x" * 3000):
        usual = (await preflight(http, path, names=names)).headers["access-control-allow-headers"].split(", ")
        assert {"authorization", "api_key", "content-type", "idempotency-key", "x-veritone-application"} <= set(usual)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_every_answer_may_be_read_also_an_error(sqlite_api: Api, path: str, method: str) -> None:
    for headers in ({}, {"Origin": APP}):
        answer = await sqlite_api.graphql.http.request(method, path, headers=headers, content=b"{")
        assert answer.status_code >= 400
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "vary" not in answer.headers


async def test_a_download_and_an_event_stream_may_be_read(sqlite_api: Api) -> None:
    job = await sqlite_api.edge.create()
    await sqlite_api.edge.run_one(("a.txt", "text/plain", b"said"))
    for http, path in (
        (sqlite_api.edge, f"/proc/job/{job}/download/a.txt"),
        (sqlite_api.v1, f"/jobs/{job}/events/stream"),
    ):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize("path", PATHS)
async def test_only_the_named_origins_are_allowed(sqlite_api: Api, path: str) -> None:
    async with client(sqlite_api, *LIMITED) as http:
        for origin in LIMITED:
            for answer in (await preflight(http, path, origin), await http.get(path, headers={"Origin": origin})):
                assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (origin, "origin")
        for foreign in ("https://evil.example", "null", APP + ".evil.example", APP + ":8443", "http" + APP[5:]):
            for answer in (await preflight(http, path, foreign), await http.get(path, headers={"Origin": foreign})):
                assert (cors(answer), answer.headers["vary"]) == ({}, "origin")
        assert (await http.get(path)).headers["vary"] == "origin"


@pytest.mark.parametrize("path", PATHS)
async def test_without_origins_nothing_is_allowed(sqlite_api: Api, path: str) -> None:
    async with client(sqlite_api) as http:
        for answer in (await preflight(http, path), await http.get(path, headers={"Origin": APP})):
            assert cors(answer) == {}


async def test_other_addresses_are_not_for_other_pages(sqlite_api: Api) -> None:
    for path in ("/readyz", "/elsewhere"):
        assert cors(await sqlite_api.graphql.http.get(path, headers={"Origin": APP})) == {}


async def test_options_that_are_no_preflight_name_the_methods(sqlite_api: Api) -> None:
    answer = await sqlite_api.graphql.http.options("/edge/v1/proc/job/create")
    assert (answer.status_code, answer.headers["allow"]) == (204, "POST")
