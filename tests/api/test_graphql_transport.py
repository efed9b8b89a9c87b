"""`POST /v3/graphql` accepts the documented bodies and refuses all others (graphql-contract §1)."""

import json
import re
from collections.abc import AsyncIterator, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.api.clients import Api, serving

from enginehouse.api.graphql import graphql
from enginehouse.api.graphql.execution.rejection import file_too_large
from enginehouse.operations import identity, target_assets
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database

ADDRESS = "/v3/graphql"
FORM = "application/x-www-form-urlencoded"
MAKE = """mutation($in: CreateTDOWithAsset) { createTDOWithAsset(input: $in) { id assets { records {
  id name uri contentType assetSize fileData { size md5sum } jsondata } } } }"""


@pytest.fixture
async def api(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Api]:
    async with serving(sqlite_database, tmp_path) as made:
        yield made


async def post(api: Api, **sent: Any) -> Any:
    headers = {**api.graphql.headers(), **sent.pop("headers", {})}
    return await api.graphql.http.post(ADDRESS, headers=headers, **sent)


@pytest.mark.parametrize("variables", [{"id": "1"}, '{"id": "1"}'])
async def test_variables_are_an_object_or_the_text_of_one(api: Api, variables: object) -> None:
    body = {"query": "query q($id: ID!) { engines(id: $id) { count } }", "variables": variables, "operationName": None}
    response = await post(api, json=body)
    assert response.json() == {"data": {"engines": {"count": 0}}}


@pytest.mark.parametrize(
    "label",
    [
        None,
        "",
        "text/plain;charset=UTF-8",
        FORM,
        "application/graphql+json",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
    ],
)
@pytest.mark.parametrize("space", [b"", b" \r\n"])
async def test_json_is_json_under_any_label(api: Api, label: str | None, space: bytes) -> None:
    body = (
        space
        + json.dumps(
            {"query": "query q($s: String) { me { name } engines(name: $s) { count } }", "variables": {"s": "é&="}}
        ).encode()
    )
    response = await post(api, content=body, headers={} if label is None else {"Content-Type": label})
    assert response.json() == {"data": {"me": {"name": "admin"}, "engines": {"count": 0}}}


async def test_a_form_is_read_as_one(api: Api) -> None:
    fields = {
        "query": "query a { me { name } } query b($id: ID!) { x: engines(id: $id) { count } }",
        "variables": '{"id": "é & ="}',
        "operationName": "b",
    }
    assert (await post(api, data=fields)).json() == {"data": {"x": {"count": 0}}}
    raw = await post(api, content=b"query={ me { name } }", headers={"Content-Type": FORM + "; charset=utf-8"})
    assert raw.json() == {"data": {"me": {"name": "admin"}}}


@pytest.mark.parametrize("label", ["text/plain", FORM, "application/json"])
async def test_a_cookie_is_no_token_so_another_site_s_page_can_do_nothing(api: Api, label: str) -> None:
    cookies = "; ".join(f"{name}={api.graphql.token}" for name in ("token", "api_key", "authorization", "session"))
    body = b'{"query": "mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"}'
    response = await api.graphql.http.post(ADDRESS, content=body, headers={"Content-Type": label, "Cookie": cookies})
    assert [error["name"] for error in response.json()["errors"]] == ["authentication_error"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_only_post_is_answered(api: Api, method: str) -> None:
    response = await api.graphql.http.request(method, ADDRESS, headers=api.graphql.headers())
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        (b"{ me { id } }", "application/graphql", 'Content-Type is "application/graphql"; send JSON like'),
        (b"query=%7Bme%7D", "text/plain", 'Content-Type is "text/plain"; send JSON like'),
        (b"", FORM, "not valid JSON"),
        (b'{"query": ', FORM, "unexpected end at byte 10"),
        (b"variables=%7B%7D", FORM, "query: required"),
        (b"query=%7Bme%7D&variables=%7B", FORM, "variables: "),
        (b"query=%7Ba%7D&query=%7Bb%7D", FORM, "query is given twice"),
        (b"query={ a(b: 1 & c) }", FORM, 'field " c) }" is none of'),
        (b"query=%FF", FORM, "not UTF-8"),
        (b"query=%00", FORM, "U+0000"),
        (b"&".join([b"query="] * 17), FORM, "more than 16 fields"),
        (b"", "application/json", "not valid JSON"),
        (b'{"query": ', "application/json", "unexpected end at byte 10"),
        (b'{"query": "\xff"}', "application/json", "invalid UTF-8"),
        (b'{"query": "{a}", "query": "{b}"}', "application/json", 'duplicate key "query"'),
        (b"[" * 100_000, "application/json", ""),
        (b'[{"query": "{ me { id } }"}]', "application/json", "one request at a time"),
        (b"{}", "application/json", "query: required"),
        (b'{"query": 5}', "application/json", "query: required"),
        (b'{"query": "{ me { id } }", "variables": [1]}', "application/json", "variables: an object"),
        (b'{"query": "{ me { id } }", "variables": "{"}', "application/json", "variables: "),
        (b'{"query": "{ me { id } }", "operationName": 5}', "application/json", "operationName"),
        (b'{"query": "{ me { id } }", "operationName": "B"}', "application/json", "no operation named"),
        (b'{"query": "query A { me { id } } query B { me { id } }"}', "application/json", "several operations"),
        (b'{"query": "{ me { "}', "application/json", "Syntax Error"),
        (b'{"query": "{ you }"}', "application/json", "Cannot query field 'you'"),
        (
            b'{"query": "query($a: Int) { jobs(limit: $b) { count } }"}',
            "application/json",
            "Variable '$b' is not defined",
        ),
        (b'{"query": "query($a: ID!) { job(id: $a) { id } }"}', "application/json", "a: required."),
        (
            b'{"query": "query($a: Int) { jobs(limit: $a) { count } }", "variables": {"a": "x"}}',
            "application/json",
            'a: integer from -2147483648 to 2147483647, got "x".',
        ),
    ],
)
async def test_what_cannot_be_executed_is_400(api: Api, content: bytes, content_type: str, text: str) -> None:
    response = await post(api, content=content, headers={"Content-Type": content_type})
    assert response.status_code == 400
    body = response.json()
    assert "data" not in body
    error = body["errors"][0]
    assert error["name"] == "invalid_input"
    assert text in error["message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", error["time_thrown"])
    assert not {"extensions"} & set(error)


async def test_places_of_errors_are_those_of_the_request_s_own_text(api: Api) -> None:
    for job_id in ("a", "a much longer id", 'with \\" and \\u00e9'):
        query = f'{{ x: job(id: "{job_id}") {{ id }}   y: job(id: "{job_id}") {{ id }} }}'
        errors = (await api.graphql.post(query)).json()["errors"]
        assert [error["locations"] for error in errors] == [
            [{"line": 1, "column": query.index(name) + 1}] for name in ("x:", "y:")
        ]


async def test_a_json_body_over_ten_megabytes_is_413(api: Api) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 1_000_000

    small = await post(api, content=b" " * 10_000_001, headers={"Content-Type": "application/json"})
    streamed = await post(api, content=body(), headers={"Content-Type": "application/json"})
    for response in (small, streamed):
        assert response.status_code == 413
        [error] = response.json()["errors"]
        assert error.pop("data")["limitInBytes"] == 10_000_000
        assert error == {
            "name": "invalid_input",
            "message": "The request payload was larger than the limit allowed by this server. "
            "The maximum JSON request size is 10000000 bytes (10 mb).",
        }


async def test_a_file_feeds_the_input_field_without_being_named(api: Api, tmp_path: Path) -> None:
    given = {"startDateTime": 1574311000, "contentType": "application/json", "assetType": "transcript"}
    content = json.dumps({"words": ["é"] * 1000}).encode()
    response = await post(
        api,
        data={"query": MAKE, "variables": json.dumps({"in": given}), "filename": "named.json"},
        files={"file": ("/etc/other.json", content, "application/json")},
    )
    [asset] = response.json()["data"]["createTDOWithAsset"]["assets"]["records"]
    assert (asset["name"], asset["contentType"]) == ("named.json", "application/json")
    assert asset["uri"].endswith(f"/api/v1/asset/{asset['id']}/content")
    assert asset["fileData"]["size"] == asset["assetSize"] == len(content)
    assert asset["jsondata"] == {"words": ["é"] * 1000}
    assert not list((tmp_path / "store" / "session").glob("*/scratch/*"))


async def test_a_file_for_create_asset_keeps_its_own_name_without_folders(api: Api) -> None:
    tdo = (await api.graphql.ask("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"))[
        "createTDO"
    ]["id"]
    query = f"""mutation {{ createAsset(input: {{containerId: {tdo}, contentType: "video/mp4", setAsPrimary: true}})
        {{ id name type assetType container {{ id }} }} }}"""
    response = await post(api, data={"query": query}, files={"file": ("C:\\films\\a.mp4", b"\0\1\2" * 1_000_000)})
    asset = response.json()["data"]["createAsset"]
    assert asset["id"].startswith(f"{tdo}_")
    assert (asset["name"], asset["type"], asset["assetType"], asset["container"]["id"]) == (
        "a.mp4",
        "media",
        "media",
        tdo,
    )
    stored = await target_assets.asset(api.house, await _principal(api), asset["id"])
    content = await target_assets.content(api.house, stored)
    assert b"".join([block async for block in content.stream()]) == b"\0\1\2" * 1_000_000


async def _principal(api: Api) -> Any:
    return await identity.authenticate(api.house, api.graphql.token or "")


async def test_a_file_serves_one_field(api: Api) -> None:
    tdo = (await api.graphql.ask("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"))[
        "createTDO"
    ]["id"]
    query = f"""mutation {{ a: createAsset(input: {{containerId: {tdo}}}) {{ id }}
        b: createAsset(input: {{containerId: {tdo}}}) {{ id }} }}"""
    body = (await post(api, data={"query": query}, files={"file": ("a", b"abc")})).json()
    assert body["data"]["a"]["id"]
    assert body["data"]["b"] is None
    assert "used by another field" in body["errors"][0]["message"]


async def test_a_stranger_s_file_is_not_even_received(api: Api, tmp_path: Path) -> None:
    status, body = await _raw(api.house, _multipart(b"x" * 2_000_000), "unknown")
    assert (status, body["errors"][0]["name"]) == (200, "authentication_error")
    assert not list((tmp_path / "store" / "session").glob("*/scratch/*"))


async def test_a_plain_query_may_be_multipart(api: Api) -> None:
    response = await post(api, files={"query": (None, "{ me { name } }")})
    assert response.json() == {"data": {"me": {"name": "admin"}}}


async def test_a_file_over_the_limit_is_413_and_leaves_nothing(api: Api, tmp_path: Path) -> None:
    house = replace(api.house, limits=replace(api.house.limits, upload_bytes=3 * 1024 * 1024))
    status, body = await _raw(house, _multipart(b"x" * (3 * 1024 * 1024 + 1)), str(api.graphql.token))
    [error] = body["errors"]
    assert status == 413
    assert error.pop("data")["limitInBytes"] == 3 * 1024 * 1024
    assert error == {
        "code": "LIMIT_FILE_SIZE",
        "field": "file",
        "storageErrors": [],
        "name": "invalid_input",
        "message": "The file upload was larger than the limit allowed by this server. "
        "The maximum file upload size is 3145728 bytes (3 mb).",
    }
    assert not list((tmp_path / "store" / "session").glob("*/scratch/*"))


def test_the_documented_limit_is_worded_as_documented() -> None:
    error = file_too_large("2295200106", 0, 104857600).error
    assert error["message"].endswith("The maximum file upload size is 104857600 bytes (100 mb).")
    assert error["data"]["requestSize"] == "2295200106"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"operations": (None, "{}"), "map": (None, "{}")}, "another protocol"),
        ({"query": (None, "{ me { id } }"), "other": (None, "x")}, 'The part "other"'),
        ({"variables": (None, "{}")}, "query: required"),
    ],
)
async def test_multipart_bodies_that_cannot_be_read(api: Api, parts: dict[str, Any], text: str) -> None:
    response = await post(api, files=parts)
    assert response.status_code == 400
    assert text in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data; boundary=x"),
        (b"anything", "multipart/form-data"),
        (
            b'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n{ me { id } }',
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n\xff\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (b"--x\r\nA: " + b"b" * 20_000, "multipart/form-data; boundary=x"),
    ],
)
async def test_broken_multipart_bodies(api: Api, content: bytes, content_type: str, tmp_path: Path) -> None:
    response = await post(api, content=content, headers={"Content-Type": content_type})
    assert response.status_code == 400
    assert not list((tmp_path / "store" / "session").glob("*/scratch/*"))


async def test_a_file_cannot_be_named_as_a_value(api: Api) -> None:
    query = 'mutation { createAsset(input: {containerId: 1, file: "/etc/passwd"}) { id } }'
    assert (await api.graphql.post(query)).status_code == 400


def _multipart(content: bytes) -> bytes:
    query = "mutation { createAsset(input: {containerId: 1}) { id } }"
    return (
        (
            f'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n{query}\r\n'
            '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        ).encode()
        + content
        + b"\r\n--x--\r\n"
    )


async def _raw(house: House, body: bytes, token: str) -> tuple[int, Any]:
    """Calls the endpoint as a server does, with the body in pieces."""
    pieces = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"multipart/form-data; boundary=x"), (b"authorization", f"Bearer {token}".encode())]
    await graphql(house)({"type": "http", "method": "POST", "headers": headers}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_an_unexpected_failure_is_named_and_says_nothing_else(api: Api) -> None:
    broken = replace(api.house, catalogue=None)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app=graphql(broken))
    async with httpx.AsyncClient(transport=transport, base_url="http://house.example") as http:
        response = await http.post(ADDRESS, json={"query": '{ engine(id: "x") { id } }'}, headers=api.graphql.headers())
    [error] = response.json()["errors"]
    assert (response.status_code, error["name"]) == (200, "internal_error")
    assert error["data"]["errorId"] in error["message"]
    assert "NoneType" not in response.text
