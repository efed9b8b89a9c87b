"""`enginehouse context …` on a file of its own."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from enginehouse.cli import contexts
from enginehouse.cli.errors import CommandError
from enginehouse.cli.main import enginehouse

NOWHERE = "http://127.0.0.1:1"  # nothing listens there
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("SERVER", "URL", "TOKEN", "DATA", "CONTEXT"):
        monkeypatch.delenv(f"ENGINEHOUSE_{name}", raising=False)
    return lambda *words, **more: CliRunner().invoke(enginehouse, ["context", *words], **more)


def refusal(result: Result) -> str:
    assert isinstance(result.exception, CommandError), result.output
    return result.exception.message


def test_a_context_is_kept_where_nobody_else_can_read_it(run: Run, tmp_path: Path) -> None:
    added = run("add", "work", "--server", f"{NOWHERE}/", "--token-file", "-", input="secret\n")
    assert added.exit_code == 0, added.output
    assert "warning: The server at" in added.stderr
    [listed] = json.loads(run("list", "--json").stdout)
    assert listed == {"name": "work", "server": NOWHERE, "data": None, "token": True, "inUse": True}
    assert stat.S_IMODE(contexts.path().stat().st_mode) == 0o600
    assert stat.S_IMODE(contexts.path().parent.stat().st_mode) == 0o700
    assert contexts.path().is_relative_to(tmp_path)
    for shown in (run("list"), run("show"), run("show", "--json"), added):
        assert "secret" not in shown.output


def test_the_first_context_is_in_use_until_another_is_used_or_it_is_removed(run: Run, tmp_path: Path) -> None:
    run("add", "a", "--data", str(tmp_path / "a"))
    run("add", "b", "--data", str(tmp_path / "b"))
    assert json.loads(run("show", "--json").stdout)["context"] == "a"
    run("use", "b")
    assert json.loads(run("show", "--json").stdout)["context"] == "b"
    assert json.loads(run("show", "--json", "--context", "a").stdout)["serverFrom"] == "--context"
    assert "Use --yes" in refusal(run("remove", "b"))
    assert run("remove", "b", "--yes").exit_code == 0
    assert json.loads(run("show", "--json").stdout)["serverFrom"] == "default"
    run("add", "c", "--data", str(tmp_path), "--use")
    assert json.loads(run("show", "--json").stdout)["context"] == "c"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "-x", "--data", "d"), "No such option"),
        (("add", "a b", "--data", "d"), "NAME: letters"),
        (("add", "new", "--data", "d", "--server", NOWHERE), "not both"),
        (("add", "new", "--server", "localhost"), "http:// or https://"),
        (("add", "new"), "--token-file"),
        (("add", "new", "--token", "  "), "The token is empty"),
        (("add", "old", "--data", "d"), "--replace"),
        (("use", "odl"), "Did you mean old"),
        (("remove", "nothing", "--yes"), 'There is no context "nothing"'),
    ],
)
def test_what_cannot_be_kept_or_found_is_refused_and_changes_nothing(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    run("add", "old", "--data", "folder")
    before = contexts.path().read_bytes()
    result = run(*words)
    assert said in result.output + str(getattr(result.exception, "message", ""))
    assert result.exit_code != 0
    assert contexts.path().read_bytes() == before


@pytest.mark.parametrize("content", ["", "[]", '{"contexts": []}', '{"contexts": {"a": 1}}'])
def test_a_file_that_holds_something_else_is_named(run: Run, content: str) -> None:
    contexts.path().parent.mkdir()
    contexts.path().write_text(content)
    assert str(contexts.path()) in refusal(run("list"))
