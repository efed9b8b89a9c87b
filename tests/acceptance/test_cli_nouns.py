"""Targets, assets, templates and users on the command line, and that what cannot be undone asks."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.servers import Said, Server


def _json(said: Said) -> Any:
    assert said.code == 0, said.err
    return json.loads(said.out)


def _done(said: Said) -> str:
    assert said.code == 0, said.err
    return said.out.strip()


def _refused(said: Said) -> str:
    assert said.code != 0, said.out
    [line] = said.err.splitlines()
    return line


def test_a_file_becomes_a_target_that_a_job_works_on(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text("# Morning\n\nI love this.")
    target = _done(server.cli("asset", "upload", str(file)))
    listed = server.cli("target", "list").out.splitlines()
    assert any(target in line and "text/markdown" in line and "23 bytes" in line for line in listed)
    request = json.dumps({"tasks": [{"engineId": "sentiment-vader"}], "targetId": target})
    job = _json(server.cli("job", "create", "--request", "-", "--watch", "--json", stdin=request))["coreJobID"]
    shown = server.cli("target", "show", target).out
    assert "notes.md" in shown
    assert f"{job}  complete" in shown


def test_an_asset_comes_goes_and_is_fetched(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("media")
    (tmp_path / "b.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n")
    target = _done(server.cli("asset", "upload", str(tmp_path / "a.txt")))
    made = _json(
        server.cli("asset", "upload", str(tmp_path / "b.vtt"), "--target", target, "--asset-type", "captions", "--json")
    )
    assert (made["containerId"], made["assetType"], made["contentType"]) == (target, "captions", "text/vtt")
    assert made["id"] in server.cli("asset", "list", target).out
    assert "captions" in server.cli("asset", "show", made["id"]).out
    assert server.cli("asset", "download", made["id"]).out == (tmp_path / "b.vtt").read_text()
    saved = _json(server.cli("asset", "download", made["id"], "--output", str(tmp_path / "c"), "--json"))
    assert Path(saved["saved"]).read_text() == (tmp_path / "b.vtt").read_text()
    assert "(b.vtt, 38 bytes) would be deleted" in _refused(server.cli("asset", "delete", made["id"]))
    assert _done(server.cli("asset", "delete", made["id"], "--yes")) == "deleted"
    assert "was not found" in _refused(server.cli("asset", "show", made["id"]))
    assert "with 1 asset would be deleted" in _refused(server.cli("target", "delete", target))
    assert _json(server.cli("target", "delete", target, "--yes", "--json")) == {"id": target, "deleted": True}
    assert "was not found" in _refused(server.cli("asset", "list", target))


def test_what_cannot_be_uploaded_or_fetched_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path, why in (("nowhere", "cannot be read"), ("", "is a folder"), ("empty", "is empty")):
        assert why in _refused(server.cli("asset", "upload", str(tmp_path / path)))
    assert "--asset-type" in _refused(server.cli("asset", "upload", str(tmp_path / "empty"), "--asset-type", "x"))
    assert "only with --output" in _refused(server.cli("asset", "download", "1_LRz6jISppK", "--json"))
    (tmp_path / "a").write_text("a")
    target = _done(server.cli("asset", "upload", str(tmp_path / "a")))
    [asset] = _json(server.cli("asset", "list", target, "--json"))["records"]
    assert "cannot be written" in _refused(
        server.cli("asset", "download", asset["id"], "--output", str(tmp_path / "no" / "where"))
    )


def test_a_template_is_made_shown_launched_and_deleted(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "template.json"
    file.write_text(json.dumps({"tasks": [{"engineId": "noop", "payload": {"a": 1}}]}))
    template = _done(server.cli("template", "create", str(file)))
    assert template in server.cli("template", "list").out
    assert "No operation" in server.cli("template", "show", template).out
    [task] = _json(server.cli("template", "show", template, "--json"))["taskTemplates"]["records"]
    assert task["payload"] == {"a": 1}
    job = _done(server.cli("template", "launch", template, "--payload", '{"b": 2}'))
    assert server.cli("job", "watch", job).code == 0
    assert "(No operation) would be deleted" in _refused(server.cli("template", "delete", template))
    assert _done(server.cli("template", "delete", template, "--yes")) == "deleted"
    assert "was not found" in _refused(server.cli("template", "show", template))
    file.write_text('{"x": 1}')
    assert 'with "tasks"' in _refused(server.cli("template", "create", str(file)))


def test_a_user_is_listed_and_deleted(server: Server) -> None:
    made = _done(server.cli("user", "create", "zoe@example.com", "--password-file", "-", stdin="a long password\n"))
    assert any(
        one["id"] == made and one["roles"] == [{"name": "user"}] for one in _json(server.cli("user", "list", "--json"))
    )
    assert "zoe@example.com" in server.cli("user", "list").out
    assert "Did you mean zoe@example.com?" in _refused(server.cli("user", "delete", "zoo@example.com"))
    assert "zoe@example.com of organization 1 would be deleted" in _refused(server.cli("user", "delete", made))
    assert _done(server.cli("user", "delete", "zoe@example.com", "--yes")) == "deleted"
    assert "zoe@example.com" not in server.cli("user", "list").out


def test_a_job_is_deleted(server: Server) -> None:
    job = _done(server.cli("job", "create", "--engine", "noop"))
    assert server.cli("job", "watch", job).code == 0
    assert f"The job {job} (complete, 1 task)" in _refused(server.cli("job", "delete", job))
    assert _done(server.cli("job", "delete", job, "--yes")) == "deleted"
    assert "was not found" in _refused(server.cli("job", "get", job))


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (("schedule", "delete"), ("schedule", "create", "nightly", "--once", "--engine", "noop")),
        (("engine", "remove"), ("engine", "add", "Away", "--url", "http://127.0.0.1:8080")),
        (("token", "revoke"), ("token", "create", "--name", "ci", "--json")),
    ],
)
def test_other_ends_ask_too(server: Server, words: tuple[str, ...], more: tuple[str, ...]) -> None:
    made = server.cli(*more)
    name = json.loads(made.out)["tokenID"] if "--json" in more else _done(made)
    assert "Nothing was changed. Use --yes to do it without a question." in _refused(server.cli(*words, name))
    assert server.cli(*words, name, "--yes").code == 0
