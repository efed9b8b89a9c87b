"""Engines over HTTP in processes of their own, as in the documentation and as published samples behave.

They are added on the command line, killed, started again, and their calls cancelled.
"""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.remote import RemoteWorker, working
from tests.acceptance.servers import Server, serving
from tests.thorough import slowly

PAGE = Path(__file__).parents[2] / "docs/how-to/http-engine.md"
TEXT = "It is a wonderful morning."
READY = 20.0  # seconds
EXAMPLES = dict(re.findall(r"^```\w+ engine=(\S+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))

SENTIMENT = (Path(__file__).parent / "sample_sentiment.py").read_text()
SLOW = (Path(__file__).parent / "sample_slow.py").read_text()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until(holds: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


@dataclass
class Program:
    """An engine's program, which a test may start, kill and start again on the same port."""

    command: list[str]
    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen([*self.command, str(self.port), str(self.folder)], cwd=self.folder)
        until(self._listens, "the engine listens", READY)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
            self.process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def program(folder: Path, name: str, source: str, *, start: bool = True) -> Iterator[Program]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(source)
    runner = sys.executable if name.endswith(".py") else shutil.which("node")
    if runner is None:
        pytest.skip("node is missing")
    made = Program([runner, name], free_port(), folder)
    try:
        if start:
            made.start()
        yield made
    finally:
        made.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("http") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def worker(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteWorker]:
    """A worker that alone has the label `lab`, and runs nothing but engines over HTTP."""
    with server.client() as client:
        token = client.post("/api/v1/tokens", json={"worker": {}}).json()["result"]["token"]
    flags = ("--native-slots", "0", "--python-slots", "0", "--http-slots", "4", "--label", "lab=4")
    with working(server.url, token, tmp_path_factory.mktemp("worker"), *flags) as started:
        yield started


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text(TEXT)
    return path


def add(server: Server, engine: Program, *options: str) -> str:
    said = server.cli("engine", "add", "Sample", "--url", engine.url, *options)
    assert said.code == 0, said.err
    return said.out.strip()


def create(server: Server, engine_id: str, text: str = TEXT) -> str:
    said = server.cli("job", "create", "--engine", engine_id, "--text", text)
    assert said.code == 0, said.err
    return said.out.split()[0]


def status(server: Server, job: str) -> str:
    told = server.cli("job", "get", job, "--json")
    assert told.code == 0, told.err
    found: str = json.loads(told.out)["jobStatus"]
    return found


def attempts(server: Server, job: str) -> list[dict[str, Any]]:
    with server.client() as client:
        answer = client.get(f"/api/v1/jobs/{job}/tasks/0/attempts")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["result"]
        return found


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("shout.py", {"object": [{"type": "text", "text": TEXT.upper()}]}),
        ("count.mjs", {"object": [{"type": "text", "text": "5 words"}]}),
    ],
)
def test_the_engines_of_the_documentation_work(
    server: Server, tmp_path: Path, letter: Path, name: str, result: dict[str, Any]
) -> None:
    with program(tmp_path / "engine", name, EXAMPLES[name]) as engine:
        engine_id = add(server, engine)
        said = server.cli("engine", "test", engine_id, str(letter), "--output", str(tmp_path / "kept"))
        assert said.code == 0, said.err
        [kept] = (tmp_path / "kept").iterdir()
        assert json.loads(kept.read_bytes()) == result
        shown = server.cli("engine", "test", engine_id, str(letter))
        assert json.dumps(result, separators=(",", ":"))[1:-1] in shown.out.replace("\n", "")


def test_an_engine_that_polls_is_called_again_and_what_it_says_is_in_the_output(
    server: Server, tmp_path: Path, letter: Path
) -> None:
    with program(tmp_path / "engine", "poll.py", EXAMPLES["poll.py"]) as engine:
        engine_id = add(server, engine)
        said = server.cli("engine", "test", engine_id, str(letter), "--json")
        assert said.code == 0, said.err
        job = json.loads(said.out)["jobId"]
    assert [each["outcome"] for each in attempts(server, job)] == ["postponed", "postponed", "complete"]
    with server.client() as client:
        query = "query($id: ID!) { job(id: $id) { tasks { records { output runtimePayload } } } }"
        shown = client.post("/v3/graphql", json={"query": query, "variables": {"id": job}}).json()["data"]["job"]
        [task] = shown["tasks"]["records"]
        told = client.get(f"/edge/v1/proc/job/{job}/detail").json()["job"]["tasks"][0]["taskOutputSON"]
        kinds = [event["kind"] for event in client.get(f"/api/v1/jobs/{job}/events").json()["result"]]
    assert task["output"] == {
        "object": [{"type": "text", "text": "ready at the third call"}],
        "infoMsg": {"polls": 2},
    }
    assert task["runtimePayload"] == {"polls": 2}
    assert json.loads(told) == {"infoMsg": {"polls": 2}}
    assert kinds.count("postponed") == 2


def test_an_engine_like_the_published_sample_works_and_its_refusal_is_shown(
    server: Server, tmp_path: Path, letter: Path
) -> None:
    with program(tmp_path / "engine", "sentiment.py", SENTIMENT) as engine:
        engine_id = add(server, engine, "--category", "Sentiment", "--concurrency", "4")
        said = server.cli("engine", "test", engine_id, str(letter), "--payload", '{"analyze": "document"}')
        assert '{"sentiment":' in said.out.replace('": ', '":'), said
        table = tmp_path / "table.csv"
        table.write_text("name,text\nAda,a wonderful morning\n")
        refused = server.cli("engine", "test", engine_id, str(table))
        assert refused.code == 1
        assert "Sample failed, invalid_data: 400: Unsupported file type text/csv" in refused.err
        shown = json.loads(server.cli("engine", "show", engine_id, "--json").out)
        assert (shown["runningLimit"], shown["kind"]) == (4, "http")
        assert server.cli("engine", "remove", engine_id, "--yes").code == 0
        assert server.cli("engine", "show", engine_id).code == 1


def test_an_engine_that_only_a_worker_reaches_is_called_from_there(
    server: Server, tmp_path: Path, letter: Path, request: pytest.FixtureRequest
) -> None:
    with program(tmp_path / "engine", "shout.py", EXAMPLES["shout.py"]) as engine:
        engine_id = add(server, engine, "--needs", "lab", "--concurrency", "2")
        assert json.loads(server.cli("engine", "show", engine_id, "--json").out)["needs"] == {"lab": 1}
        job = create(server, engine_id)
        until(lambda: "lab" in server.cli("job", "why", job).out, "the job says what is missing")
        worker: RemoteWorker = request.getfixturevalue("worker")
        until(lambda: status(server, job) == "complete", "the worker has called the engine")
        said = server.cli("engine", "test", engine_id, str(letter))
        assert TEXT.upper() in said.out.replace("\n", ""), said
        [attempt] = attempts(server, job)
        assert attempt["worker"].startswith("remote/")
        engine.kill()
        job = create(server, engine_id)
        until(lambda: "engine_unavailable" in server.cli("job", "why", job, "--json").out, "the worker has noticed")
        engine.start()
        until(lambda: status(server, job) == "complete", "the worker has probed the engine")
        assert {each["outcome"] for each in attempts(server, job)} == {"stopped", "complete"}
        assert worker.process is not None
        assert worker.process.poll() is None


@slowly  # a worker learns of a new engine with its next sign of life
def test_an_engine_that_a_worker_calls_is_cancelled(server: Server, tmp_path: Path, worker: RemoteWorker) -> None:
    with program(tmp_path / "slow", "slow.py", SLOW) as engine:
        job = create(server, add(server, engine, "--needs", "lab"))
        until((engine.folder / "called").exists, "the engine was called")
        assert server.cli("job", "cancel", job, "--include-running").code == 0
        until((engine.folder / "closed").exists, "the connection to the engine is closed")
        until(lambda: status(server, job) == "aborted", "the job is aborted")


def test_an_engine_that_is_down_at_first_gets_its_work_when_it_is_up(
    server: Server, tmp_path: Path, letter: Path
) -> None:
    with program(tmp_path / "engine", "shout.py", EXAMPLES["shout.py"], start=False) as engine:
        engine_id = add(server, engine)
        said = server.cli("engine", "test", engine_id, str(letter))
        assert said.code == 1
        assert "The engine is not available: the connection was refused. Job" in said.err
        job = create(server, engine_id)
        until(lambda: "engine_unavailable" in server.cli("job", "why", job, "--json").out, "the job says why it waits")
        why = " ".join(server.cli("job", "why", job).out.split())
        assert 'The engine "Sample" is not available: the connection was refused; it is tried again at' in why
        assert f"enginehouse engine show {engine_id}" in why
        shown = server.cli("engine", "list", "--name", "Sample", "--json").out
        assert "the connection was refused" in [(each["unavailable"] or {}).get("reason") for each in json.loads(shown)]
        engine.start()
        until(lambda: status(server, job) == "complete", "the job is complete")
        assert "unavailable" not in json.loads(server.cli("engine", "show", engine_id, "--json").out)
        assert all(each.get("outcome") != "failed" for each in attempts(server, job))


def test_an_engine_that_is_killed_in_a_call_does_the_work_when_it_is_back(server: Server, tmp_path: Path) -> None:
    with program(tmp_path / "engine", "slow.py", SLOW) as engine:
        engine_id = add(server, engine)
        job = create(server, engine_id)
        until((engine.folder / "called").exists, "the engine is called")
        engine.kill()
        until(lambda: "engine_unavailable" in server.cli("job", "why", job, "--json").out, "the job waits")
        (engine.folder / "go").touch()
        engine.start()
        until(lambda: status(server, job) == "complete", "the job is complete")
        first = attempts(server, job)[0]
        assert first["failureReason"] == "worker_lost"
        assert first["failureDetail"].startswith("The connection to the engine ended while it worked")


def test_a_cancel_closes_the_connection_of_the_call(server: Server, tmp_path: Path) -> None:
    with program(tmp_path / "engine", "slow.py", SLOW) as engine:
        engine_id = add(server, engine)
        job = create(server, engine_id)
        until((engine.folder / "called").exists, "the engine is called")
        assert server.cli("job", "cancel", job, "--include-running").code == 0
        until((engine.folder / "closed").exists, "the engine sees that the connection is closed", 10)
        until(lambda: status(server, job) == "aborted", "the job is aborted")


def test_only_as_many_calls_run_as_the_engine_allows(server: Server, tmp_path: Path) -> None:
    with program(tmp_path / "engine", "slow.py", SLOW) as engine:
        engine_id = add(server, engine)
        jobs = [create(server, engine_id) for _ in range(3)]
        until((engine.folder / "called").exists, "the engine is called")
        assert [status(server, job) for job in jobs].count("running") == 1
        (engine.folder / "go").touch()
        until(lambda: {status(server, job) for job in jobs} == {"complete"}, "all jobs are complete")


def test_nobody_but_an_operator_names_a_private_address(server: Server) -> None:
    with server.client() as client:
        made = client.post("/api/v1/organizations", json={"name": "Tenant"}).json()["result"]
        body = {"name": "t", "organizationID": made["organizationID"], "role": "admin"}
        token = client.post("/api/v1/tokens", json=body).json()["result"]["token"]
    with server.client(token) as tenant:
        answer = tenant.post("/api/v1/engines", json={"name": "n", "url": "http://127.0.0.1:9000"})
    assert answer.status_code == 400
    assert "address 127.0.0.1 is not allowed" in answer.json()["detail"]
