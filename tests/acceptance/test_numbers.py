"""The numbers, the readiness and the lines of a real server; and what reads the numbers names only those that exist."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.acceptance.server import NOOP, task_of
from tests.acceptance.servers import Server, serving

from enginehouse.api.metrics.exposition import PREFIX
from enginehouse.api.metrics.numbers import NUMBERS
from enginehouse.domain.totals import MEASURES

ROOT: Final = Path(__file__).parents[2]
WEBSTREAM: Final = "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255"
SECRET: Final = "a-payload-that-nobody-else-may-see"
_NUMBER: Final = re.compile(r"\b(?:enginehouse|process)_[a-z_]+")
_LABEL: Final = re.compile(r"([a-z_]+) *(?:=~|!=|=)|by \(([^)]*)\)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yields a server that writes every line, on which jobs have ended in three ways."""
    flags = ("--metrics", "open", "--log-level", "debug", "--log-format", "json")
    with serving(tmp_path_factory.mktemp("data"), *flags) as up:
        with up.client() as client:
            for engine, payload in ((NOOP, {}), (NOOP, {}), (WEBSTREAM, {"url": f"http://127.0.0.1:1/{SECRET}"})):
                run(client, engine, payload)
            client.get(f"/api/v1/jobs/{SECRET}")
            for _ in range(3):
                client.get(f"/{SECRET}")
                client.request("PROPFIND", "/edge/v1/ping")
        yield up


def run(client: httpx.Client, engine: str, payload: dict[str, Any]) -> str:
    """A job of one task has ended. Returns its id."""
    answer = client.post("/edge/v1/proc/job/create", json={"jobs": [task_of(engine, payload, maxRetries=0)]})
    assert answer.status_code == 200, answer.text
    [job] = answer.json()["internalJobIds"]
    with client.stream("GET", f"/api/v1/jobs/{job}/events/stream") as events:
        for _ in events.iter_lines():
            pass
    return str(job)


def scraped(server: Server) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Returns the samples of every name, by their labels; a family without samples has its names too."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(httpx.get(f"{server.url}/metrics").text):
        kinds = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        for end in kinds:
            found.setdefault(family.name + end, {})
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def one(samples: dict[tuple[tuple[str, str], ...], float], **labels: str) -> float:
    """Returns the sum of the samples with these labels."""
    return sum(value for named, value in samples.items() if labels.items() <= dict(named).items())


def test_a_scrape_has_every_number_and_counts_what_has_happened(server: Server) -> None:
    numbers = scraped(server)
    declared = {number.name for number in NUMBERS} | {
        name + ("_bucket" if measure.bounds else "") for name, measure in MEASURES.items()
    }
    assert {PREFIX + name for name in declared} <= numbers.keys()
    assert numbers["enginehouse_jobs_created_total"][()] == 3
    assert numbers["enginehouse_jobs_started_total"][()] == 3
    ended = numbers["enginehouse_jobs_ended_total"]
    assert (one(ended, outcome="complete"), one(ended, outcome="failed")) == (2, 1)
    assert one(numbers["enginehouse_attempts_ended_total"], engine="noop", outcome="complete") == 2
    assert one(numbers["enginehouse_tasks_ended_total"], outcome="failed") == 1
    assert one(numbers["enginehouse_leases_total"], engine="noop") == 2
    assert numbers["enginehouse_job_start_seconds_count"][()] == 3
    assert one(numbers["enginehouse_job_start_seconds_bucket"], le="+Inf") == 3
    assert one(numbers["enginehouse_job_seconds_count"]) == 3
    assert numbers["enginehouse_commit_seconds_count"][()] >= 6
    assert one(numbers["enginehouse_batch_calls_sum"], verb="create") == 3
    assert one(numbers["enginehouse_batch_calls_sum"], verb="finish") == 3
    assert 0 < one(numbers["enginehouse_batch_seconds_sum"], verb="create") < 60
    assert numbers["process_resident_memory_bytes"][()] > 1 << 20


def test_requests_are_counted_by_their_route_and_never_by_their_path(server: Server) -> None:
    numbers = scraped(server)
    requests = numbers["enginehouse_http_request_seconds_count"]
    assert one(requests, method="POST", route="/edge/v1/proc/job/create", status="200") == 3
    assert one(requests, route="/api/v1/jobs/{JobID}", status="400") == 1
    assert one(requests, route="other", status="404") == 3
    assert one(requests, method="other", route="/edge/v1/ping", status="405") == 3
    assert SECRET not in httpx.get(f"{server.url}/metrics").text


def test_the_lines_tell_of_requests_ends_and_failures_and_hold_no_payload(server: Server) -> None:
    with server.client() as client:
        client.get("/edge/v1/ping", headers={"X-Correlation-ID": "the-last-one"})
    server.heard_until("the-last-one")
    lines = [json.loads(line) for line in server.heard if line.startswith("{")]
    by_words: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_words.setdefault(line["event"], []).append(line)
    [created, *_] = [line for line in by_words["a request was answered"] if line["route"].endswith("/proc/job/create")]
    assert created["method"] == "POST"
    assert created["status"] == 200
    assert created["organization"] == 1
    assert created["ms"] > 0
    assert created["correlation_id"]
    ends = by_words["a job has ended"]
    assert [end["outcome"] for end in ends] == ["complete", "complete", "failed"]
    assert {end["level"] for end in ends} == {"debug", "info"}
    assert all(end["tasks"] == 1 and end["organization"] == 1 and end["seconds"] >= 0 for end in ends)
    [failure] = by_words["an attempt has failed"]
    assert failure["task"].startswith(ends[2]["job"])
    assert failure["tried_again"] is False
    assert failure["reason"]
    assert SECRET not in "".join(server.heard)


def test_the_server_lives_and_is_ready_and_says_when_its_keeper_has_ended(server: Server) -> None:
    alive = httpx.get(f"{server.url}/livez")
    assert (alive.status_code, alive.json()) == (200, {"alive": True})
    [keeper] = [pid for pid in children(server.process.pid) if b"keeper_main" in command(pid)]
    os.kill(keeper, signal.SIGKILL)
    until = time.monotonic() + 30
    while (state := httpx.get(f"{server.url}/readyz")).status_code == 200:
        assert time.monotonic() < until, "an answer is a second old at most"
    assert state.json()["parts"] == {
        "database": None,
        "store": None,
        "keeper": "The keeper of engine processes has ended with -9, and so have its engines. Another one was started.",
    }
    while (state := httpx.get(f"{server.url}/readyz")).status_code == 503:
        assert time.monotonic() < until, "the new keeper runs"
    assert state.json()["problem"] is None
    [another] = [pid for pid in children(server.process.pid) if b"keeper_main" in command(pid)]
    assert another != keeper


def children(pid: int) -> list[int]:
    found = list[int]()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread has ended meanwhile
            found += map(int, (task / "children").read_text().split())
    return found


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_the_dashboard_for_grafana_and_the_alerts_ask_for_numbers_and_labels_that_exist(server: Server) -> None:
    board = json.loads((ROOT / "deploy/grafana.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked += re.findall(r"expr: (.*)", (ROOT / "docs/how-to/monitor.md").read_text())
    assert len(asked) > 30
    numbers = scraped(server)
    measured = {PREFIX + name: set(measure.labels) for name, measure in MEASURES.items()}
    measured |= {PREFIX + number.name: set(number.labels) for number in NUMBERS}
    for expr in asked:
        names = set(_NUMBER.findall(expr)) - {"process"}
        assert names, expr
        assert names <= numbers.keys(), expr
        known = {"instance", "le", "version"}.union(*(measured.get(_family(name), set()) for name in names))
        used = {label for pair in _LABEL.findall(expr) for part in pair for label in part.replace(",", " ").split()}
        assert used <= known, expr
    used_names = {_family(name) for expr in asked for name in _NUMBER.findall(expr)}
    assert measured.keys() <= used_names, "a number that no panel shows"
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]}
    assert len(places) == len(board["panels"])


def _family(name: str) -> str:
    return re.sub(r"_(?:bucket|sum|count)$", "", name) if name.removeprefix(PREFIX) not in MEASURES else name
