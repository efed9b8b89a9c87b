"""The headers of every REST response, and the response to a request without an operation."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from tests.api.clients import Rest
from tests.api.described import description
from tests.api.samples import single
from tests.thorough import mostly_on_sqlite

from enginehouse import __version__
from enginehouse.api.edge import routes, unserved
from enginehouse.api.edge.routes import interface
from enginehouse.api.http import body as http_body
from enginehouse.api.http.body import MAX_BODY
from enginehouse.domain.errors import TooLarge


async def test_ping_and_version_ask_for_no_token(rest: Rest) -> None:
    assert (await rest.client.get("/ping")).status_code == 200
    version = (await rest.client.get("/version")).json()
    assert list(version) == ["version"]
    lines = version["version"].splitlines()
    assert lines[0] == "---"
    assert f'build_number: "{__version__}"' in lines


async def test_the_correlation_id_is_echoed_or_made(rest: Rest) -> None:
    for path in ("/ping", "/proc/jobs", "/nowhere", "/admin/licenses"):
        echoed = await rest.client.get(path, headers={"X-Correlation-Id": "abc-1"})
        assert echoed.headers["x-correlation-id"] == "abc-1"
        made = await rest.client.get(path)
        UUID(made.headers["x-correlation-id"])
        assert made.headers["x-aiware-version"] == __version__


@pytest.mark.parametrize("bad", ["a b", "x" * 200, "a\tb"])
async def test_a_correlation_id_that_is_no_plain_word_is_replaced(rest: Rest, bad: str) -> None:
    UUID((await rest.client.get("/ping", headers={"X-Correlation-Id": bad})).headers["x-correlation-id"])


async def test_every_other_documented_operation_answers_501(rest: Rest) -> None:
    operations = list(unserved.operations())
    paths = description()["paths"]
    published = {(method.upper(), path) for path, here in paths.items() for method in here.keys() - {"parameters"}}
    served = {(method, path) for method, path, _ in (*routes._SERVED, *routes._FOR_WORKERS, *routes._OPEN)}
    refused = {(method, path) for method, path, _ in operations}
    assert (published - served, refused & served) == (refused & published, set())
    for method, template, _ in operations:
        path = template.replace("{", "").replace("}", "")
        answer = await rest.client.request(method, path, headers={"api_key": rest.token})
        assert answer.status_code == 501, (method, template)
        assert answer.json()["id"] == "not_implemented"
        assert set(answer.json()) == {"id", "description", "detail"}


async def test_an_unserved_operation_asks_for_the_token_first_unless_it_is_open(rest: Rest) -> None:
    assert (await rest.client.get("/admin/licenses")).status_code == 401
    assert (await rest.client.post("/flow/nrcontainer/create")).status_code == 501


async def test_an_unknown_path_is_404_and_a_wrong_method_405(rest: Rest) -> None:
    unknown = await rest.get("/proc/nothing/here")
    assert (unknown.status_code, unknown.json()["id"]) == (404, "not_found")
    wrong = await rest.post("/proc/jobs")
    assert (wrong.status_code, wrong.json()["id"], wrong.headers["allow"]) == (405, "method_not_allowed", "GET")
    assert (await rest.client.delete("/proc/job/create")).headers["allow"] == "POST"
    for odd in ("", "/", "//", "/proc/job//status", "/" + "a/" * 500):
        assert (await rest.get(odd)).status_code in {401, 404}


async def test_head_is_answered_like_get(rest: Rest) -> None:
    assert (await rest.client.head("/ping")).status_code == 200


async def test_a_body_over_the_limit_is_refused(rest: Rest) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield b" " * (MAX_BODY // 10)

    announced = await rest.post("/proc/job/create", raw=b" " * 10, Content_Length=str(MAX_BODY + 1))
    streamed = await rest.client.post("/proc/job/create", content=parts(), headers={"api_key": rest.token})
    for answer in (announced, streamed):
        assert answer.status_code == 413
        text = "Request body is larger than 10 MB. Upload data as an asset and pass its id."
        assert answer.json()["detail"] == text
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("length", [None, b"99999999999999999999999"])
async def test_a_body_without_an_end_is_not_read_without_an_end(length: bytes | None) -> None:
    parts = 0

    async def receive() -> dict[str, object]:
        nonlocal parts
        parts += 1
        return {"type": "http.request", "body": b" " * MAX_BODY, "more_body": True}

    with pytest.raises(TooLarge):
        await http_body.read(receive, length=length)
    assert parts < 20


async def test_a_client_that_goes_away_is_not_answered() -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    with pytest.raises(http_body.DisconnectedError):
        await http_body.read(receive, length=None)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "", "text/plain", "application/x-www-form-urlencoded", "a"],
)
@mostly_on_sqlite
async def test_json_is_taken_under_any_label(rest: Rest, kind: str) -> None:
    body = json.dumps({"jobs": [single()]})
    assert (await rest.post("/proc/job/create", raw=body, Content_Type=kind)).status_code == 200


async def test_a_failure_of_ours_says_nothing_about_its_cause() -> None:
    def broken() -> None:
        raise RuntimeError("the cause")

    answers = []

    async def send(message: dict[str, object]) -> None:
        answers.append(message)

    headers = [(b"x-correlation-id", b"abc-1")]
    scope = {"type": "http", "method": "GET", "path": "/edge/v1/proc/jobs", "query_string": b"", "headers": headers}
    with capture_logs() as logged:
        await interface(broken)(scope, broken, send)  # type: ignore[arg-type]
    assert answers[0]["status"] == 500
    assert b"the cause" not in answers[1]["body"]  # type: ignore[operator]
    assert [(line["log_level"], line["correlation_id"], line["exc_info"]) for line in logged] == [
        ("error", "abc-1", True)
    ]


def test_no_operation_is_both_served_and_refused() -> None:
    interface(lambda: None)  # type: ignore[arg-type, return-value]
