"""A job fails because a file is missing. Its retry, when the file exists, runs only the failed part."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.servers import Said, Server, serving

TEXT = b"I love this. It is a wonderful morning."


class Shelf:
    """Serves one file, which is missing until the test adds it."""

    def __init__(self) -> None:
        self.file: bytes | None = None
        shelf = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = shelf.file
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/text.txt"


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "data", "--allow-private-urls") as up:
        yield up


def _json(said: Said) -> Any:
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_only_what_failed_runs_again(server: Server, shelf: Shelf, tmp_path: Path) -> None:
    request = tmp_path / "job.json"
    mood, adapter = "sentiment-vader", "webstream"
    tasks = [
        {"engineId": mood, "payload": {"text": TEXT.decode()}},
        {"engineId": adapter, "payload": {"url": shelf.url}},
    ]
    request.write_text(json.dumps({"tasks": tasks}))
    [old] = _json(server.cli("job", "create", "--request", str(request), "--json"))["ids"]
    assert server.cli("job", "watch", old).code != 0
    attempts = _json(server.cli("job", "attempts", old, "--json"))
    assert [(each["task"], each["outcome"]) for each in attempts] == [(0, "complete"), (1, "failed")]
    assert attempts[1]["failureReason"] == "url_not_found"
    with server.client() as client:
        assert client.get(attempts[0]["log"]).status_code in (200, 404)
    shelf.file = TEXT
    new = server.cli("job", "retry", old, "--only-failed").out.strip()
    assert server.cli("job", "watch", new).code == 0
    [again] = _json(server.cli("job", "attempts", new, "--json"))
    assert (again["task"], again["outcome"]) == (1, "complete")
    shown = server.cli("job", "get", new).out
    assert "reused" in shown
    with server.client() as client:
        assert client.post(f"/edge/v1/proc/job/{old}/delete").is_success
        detail = client.get(f"/api/v1/jobs/{new}").json()["result"]
        assert detail["tasks"][0]["reusedFrom"]["internalJobID"] == detail["retryOf"] == detail["rootJobID"]
        task = detail["tasks"][0]["internalTaskID"]
        listed = client.get(f"/edge/v1/proc/task/{task}/outputs").json()["outputs"]["outputs"]
        [name] = [each["name"] for each in listed]
        document = client.get(f"/edge/v1/proc/task/{task}/download/{name}").json()
        assert document["sentiment"]["positiveValue"] > 0
    refused = server.cli("job", "retry", new, "--only-failed")
    assert refused.code == 1
    assert "Job is complete" in refused.err
