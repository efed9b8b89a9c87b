"""The command shows why a job waits on a real server, and its advice helps."""

import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.server import offer
from tests.acceptance.servers import Said, Server, serving

NO_SANDBOX = {"ENGINEHOUSE_ENGINE_SANDBOX": "none"}  # the engine waits for a file of the test
TEXT = "I love this. It is a wonderful morning."
SENTIMENT = "b1f0a9d4-2c67-4e83-8a15-96d07c3e5f42"


def workers(data: Path) -> list[str]:
    """Returns the workers in the database, read while the server is down."""
    with closing(sqlite3.connect(data / "enginehouse.db")) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM worker")]


def told(said: Said) -> Any:
    assert said.code == 0, said.err
    return json.loads(said.out)


def lines(said: Said) -> list[str]:
    assert said.code == 0, said.err
    return [line.rstrip() for line in said.out.splitlines()]


def test_a_job_waits_for_a_worker_and_runs_when_there_is_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, "--python-slots", "0") as server:
        made = server.cli("job", "create", "--engine", "sentiment-vader", "--text", TEXT)
        assert made.err.splitlines() == [
            'warning: tasks[0]: no worker for engine "Sentiment (VADER)" is connected; the task will wait.'
        ]
        job = made.out.strip()
        first, *_, last = lines(server.cli("job", "why", job))
        word, said = re.fullmatch(rf"job {job}: (\w+)\. (.*)", first).groups()  # type: ignore[union-attr]
        assert word in ("pending", "queued")
        assert said == 'No worker for the engine "Sentiment (VADER)" is connected.'
        assert last == "start a server that has the engine, with --python-slots; see: enginehouse worker list"
        [worker] = told(server.cli("worker", "list", "--json"))
        assert worker["slots"] == {"native": 512, "python": 0, "http": 32}
        assert worker["connected"]
        assert SENTIMENT not in worker["engineIDs"]
        assert f":{server.process.pid}" in worker["name"]
    # A regular stop removes the worker from the list.
    assert workers(data) == []
    with serving(data) as server:
        watched = server.cli("job", "watch", job)
        assert watched.code == 0, watched.err
        assert lines(server.cli("job", "why", job))[0] == f"job {job}: complete. It is complete."


def test_a_new_server_knows_nobody_of_the_one_that_was_killed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        server.process.kill()
        server.process.wait()
        assert len(workers(data)) == 1
    with serving(data) as server:
        [worker] = told(server.cli("worker", "list", "--json"))
        assert worker["name"].endswith(f":{server.process.pid}")


def test_what_helps_is_what_it_says(server: Server) -> None:
    """For every pause, the command that the output names lets the job run."""
    [own] = told(server.cli("organization", "list", "--json"))
    paused = [
        ("engine", SENTIMENT, 'The engine "Sentiment (VADER)" is paused.'),
        ("organization", own["organizationID"], "The organization is paused."),
    ]
    for noun, name, reason in paused:
        assert server.cli(noun, "pause", name).code == 0
        job = server.cli("job", "create", "--engine", "sentiment-vader", "--text", TEXT).out.strip()
        first, *_, last = lines(server.cli("job", "why", job))
        assert first.endswith(f". {reason}")
        advised = last.partition("enginehouse ")[2].split()
        assert advised[:2] == [noun, "resume"]
        assert server.cli(*advised).code == 0
        assert server.cli("job", "watch", job).code == 0


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Server]:
    """Yields a server with one Python worker slot and an engine that waits for the file that its payload names."""
    path = os.pathsep.join([offer(tmp_path / "offered", "waits"), *filter(None, [os.environ.get("PYTHONPATH")])])
    with serving(tmp_path / "data", "--python-slots", "1", environment={"PYTHONPATH": path, **NO_SANDBOX}) as server:
        yield server


def running(client: httpx.Client, job: str) -> None:
    """The job has started."""
    deadline = time.monotonic() + 60
    while client.get(f"/edge/v1/proc/job/{job}/status").json()["job"]["jobStatus"] != "running":
        assert time.monotonic() < deadline


def test_jobs_wait_for_the_only_slot_and_say_how_many_are_ahead(tmp_path: Path, busy: Server) -> None:
    gate, runs = tmp_path / "gate", tmp_path / "runs"
    payload = json.dumps({"gate": str(gate), "runs": str(runs)})
    holding, *rest = [
        busy.cli("job", "create", "--engine", "waits", "--payload", payload).out.strip() for _ in range(3)
    ]
    with busy.client() as client:
        running(client, holding)
        for ahead, job in enumerate(rest):
            [task] = client.get(f"/api/v1/jobs/{job}/why").json()["result"]["tasks"]
            [reason] = task["reasons"]
            assert (reason["kind"], reason["slots"], reason["slotsTaken"]) == ("no_free_slot", 1, 1)
            assert (reason["itemsAhead"], reason["moreAhead"]) == (ahead, False)
    shown = lines(busy.cli("job", "why", rest[1]))
    assert shown[0].endswith(". The only python slot is taken and 1 item of its organization is ahead of it.")
    assert shown[-1] == "start a server that has more worker slots, with --python-slots; see: enginehouse worker list"
    assert lines(busy.cli("job", "why", holding))[0] == f"job {holding}: running. It is running."
    gate.touch()
    for job in (holding, *rest):
        assert busy.cli("job", "watch", job).code == 0
