"""`enginehouse schedule …` against a real server: a person's words describe a schedule, it fires, and has a history."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.servers import DEADLINE, Said, Server

PAYLOAD = '{"text": "I love this."}'
WHAT = ("--engine", "sentiment-vader", "--payload", PAYLOAD)
PRAGUE = ("--zone", "Europe/Prague")


def done(said: Said) -> str:
    assert said.code == 0, said.err
    return said.out.strip()


def loaded(said: Said) -> Any:
    return json.loads(done(said))


def created(server: Server, *flags: str) -> str:
    return done(server.cli("schedule", "create", "nightly", *flags, *WHAT))


def refused(said: Said) -> str:
    assert said.code == 2, said
    return said.err.strip()


def test_a_schedule_runs_and_its_slot_names_the_job(server: Server) -> None:
    schedule_id = created(server, "--now")
    until = time.monotonic() + DEADLINE
    while not (slots := loaded(server.cli("schedule", "history", schedule_id, "--json"))):
        assert time.monotonic() < until, "nothing was fired"
    [slot] = slots
    assert slot["outcome"] == "fired"
    [job_id] = slot["jobIds"]
    assert server.cli("job", "watch", job_id).code == 0
    assert job_id in done(server.cli("schedule", "history", schedule_id))
    assert done(server.cli("schedule", "delete", schedule_id, "--yes")) == "deleted"
    assert server.cli("schedule", "show", schedule_id).code == 1
    assert server.cli("job", "get", job_id).code == 0


def test_a_run_by_hand_gives_its_tasks_a_payload(server: Server) -> None:
    schedule_id = created(server, "--once")
    job_id = done(server.cli("schedule", "run", schedule_id, "--payload", '{"text": "Dreadful."}'))
    assert server.cli("job", "watch", job_id).code == 0
    [task] = loaded(server.cli("job", "get", job_id, "--json"))["tasks"]
    assert json.loads(task["taskPayloadJSON"]) == {"text": "Dreadful."}


def test_it_is_told_in_words_what_was_created(server: Server) -> None:
    said = server.cli("schedule", "create", "x", "--every", "mon and fri at 8am", *PRAGUE, *WHAT)
    assert re.fullmatch(r"\d+\n", said.out)
    assert "Runs every Monday and Friday at 08:00 (Europe/Prague). Next: " in said.err
    shown = loaded(server.cli("schedule", "show", said.out.strip(), "--json"))
    assert shown["weeklyScheduleParts"] == [
        {"scheduledDay": "Monday", "startTime": "08:00"},
        {"scheduledDay": "Friday", "startTime": "08:00"},
    ]
    assert "Runs every Monday and Friday" in done(server.cli("schedule", "show", said.out.strip()))
    assert said.out.strip() in done(server.cli("schedule", "list"))


def test_explain_tells_the_next_run_in_both_zones(server: Server) -> None:
    schedule_id = created(server, "--every", "day at 21:30", *PRAGUE, "--from", "2030-12-01")
    what, following = done(server.cli("schedule", "explain", schedule_id, "--my-zone", "Asia/Tokyo")).splitlines()
    assert what == "Runs every day at 21:30 (Europe/Prague), from Sunday, 1 December 2030 at 00:00."
    assert following.startswith(
        "Next: Sunday, 1 December 2030 at 21:30 (Europe/Prague), Monday, 2 December 2030 at 05:30 (Asia/Tokyo), in "
    )


def test_what_is_only_described_is_foreseen_and_not_created(server: Server) -> None:
    before = loaded(server.cli("schedule", "list", "--json"))["count"]
    said = server.cli("schedule", "preview", "--cron", "30 2 * * *", *PRAGUE, "--from", "2027-03-27", "--count", "2")
    lines = done(said).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z"]
    assert "gap" in lines[2]
    assert (
        "warning: 02:30 does not exist on 2027-03-28 and 2028-03-26 in Europe/Prague; on those days it runs at 03:00."
        in said.err
    )
    assert loaded(server.cli("schedule", "list", "--json"))["count"] == before
    assert done(server.cli("schedule", "preview", "--once")) == "It runs when it is launched."


def test_pause_resume_update_and_cancel(server: Server) -> None:
    schedule_id = created(server, "--every", "hour", "--paused")
    assert loaded(server.cli("schedule", "show", schedule_id, "--json"))["isActive"] is False
    assert done(server.cli("schedule", "resume", schedule_id)) == "resumed"
    assert done(server.cli("schedule", "pause", schedule_id)) == "paused"
    flags = (
        "--overlap",
        "skip",
        "--jitter",
        "2 min",
        "--exclude",
        "2030-12-24",
        "--until",
        "2031-01-01 12:00",
        *PRAGUE,
    )
    changed = loaded(server.cli("schedule", "update", schedule_id, *flags, *PRAGUE, "--json"))
    assert (changed["overlapPolicy"], changed["jitterSeconds"], changed["excludedDates"], changed["stopDateTime"]) == (
        "skip", 120, ["2030-12-24"], "2031-01-01T11:00:00Z",
    )  # fmt: skip
    assert changed["recurringScheduleParts"] == [{"repeatInterval": 1, "repeatIntervalUnit": "Hours"}]
    assert done(server.cli("schedule", "cancel", schedule_id)) == "paused; 0 of its jobs cancelled"


@pytest.mark.parametrize("key", ["taskTemplates", "tasks"])
def test_a_template_comes_from_a_file(server: Server, tmp_path: Path, key: str) -> None:
    [engine] = [one for one in loaded(server.cli("engine", "list", "--json")) if one["id"] and "VADER" in one["name"]]
    file = tmp_path / "template.json"
    file.write_text(json.dumps({key: [{"engineId": engine["id"], "payload": {"text": "Fine."}}]}))
    schedule_id = done(server.cli("schedule", "create", "x", "--once", "--template", str(file)))
    job_id = done(server.cli("schedule", "run", schedule_id))
    assert server.cli("job", "watch", job_id).code == 0


def test_what_cannot_be_is_refused_before_anything_is_sent(server: Server, tmp_path: Path) -> None:
    def create(*flags: str) -> str:
        return refused(server.cli("schedule", "create", "x", *flags))

    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"jobs": []}')
    assert "When?" in create(*WHAT)
    assert "What?" in create("--once")
    assert "Give one of --every, --cron" in create("--once", "--cron", "0 6 * * *", *WHAT)
    assert "--every: at which time?" in create("--every", "day", *WHAT)
    assert "--from:" in create("--once", "--from", "soon", *WHAT)
    assert '--zone: "Europe/Pragu" is not an IANA zone. Did you mean "Europe/Prague"?' in create(
        "--once", "--zone", "Europe/Pragu", "--from", "tomorrow", *WHAT
    )
    assert "taskTemplates" in create("--once", "--template", str(wrong))
    assert "--payload goes with --engine" in create("--once", "--payload", "{}")
    assert "at least one flag" in refused(server.cli("schedule", "update", "1"))
    assert "Give the id of a schedule, or describe one" in refused(server.cli("schedule", "explain"))


def test_what_the_server_refuses_is_one_line(server: Server) -> None:
    said = server.cli("schedule", "create", "x", "--cron", "0 25 * * *", *WHAT)
    assert (said.code, said.err) == (1, 'enginehouse: cron: field 2 (hour): "25" is not 0–23.\n')
    missing = server.cli("schedule", "pause", "999999")
    assert (missing.code, missing.err) == (1, 'enginehouse: ScheduledJob "999999" was not found.\n')
