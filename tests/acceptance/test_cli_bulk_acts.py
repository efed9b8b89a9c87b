"""`enginehouse job retry`, `cancel`, `stop`, `pause` and `resume` on every job that matches flags, and their undo."""

import json
import os
import pty
from collections.abc import Iterator
from typing import Any

import pytest
from tests.acceptance.servers import Said, Server


@pytest.fixture
def waiting(server: Server) -> Iterator[list[str]]:
    """Yields three jobs that wait, because their organization is paused."""
    assert server.cli("organization", "pause", "1").code == 0
    jobs = [
        server.cli("job", "create", "--engine", "sentiment-vader", "--text", "It waits.").out.strip() for _ in range(3)
    ]
    yield jobs
    server.cli("job", "stop", "--status", "pending", "--status", "queued", "--yes")
    assert server.cli("organization", "resume", "1").code == 0


def told(said: Said) -> Any:
    assert said.code == 0, said.err
    return json.loads(said.out)


def named(jobs: list[str]) -> list[str]:
    return [part for job in jobs for part in ("--job", job)]


def test_a_plan_says_what_would_happen_and_changes_nothing(server: Server, waiting: list[str]) -> None:
    server.cli("job", "pause", waiting[0])
    said = server.cli("job", "pause", *named(waiting), "--plan")
    assert said.out == (
        "3 jobs match; 2 would be paused. Left alone: 1. The job is paused already.\n"
    )  # fmt: skip
    assert told(server.cli("job", "pause", *named(waiting), "--plan", "--json"))["changes"] == 2


def test_jobs_are_paused_and_exactly_these_are_resumed(server: Server, waiting: list[str]) -> None:
    server.cli("job", "pause", waiting[0])
    act = told(server.cli("job", "pause", *named(waiting), "--engine", "vader", "--yes", "--json"))
    assert (act["matched"], act["applied"], act["undo"]) == (3, 2, "resume")
    said = server.cli("job", "undo", act["id"])
    assert said.out == "2 of 2 jobs resumed.\n"
    paused = ["pausedDateTime" in told(server.cli("job", "get", job, "--json")) for job in waiting]
    assert paused == [True, False, False]
    listed = server.cli("job", "acts").out
    assert "taken back" in listed
    assert told(server.cli("job", "resume", "--paused", *named(waiting), "--yes", "--json"))["applied"] == 1


def test_a_number_confirms_and_refuses_more(server: Server, waiting: list[str]) -> None:
    refused = server.cli("job", "cancel", *named(waiting), "--confirm", "2")
    assert refused.code == 1
    assert "3 jobs match; 3 would be cancelled. That is more than --confirm 2. Nothing was changed." in refused.err
    said = server.cli("job", "cancel", *named(waiting), "--confirm", "3", "--idempotency-key", waiting[0])
    assert said.out == "3 of 3 jobs cancelled.\n"
    again = server.cli("job", "cancel", *named(waiting), "--confirm", "3", "--idempotency-key", waiting[0], "--json")
    assert told(again)["applied"] == 3, "done once"


def test_where_nobody_can_be_asked_nothing_happens_without_yes(server: Server, waiting: list[str]) -> None:
    said = server.cli("job", "stop", *named(waiting))
    assert said.code == 1
    assert "Nothing was changed. Use --yes to do it without a question." in said.err


@pytest.mark.parametrize(("answer", "status", "code"), [("y", "aborted", 0), ("n", "pending", 1)])
def test_on_a_terminal_the_person_is_asked(
    server: Server, waiting: list[str], answer: str, status: str, code: int
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    with os.fdopen(theirs, "rb") as terminal:
        ended = server.cli("job", "stop", *named(waiting), stdin=terminal)
    os.close(ours)
    assert "3 jobs match; 3 would be cancelled or being stopped. Stop them?" in ended.err
    assert ended.code == code
    found = {told(server.cli("job", "get", job, "--json"))["jobStatus"] for job in waiting}
    assert found <= {status, "queued" if status == "pending" else status}


def test_failed_jobs_run_again_under_their_ids(server: Server) -> None:
    job = server.cli("job", "create", "--engine", "webstream", "--from", "http://127.0.0.1:1/not-there").out.strip()
    server.cli("job", "watch", job)
    before = told(server.cli("job", "attempts", job, "--json"))
    act = told(server.cli("job", "retry", "--status", "failed", "--job", job, "--yes", "--json"))
    assert (act["applied"], act["undo"]) == (1, "cancel")
    server.cli("job", "watch", job)
    assert len(told(server.cli("job", "attempts", job, "--json"))) > len(before)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("retry",), "Give a job, or flags that say which jobs"),
        (("pause", "JOB", "--status", "pending"), "Give a job, or flags that say which jobs, not both."),
        (("retry", "--status", "odd", "--plan"), "rule.statuses[0]: one of pending, queued"),
        (("cancel", "--organization", "1", "--status", "pending"), "--organization: only with a range of time"),
        (("undo", "77777"), 'BulkAct "77777" was not found.'),
    ],
)
def test_what_makes_no_sense_is_said(server: Server, given: tuple[str, ...], sentence: str) -> None:
    said = server.cli("job", *given)
    assert said.code in (1, 2)
    assert sentence in said.err
