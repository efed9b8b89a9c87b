"""The numbers of an organization on two servers and one PostgreSQL: all counts once, and each server tells of all."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from tests.acceptance.server import NOOP, TOKEN, task_of
from tests.acceptance.servers import DEADLINE, Server, serving
from tests.postgres import FSYNC, PostgresServer

from enginehouse.client import Client, overview

MOVES: Final = ("created", "started", "complete", "failed", "aborted")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers on one database."""

    one: Server
    two: Server


@pytest.fixture(scope="module")
def pair(postgres: PostgresServer, postgres_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    name = asyncio.run(postgres.create(postgres_template))
    folder = tmp_path_factory.mktemp("pair")
    flags = ["--database", postgres.dsn(name), "--artifacts", str(folder / "bytes"), "--metrics", "open"]
    flags += ["--allow-unsafe-durability"] if FSYNC == "off" else []
    variables = {"AIWARE_INIT_TOKEN": TOKEN, "ENGINEHOUSE_SECRET_KEY": "5" * 64}
    with (
        serving(folder / "one", *flags, environment=variables) as one,
        serving(folder / "two", *flags, environment=variables) as two,
    ):
        yield Pair(one, two)


def create(server: Server, jobs: int) -> None:
    with server.client(TOKEN) as client:
        answer = client.post("/edge/v1/proc/job/create", json={"jobs": [task_of(NOOP, {})] * jobs})
        assert answer.status_code == 200, answer.text


def until_complete(server: Server, jobs: int) -> dict[str, int]:
    """Returns the jobs by status from the server's stream, once so many are complete."""
    found: dict[str, int] = {}
    with server.client(TOKEN) as client, client.stream("GET", "/api/v1/overview/stream?heartbeat=1") as lines:
        overdue = threading.Timer(DEADLINE, lines.close)
        overdue.start()
        for line in lines.iter_lines():
            if line.startswith("data: "):
                found = json.loads(line.removeprefix("data: "))["jobs"]
                if found["complete"] >= jobs:
                    break
        overdue.cancel()
    assert found["complete"] == jobs, found
    return found


def rates(server: Server) -> list[int]:
    with server.client(TOKEN) as client:
        points = client.get("/api/v1/overview/rates").json()["result"]
    return [sum(point[move] for point in points) for move in MOVES]


@pytest.fixture(scope="module")
def worked(pair: Pair) -> tuple[list[Any], list[list[int]]]:
    """Both servers have done thirty jobs each. Returns what the stream of one told, and the rates of both."""
    heard: list[Any] = []
    following = threading.Thread(target=lambda: heard.append(until_complete(pair.two, 60)))
    following.start()
    creating = [threading.Thread(target=create, args=(server, 30)) for server in (pair.one, pair.two)]
    for thread in creating:
        thread.start()
    for thread in creating:
        thread.join(DEADLINE)
    following.join(DEADLINE)
    heard.append(until_complete(pair.one, 60))
    return heard, [rates(server) for server in (pair.one, pair.two)]


def test_a_stream_tells_what_another_server_did_and_rates_count_it_once(worked: tuple[Any, Any]) -> None:
    heard, counted = worked
    assert [one["failed"] for one in heard] == [0, 0]
    assert counted == [[60, 60, 60, 0, 0]] * 2


@pytest.mark.usefixtures("worked")
def test_the_command_line_shows_the_numbers(pair: Pair) -> None:
    environment = ["--url", pair.one.url, "--token", TOKEN]
    shown = pair.one.cli("overview", *environment)
    assert shown.code == 0, shown.err
    assert "complete" in shown.out
    found = json.loads(pair.one.cli("overview", *environment, "--json").out)
    jobs = found["jobs"]["complete"]
    assert jobs >= 60
    assert str(jobs) in shown.out
    points = json.loads(pair.one.cli("overview", *environment, "--rates", "--step", "3600", "--json").out)
    assert sum(point["complete"] for point in points) == jobs
    assert "created" in pair.one.cli("overview", *environment, "--rates").out
    [numbers] = [
        one
        for one in json.loads(pair.one.cli("engine", "numbers", *environment, "--json").out)
        if one["engineID"] == NOOP
    ]
    assert (numbers["waiting"], numbers["running"], numbers["failures"]) == (0, 0, {})
    assert "No operation" in pair.one.cli("engine", "numbers", *environment).out
    for wrong in (("--rates", "--follow"), ("--step", "60"), ("--since", "2026-01-01")):
        refused = pair.one.cli("overview", *environment, *wrong)
        assert refused.code == 2
        assert "--rates" in refused.err


@pytest.mark.usefixtures("worked")
def test_the_client_follows_the_numbers_and_goes_on_at_a_new_connection(pair: Pair) -> None:
    with Client(pair.two.url, TOKEN) as client:
        following = overview.follow(client, heartbeat=1)
        before = next(following)["jobs"]["complete"]
        create(pair.one, 1)
        while (found := next(following)["jobs"])["complete"] == before:
            assert found["failed"] == 0
        assert found["complete"] == before + 1


@pytest.mark.usefixtures("worked")
def test_each_server_counts_its_own_and_both_know_what_is_stored(pair: Pair) -> None:
    created, stored = [], []
    for server in (pair.one, pair.two):
        text = httpx.get(f"{server.url}/metrics").text
        created.append(float(re.findall(r"^enginehouse_jobs_created_total (\S+)", text, re.MULTILINE)[0]))
        stored.append(re.findall(r'^enginehouse_jobs{status="complete"} (\S+)', text, re.MULTILINE))
    assert sum(created) == sum(float(number) for number in stored[0])
    assert min(created) >= 30
    assert stored[0] == stored[1]
