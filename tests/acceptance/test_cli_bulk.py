"""`enginehouse job cancel` on a range of time: it shows the number, asks, and reports what was done."""

import json
import os
import pty
from collections.abc import Iterator
from typing import Any

import pytest
from tests.acceptance.servers import Said, Server

RANGE = ("--created-after", "2020-01-01", "--created-before", "2100-01-01")


@pytest.fixture
def waiting(server: Server) -> Iterator[list[str]]:
    """Yields three jobs that wait, because their organization is paused."""
    assert server.cli("organization", "pause", "1").code == 0
    jobs = [
        server.cli("job", "create", "--engine", "sentiment-vader", "--text", "It waits.").out.strip() for _ in range(3)
    ]
    yield jobs
    server.cli("job", "cancel", *RANGE, "--yes")
    assert server.cli("organization", "resume", "1").code == 0


def _json(said: Said) -> Any:
    assert said.code == 0, said.err
    return json.loads(said.out)


def _statuses(server: Server, jobs: list[str]) -> set[str]:
    return {_json(server.cli("job", "get", job, "--json"))["jobStatus"] for job in jobs}


def test_a_dry_run_counts_and_changes_nothing(server: Server, waiting: list[str]) -> None:
    said = server.cli("job", "cancel", *RANGE, "--dry-run")
    assert (said.code, said.out) == (0, "3 jobs would be cancelled.\n")
    assert "aborted" not in _statuses(server, waiting)


def test_where_nobody_can_be_asked_nothing_happens_without_yes(server: Server, waiting: list[str]) -> None:
    said = server.cli("job", "cancel", *RANGE)
    assert said.code == 1
    assert "3 jobs would be cancelled. Nothing was changed. Use --yes" in said.err
    assert "aborted" not in _statuses(server, waiting)


def test_with_yes_all_are_cancelled_and_their_rows_written(server: Server, waiting: list[str]) -> None:
    found = _json(server.cli("job", "cancel", *RANGE, "--organization", "1", "--yes", "--json"))
    assert (found["count"], found["settled"]) == (3, 3)
    assert found["settledDateTime"]
    assert _statuses(server, waiting) == {"aborted"}
    assert server.cli("job", "cancel", *RANGE, "--yes").out == "0 jobs cancelled.\n"


@pytest.mark.parametrize(("answer", "status", "code"), [("y", "aborted", 0), ("n", "pending", 1)])
def test_on_a_terminal_the_person_is_asked(
    server: Server, waiting: list[str], answer: str, status: str, code: int
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    with os.fdopen(theirs, "rb") as terminal:
        ended = server.cli("job", "cancel", *RANGE, stdin=terminal)
    os.close(ours)
    assert "3 jobs would be cancelled. Cancel them?" in ended.err
    assert ended.code == code
    assert _statuses(server, waiting) <= {status, "queued" if status == "pending" else status}


@pytest.mark.parametrize("given", [("--created-after", "2020-01-01"), ("--yes",), ("JOB", *RANGE)])
def test_half_a_range_and_a_range_beside_a_job_are_refused(server: Server, given: tuple[str, ...]) -> None:
    said = server.cli("job", "cancel", *given)
    assert said.code == 2
    assert said.err.startswith("enginehouse: Give a job")
