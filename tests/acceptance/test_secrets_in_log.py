"""Whatever fails, the server's output has no token, password, payload or output, in either format."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance import server as servers
from tests.acceptance.faulty import PAYLOAD
from tests.acceptance.server import CHECKOUT, NOOP, TOKEN, Server, create, ended, offer, serving, task_of, until

PASSWORD = "correct-horse-battery"
ALIAS = "heart_rate_180"
LOST = "an unhandled error ended a thread"
SECRETS = (TOKEN, PASSWORD, PAYLOAD, "patient", ALIAS, "battery")
LONGEST = 12_000  # characters of one record

FAILING: dict[str, dict[str, Any]] = {
    "rest-body": {
        "method": "POST",
        "url": "/edge/v1/proc/job/create",
        "json": {"jobs": [task_of(NOOP, {"note": PAYLOAD, "what": "fails"})]},
    },
    "rest-query": {"method": "GET", "url": f"/edge/v1/proc/jobs?note={PAYLOAD}"},
    "rest-login": {
        "method": "POST",
        "url": "/edge/v1/admin/users/login",
        "json": {"username": PAYLOAD, "password": PASSWORD},
    },
    "graphql-login": {
        "method": "POST",
        "url": "/v3/graphql",
        "json": {
            "query": f'mutation {{ {ALIAS}: userLogin(input: {{userName: "a", password: "{PASSWORD}"}}) {{ token }} }}'
        },
    },
    "graphql-variables": {
        "method": "POST",
        "url": "/v3/graphql",
        "json": {
            "query": "mutation J($in: CreateJob) { createJob(input: $in) { id } }",
            "variables": {"in": {"tasks": [{"engineId": NOOP, "payload": {"note": PAYLOAD, "what": "fails"}}]}},
        },
    },
    "multipart": {
        "method": "POST",
        "url": "/v3/graphql",
        "data": {
            "query": "mutation T($in: CreateTDOWithAsset) { createTDOWithAsset(input: $in) { id } }",
            "variables": json.dumps(
                {"in": {"startDateTime": 1, "stopDateTime": 2, "assetType": "media", "name": PAYLOAD}}
            ),
        },
        "files": {"file": (f"{PAYLOAD}.txt", PAYLOAD.encode(), "text/plain")},
    },
}  # fmt: skip


@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_no_secret_and_nothing_of_a_payload_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    command = tmp_path / "enginehouse"
    command.write_text(f"#!{sys.executable}\nfrom tests.acceptance.faulty import serve\nserve()\n")
    command.chmod(0o755)
    monkeypatch.setattr(servers, "COMMAND", command)
    path = f"{offer(tmp_path / 'offered', 'quotes')}:{CHECKOUT}"
    with serving(tmp_path / "data", "--log-format", log_format, PYTHONPATH=path) as server:
        for number, (name, request) in enumerate(FAILING.items(), 2):
            # One address could not cause so many lines.
            async with server.client(address=f"127.0.0.{number}") as client:
                answer = await client.request(**request, headers={"X-Correlation-Id": name})
                assert PAYLOAD not in answer.text
                assert answer.status_code == 500 or "internal_error" in answer.text, (name, answer.text)
        async with server.client() as client:
            for engine in (NOOP, "quotes"):
                [job] = await create(client, task_of(engine, {"note": PAYLOAD}, maxRetries=0))
                assert await ended(client, job) == "failed"
        await until(lambda: "a tick failed" in server.log.read_text(), "a duty has failed")
        assert server.stop() == 0
        _look_at(server, log_format)


def _look_at(server: Server, log_format: str) -> None:
    printed = server.log.read_text()
    for secret in SECRETS:
        assert secret not in printed, printed[max(0, printed.find(secret) - 2000) :][:3000]
    for name in FAILING:
        assert name in printed, f"{name} is not in the log"
    # The log has what a person needs to find the fault: the place and the type.
    assert "ExceptionGroup" in printed
    assert "tests/acceptance/faulty.py" in printed
    assert "an engine of the server failed" in printed
    lines = printed[printed.index("ready: ") :].splitlines()[1:]
    if log_format == "json":
        records = [json.loads(line) for line in lines if not line.startswith("enginehouse ")]
        assert {"a tick failed", "a request failed", LOST} <= {record["event"] for record in records}
        assert {"asyncio"} <= {record.get("logger") for record in records}
        assert max(map(len, lines)) < LONGEST
