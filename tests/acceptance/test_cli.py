"""The commands against a real server, for people and, with --json, for programs."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.servers import Said, Server, call, serving

TEXT = "I love this. It is a wonderful morning."


def _json(said: Said) -> Any:
    assert said.code == 0, said.err
    return json.loads(said.out)


def _created(server: Server, *more: str) -> str:
    said = server.cli("job", "create", "--engine", "sentiment-vader", "--text", TEXT, *more)
    assert said.code == 0, said.err
    return said.out.strip()


def _one_line(said: Said) -> str:
    [line] = said.err.splitlines()
    assert line.startswith("enginehouse: ")
    return line


def test_the_smallest_job_from_create_to_results(server: Server, tmp_path: Path) -> None:
    job = _created(server)
    watched = server.cli("job", "watch", job)
    assert watched.code == 0, watched.err
    assert "\x1b[" not in watched.out
    assert watched.out.splitlines()[-1] == f"job {job}: complete"
    [output] = _json(server.cli("job", "results", job, "--json"))["outputs"]
    shown = server.cli("job", "results", job, "--name", output["name"])
    assert json.loads(shown.out)["sentiment"]["positiveValue"] > 0
    saved = _json(server.cli("job", "results", job, "--save", str(tmp_path), "--json"))["saved"]
    assert [Path(path).read_text() for path in saved] == [shown.out]


@pytest.mark.parametrize("name", ["sentiment-vader", "VADER", "b1f0a9d4-2c67-4e83-8a15-96d07c3e5f42"])
def test_an_engine_is_found_by_slug_name_and_id(server: Server, name: str) -> None:
    said = server.cli("job", "create", "--engine", name, "--text", TEXT, "--watch", "--json")
    assert _json(said)["jobStatus"] == "complete"


def test_an_engine_that_is_not_there_or_not_clear_is_refused(server: Server) -> None:
    assert "engine list" in _one_line(server.cli("job", "create", "--engine", "nobody", "--text", TEXT))
    assert "a part of the names" in _one_line(server.cli("job", "create", "--engine", "er", "--text", TEXT))


def test_a_file_is_uploaded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"# Morning\n\n{TEXT}")
    said = server.cli(
        "job", "create", "--engine", "sentiment-vader", "--file", str(tmp_path / "a.md"), "--watch", "--json"
    )
    assert _json(said)["jobStatus"] == "complete"


@pytest.mark.parametrize(
    "request_",
    [
        {"jobs": [{"tasks": [{"engineId": "noop"}]}, {"tasks": [{"engineId": "noop"}]}]},
        {"tasks": [{"engineId": "noop", "payload": {"a": 1}}]},
        {"input": {"tasks": [{"engineId": "noop"}]}},
    ],
)
def test_a_request_of_either_interface_is_taken_from_a_file(server: Server, request_: dict[str, Any]) -> None:
    made = _json(server.cli("job", "create", "--request", "-", "--json", stdin=json.dumps(request_)))
    assert len(made["ids"]) == len(request_.get("jobs", [1]))
    for job in made["ids"]:
        assert server.cli("job", "watch", job).code == 0


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({"jobs": [{"tasks": [{"engineId": "nobody"}]}]}, "jobs[0].tasks[0].engineId"),
        ({"tasks": [{"engineId": "nobody"}]}, "tasks[0].engineId"),
    ],
)
def test_the_same_problem_reads_the_same_whichever_interface_was_used(
    server: Server, request_: dict[str, Any], path: str
) -> None:
    said = server.cli("job", "create", "--from", "-", stdin=json.dumps(request_))
    assert said.code == 1
    line = _one_line(said)
    assert path in line
    assert "nobody" in line


def test_a_failed_job_says_which_task_and_why(server: Server) -> None:
    said = server.cli("job", "create", "--engine", "sentiment-vader", "--watch")
    assert said.code == 1
    line = _one_line(said)
    assert "invalid_data" in line
    assert "payload.text" in line


def test_a_failure_has_one_word_wherever_it_is_shown(server: Server) -> None:
    """The documented interface has another word for it: unauthorized."""
    said = server.cli("job", "create", "--engine", "webstream", "--from", "http://127.0.0.1:1/", "--watch", "--json")
    job = json.loads(said.out)["coreJobID"]
    assert "failed, url_not_allowed: " in _one_line(said)
    for shown in ("get", "watch", "items", "attempts", "events"):
        assert "url_not_allowed: " in server.cli("job", shown, job).out
        assert "unauthorized" not in server.cli("job", shown, job).out
    assert job in server.cli("job", "list", "--reason", "url_not_allowed").out
    assert job in server.cli("job", "list", "--failure", "url_not_allowed", "--created-after", "1h ago").out
    assert "No job matches" in server.cli("job", "list", "--created-before", "yesterday").err


def test_a_name_of_a_job_is_shown_and_found(server: Server) -> None:
    request = json.dumps({"name": "nightly report", "tasks": [{"engineId": "noop"}]})
    job = server.cli("job", "create", "--request", "-", stdin=request).out.strip()
    [found] = _json(server.cli("job", "list", "--name", "nightly report", "--json"))["result"]
    assert (found["coreJobID"], found["jobName"]) == (job, "nightly report")
    assert "nightly report" in server.cli("job", "list").out
    assert "nightly report" in server.cli("job", "get", job).out


def test_the_old_names_of_options_go_on_working(server: Server, tmp_path: Path) -> None:
    address = ("--url", server.url, "--token", server.token)
    (tmp_path / "job.json").write_text('{"jobs": [{"tasks": [{"engineId": "noop"}]}]}')
    made = call("job", "create", "--from", str(tmp_path / "job.json"), "--server", server.url, *address[2:])
    assert re.fullmatch(r"\d{8}_\w{10}\n", made.out), made.err
    read = ("job", "create", "--engine", "webstream", "--url", "http://127.0.0.1:1/", "--server", server.url)
    assert call(*read, *address[2:]).code == 0
    by_variable = {"ENGINEHOUSE_URL": server.url, "ENGINEHOUSE_TOKEN": server.token}
    for shown in (call("job", "list", *address), call("job", "list", environment=by_variable)):
        assert made.out.strip() in shown.out
    assert "--url" not in call("job", "create", "--help").out + call("job", "list", "--help").out
    neither = server.cli("job", "create", "--engine", "noop", "--from", "ftp://a")
    assert neither.code == 2
    assert "--from: an http(s) address" in _one_line(neither)


def test_get_list_cancel_and_retry(server: Server) -> None:
    job = _created(server, "--watch", "--json")
    job = json.loads(job)["coreJobID"]
    assert job in server.cli("job", "get", job).out
    detail = _json(server.cli("job", "get", job, "--json"))
    assert server.cli("job", "get", detail["internalJobID"]).out == server.cli("job", "get", job).out
    listed = _json(server.cli("job", "list", "--status", "complete", "--json"))
    assert job in [one["coreJobID"] for one in listed["result"]]
    assert job in server.cli("job", "list").out
    assert "complete" in _one_line(server.cli("job", "cancel", job))
    assert "complete" in _one_line(server.cli("job", "retry", job))
    assert '"nope" was not found' in _one_line(server.cli("job", "get", "nope"))


def test_a_job_that_waits_is_cancelled_and_retried(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--native-slots", "0", "--python-slots", "0") as idle:
        job = idle.cli("job", "create", "--engine", "noop").out.strip()
        again = _json(idle.cli("job", "retry", job, "--json"))["id"]
        assert again != job
        assert _json(idle.cli("job", "cancel", job, "--json")) == {"success": True, "count": 1}
        assert _json(idle.cli("job", "cancel", job, "--json"))["count"] == 0
        watched = idle.cli("job", "watch", job)
        assert watched.code == 1
        assert "was cancelled" in _one_line(watched)


def test_a_command_with_a_key_is_done_once(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--native-slots", "0", "--python-slots", "0") as idle:
        create = ("job", "create", "--engine", "noop", "--idempotency-key", "k1")
        job = idle.cli(*create, "--text", "one").out.strip()
        assert idle.cli(*create, "--text", "one").out.strip() == job
        assert "was used for a different request" in _one_line(idle.cli(*create, "--text", "other"))
        (tmp_path / "a.txt").write_text("one")
        uploaded = idle.cli(*create, "--file", str(tmp_path / "a.txt"))
        assert uploaded.code == 2
        assert "--idempotency-key: not with --file" in _one_line(uploaded)
        (tmp_path / "job.json").write_text(json.dumps({"jobs": [{"tasks": [{"engineId": "noop"}]}]}))
        whole = ("job", "create", "--from", str(tmp_path / "job.json"), "--idempotency-key", "k2")
        assert _json(idle.cli(*whole, "--json")) == _json(idle.cli(*whole, "--json"))
        retry = ("job", "retry", job, "--idempotency-key", "r1")
        assert idle.cli(*retry).out == idle.cli(*retry).out != f"{job}\n"
        assert "1–255 visible ASCII" in _one_line(idle.cli("job", "retry", job, "--idempotency-key", "ä"))
        assert _json(idle.cli("job", "list", "--json"))["count"] == 3


def test_logs_of_every_attempt(server: Server) -> None:
    job = json.loads(server.cli("job", "create", "--engine", "chunker", "--text", TEXT, "--watch", "--json").out)[
        "coreJobID"
    ]
    assert server.cli("job", "logs", job).out.endswith(" 1 chunk\n")
    [log] = _json(server.cli("job", "logs", job, "--task", "0", "--json"))
    assert log["text"]
    assert "--task" in _one_line(server.cli("job", "logs", job, "--task", "9"))


def test_engines(server: Server) -> None:
    assert "Webstream adapter" in server.cli("engine", "list").out
    [one] = _json(server.cli("engine", "list", "--name", "vader", "--json"))
    assert one["category"]["name"] == "Sentiment"
    assert one["slug"] == "sentiment-vader"
    assert server.cli("engine", "list", "--name", "vader").out.splitlines()[1].startswith("sentiment-vader ")
    assert _json(server.cli("engine", "list", "--category", "sentiment", "--json")) == [one]
    assert "Did you mean Sentiment? The categories: " in _one_line(
        server.cli("engine", "list", "--category", "Sentimant")
    )
    shown = _json(server.cli("engine", "show", "sentiment-vader", "--json"))
    assert (shown["slug"], shown["engineID"]) == ("sentiment-vader", one["id"])
    for words in (("limit", "noop", "3"), ("limit", "noop", "none"), ("pause", "noop"), ("resume", "noop")):
        assert server.cli("engine", *words).code == 0
    assert "Did you mean noop?" in _one_line(server.cli("engine", "pause", "noip"))
    assert "Did you mean sentiment-vader?" in _one_line(server.cli("engine", "show", "sentimant-vader"))


def test_organizations_users_and_tokens(server: Server) -> None:
    number = server.cli("organization", "create", "Second").out.strip()
    assert number in [one["organizationID"] for one in _json(server.cli("organization", "list", "--json"))]
    issued = _json(server.cli("token", "create", "--organization", number, "--role", "user", "--name", "ci", "--json"))
    secret = issued["token"]
    assert re.fullmatch(r"[a-z0-9]{6}:[0-9a-f]{64}", secret)
    theirs = server.cli("token", "list", "--organization", number)
    assert "ci" in theirs.out
    assert secret not in theirs.out
    as_them = {"ENGINEHOUSE_URL": server.url, "ENGINEHOUSE_TOKEN": secret}
    assert _json(call("job", "list", "--json", environment=as_them))["count"] == 0
    assert "not authorized" in _one_line(call("token", "list", environment=as_them))
    assert server.cli("token", "revoke", issued["tokenID"], "--organization", number, "--yes").code == 0
    assert "ENGINEHOUSE_TOKEN" in _one_line(call("job", "list", environment=as_them))


def test_a_user_signs_in_with_the_password_that_was_set(server: Server) -> None:
    made = server.cli("user", "create", "ann@example.com", "--password-file", "-", stdin="a first password\n")
    assert made.code == 0, made.err
    changed = server.cli("user", "password", "ann@example.com", "--password-file", "-", stdin="a second password\n")
    assert changed.code == 0, changed.err
    with server.client() as client:
        for password, status in (("a first password", 401), ("a second password", 200)):
            body = {"username": "ann@example.com", "password": password}
            assert client.post("/edge/v1/admin/users/login", json=body).status_code == status
    assert "--password-file" in _one_line(server.cli("user", "password", "ann@example.com"))


def test_a_lost_password_is_set_where_no_server_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data):
        pass
    said = call("user", "password", "admin", "--data", str(data), "--password-file", "-", stdin="remember this one\n")
    assert said.code == 0, said.err
    unknown = call("user", "password", "bob", "--data", str(data), "--password-file", "-", stdin="remember this one\n")
    assert '"bob"' in _one_line(unknown)
    with serving(data) as server, server.client() as client:
        body = {"username": "admin", "password": "remember this one"}
        assert client.post("/edge/v1/admin/users/login", json=body).status_code == 200


def test_what_is_typed_goes_before_what_is_set(server: Server) -> None:
    elsewhere = {"ENGINEHOUSE_URL": "http://127.0.0.1:1", "ENGINEHOUSE_TOKEN": "wrong"}
    assert call("job", "list", "--data", str(server.data), environment=elsewhere).code == 0


def test_a_server_that_is_not_named_not_there_or_not_running_is_explained(tmp_path: Path) -> None:
    assert "ENGINEHOUSE_SERVER" in _one_line(call("job", "list"))
    assert "does not answer" in _one_line(call("job", "list", "--url", "http://127.0.0.1:1", "--token", "x"))
    assert "enginehouse serve" in _one_line(call("job", "list", "--data", str(tmp_path)))


def test_the_doctor_finds_a_running_server_well(server: Server) -> None:
    told = _json(server.cli("doctor", "--json"))
    assert told["ok"] is True
    verdicts = {check["check"]: check["verdict"] for check in told["checks"]}
    for check in ("durability", "schema", "clock", "statuses", "counts", "disk", "engine sentiment"):
        assert verdicts[check] == "ok"


def test_the_doctor_names_a_status_that_is_not_what_the_tasks_say(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        job = json.loads(server.cli("job", "create", "--engine", "noop", "--watch", "--json").out)["coreJobID"]
    with sqlite3.connect(data / "enginehouse.db") as connection:
        connection.execute("UPDATE job SET status = 'failed'")
    connection.close()
    said = call("doctor", "--data", str(data))
    assert said.code == 1
    assert "statuses" in _one_line(said)
    assert job in said.out


def test_version_and_help() -> None:
    assert re.fullmatch(r"enginehouse, version \d+\.\d+\.\d+\n", call("--version").out)
    listed = call("--help").out
    for command in ("serve", "run", "job", "engine", "organization", "user", "token", "doctor"):
        assert re.search(rf"^  {command} ", listed, re.MULTILINE)


def test_logs_are_followed_to_the_end_of_the_job(server: Server) -> None:
    job = server.cli("job", "create", "--engine", "chunker", "--text", TEXT).out.strip()
    followed = server.cli("job", "logs", job, "--follow")
    assert followed.code == 0, followed.err
    assert followed.out == server.cli("job", "logs", job, "--follow").out
    assert server.cli("job", "get", job, "--json").out.count('"complete"') >= 1
    assert server.cli("logs", job, "--follow").out == followed.out
    parts = [json.loads(line) for line in server.cli("logs", job, "--follow", "--json").out.splitlines()]
    assert {(part["task"], part["item"], part["attempt"]) for part in parts} == {(0, 0, 1)}
    assert "".join(part["text"] for part in parts) == followed.out.partition("\n")[2]


def test_items_are_listed_and_a_complete_job_runs_again_with_another_payload(server: Server, tmp_path: Path) -> None:
    job = _json(server.cli("job", "create", "--engine", "noop", "--payload", '{"a": 1}', "--watch", "--json"))[
        "coreJobID"
    ]
    listed = _json(server.cli("job", "items", job, "--json"))
    assert listed["counts"]["complete"] == 1
    assert [(each["item"], each["status"]) for each in listed["items"]] == [(0, "complete")]
    assert "1 complete" in server.cli("job", "items", job).out
    assert _json(server.cli("job", "attempts", job, "--json"))[0]["task"] == 0
    assert "complete" in _one_line(server.cli("job", "retry", job, "--payload", '0={"a": 1}'))
    (tmp_path / "other.json").write_text('{"a": 2}')
    again = _json(server.cli("job", "retry", job, "--payload", f"0=@{tmp_path / 'other.json'}", "--json"))["id"]
    assert again != job
    assert "payloads[0].task" in _one_line(server.cli("job", "retry", job, "--payload", "7={}"))
