"""Shells complete commands, options, words, and what the server has."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from tests.acceptance.servers import Server, call, clean

from enginehouse.cli import completion
from enginehouse.cli.main import enginehouse

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(server: Server, monkeypatch: pytest.MonkeyPatch) -> Complete:
    monkeypatch.setenv("ENGINEHOUSE_DATA", str(server.data))
    completer = ShellComplete(enginehouse, {}, "enginehouse", "_ENGINEHOUSE_COMPLETE")
    return lambda *words: [found.value for found in completer.get_completions(list(words[:-1]), words[-1])]


@pytest.fixture(scope="module")
def made(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Returns the ids of one of each noun."""
    file = tmp_path_factory.mktemp("file") / "template.json"
    file.write_text('{"tasks": [{"engineId": "noop"}]}')

    def created(*words: str) -> str:
        said = server.cli(*words)
        assert said.code == 0, said.err
        return said.out.strip()

    ids = {
        "job": created("job", "create", "--engine", "noop"),
        "schedule": created("schedule", "create", "nightly", "--once", "--engine", "noop"),
        "target": created("asset", "upload", str(file)),
        "template": created("template", "create", str(file)),
        "organization": "1",
        "user": "admin",
        "worker": json.loads(created("worker", "list", "--json"))[0]["workerID"],
        "token": json.loads(created("token", "list", "--json"))[0]["tokenID"],
    }
    assert server.cli("job", "watch", ids["job"]).code == 0
    ids["act"] = json.loads(created("job", "pause", "--job", ids["job"], "--yes", "--json"))["id"]
    return ids


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("j",), ["job"]),
        (("job", "wa"), ["watch"]),
        (("job", "list", "--created-"), ["--created-after", "--created-before"]),
        (("job", "list", "--status", "c"), ["complete"]),
        (("job", "list", "--reason", "url_not_"), ["url_not_allowed", "url_not_found"]),
        (("job", "list", "--url"), []),
        (("completion", "z"), ["zsh"]),
        (("engine", "show", "sentiment-v"), ["sentiment-vader"]),
        (("job", "create", "--engine", "chunk"), ["chunker"]),
        (("job", "create", "--pipeline", "under"), ["understand"]),
        (("pipeline", "show", "tran"), ["transcribe"]),
        (("job", "get", "--server", "http://127.0.0.1:1", "--token", "x", ""), []),
        (("job", "get", "--context", "nothing", ""), []),
    ],
)
def test_commands_options_words_and_slugs(complete: Complete, words: tuple[str, ...], expected: list[str]) -> None:
    assert complete(*words) == expected


@pytest.mark.parametrize(
    ("noun", "words"),
    [
        ("job", ("job", "get", "")),
        ("job", ("logs", "")),
        ("job", ("job", "cancel", "--job", "")),
        ("act", ("job", "undo", "")),
        ("schedule", ("schedule", "show", "")),
        ("target", ("target", "show", "")),
        ("template", ("template", "launch", "")),
        ("organization", ("organization", "pause", "")),
        ("user", ("user", "delete", "")),
        ("worker", ("worker", "drain", "")),
        ("token", ("token", "revoke", "")),
    ],
)
def test_ids_come_from_the_server(complete: Complete, made: dict[str, str], noun: str, words: tuple[str, ...]) -> None:
    assert made[noun] in complete(*words)
    assert complete(*words[:-1], "no such id") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_script_works_in_bash(server: Server) -> None:
    script = call("completion", "bash").out
    commands = (
        f'{script}\nCOMP_WORDS=(enginehouse engine show sentiment-v); COMP_CWORD=3\n'
        '_enginehouse_completion enginehouse; echo "${COMPREPLY[@]}"'
    )  # fmt: skip
    environment = clean({"ENGINEHOUSE_DATA": str(server.data)})
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    said = subprocess.run(["bash", "-c", commands], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "sentiment-vader"


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete --no")])
def test_each_shell_has_a_script(shell: str, word: str) -> None:
    script = completion.source(shell)
    assert word in script
    assert f"_ENGINEHOUSE_COMPLETE={shell}_complete" in script
