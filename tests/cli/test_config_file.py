"""The file of settings: one order of flag, variable, file and default, and everything that is wrong at once."""

import tomllib
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from enginehouse.cli import config_file, server, worker_process
from enginehouse.cli.main import enginehouse
from enginehouse.settings import Settings
from enginehouse.worker_settings import WorkerSettings

FILE: Final = """
[serve]
data = "of the file"
port = 9100
gpus = 2
trusted-proxy = ["10.0.0.1", "10.0.0.2"]
label = "speech=2"
allow-private-urls = true
database = "postgresql://me:secret@host/db"
init-token = "7f9bfa70-93f4-4a4e-a5b0-3ba8c2f32f4a"

[worker]
server = "http://of-the-file:9000"
token = "of the file"
name = "here"
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Settings | WorkerSettings]:
    """What a command would have started with, in a folder with the file `server.toml` of FILE."""
    found: list[Settings | WorkerSettings] = []
    monkeypatch.setattr(server, "keep_up", lambda settings, **_: found.append(settings))
    monkeypatch.setattr(worker_process, "keep_up", lambda settings, **_: found.append(settings))
    monkeypatch.setattr(config_file, "places", lambda: (tmp_path / "none.toml", tmp_path / "usual.toml"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "server.toml").write_text(FILE)
    return found


def run(*words: str, **variables: str) -> Result:
    return CliRunner().invoke(enginehouse, words, env=variables)


@pytest.mark.parametrize(
    ("flags", "variables", "port"),
    [
        ([], {}, 9100),
        ([], {"ENGINEHOUSE_PORT": "9200"}, 9200),
        (["--port", "9300"], {"ENGINEHOUSE_PORT": "9200"}, 9300),
        (["--config", "none", "--data", "x"], {}, 9000),
        (["--config", "none", "--data", "x"], {"ENGINEHOUSE_PORT": "9200"}, 9200),
    ],
)
def test_a_flag_goes_before_a_variable_before_the_file_before_the_default(
    kept: list[Settings], flags: list[str], variables: dict[str, str], port: int
) -> None:
    ran = run("serve", *flags, ENGINEHOUSE_CONFIG="server.toml", **variables)
    assert ran.exit_code == 0, ran.output
    assert kept[0].port == port


def test_every_kind_of_value_is_read(kept: list[Settings | WorkerSettings], tmp_path: Path) -> None:
    assert run("serve", "--config", "server.toml").exit_code == 0
    assert run("worker", "run", "--config", "server.toml").exit_code == 0
    served, worker = kept
    assert isinstance(served, Settings)
    assert (served.data, served.gpus, served.allow_private_urls) == (tmp_path / "of the file", 2.0, True)
    assert (served.trusted_proxy, served.label) == (("10.0.0.1", "10.0.0.2"), ("speech=2",))
    assert served.init_token == "7f9bfa70-93f4-4a4e-a5b0-3ba8c2f32f4a"
    assert isinstance(worker, WorkerSettings)
    assert (worker.server, worker.token, worker.name) == ("http://of-the-file:9000", "of the file", "here")


def test_the_usual_places_are_looked_at_in_order(kept: list[Settings], tmp_path: Path) -> None:
    (tmp_path / "usual.toml").write_text('[serve]\ndata = "x"\nport = 9400\n')
    assert run("serve").exit_code == 0
    assert kept[0].port == 9400


def test_everything_that_is_wrong_is_named_at_once_with_its_place(kept: list[Settings], tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(
        '[serve]\nport = 70000\npyton-slots = 3\nlog_level = "info"\ngpus = "2"\nallow-private-urls = "yes"\n'
        'http-slots = 1.5\nwarm-children = true\nlabel = [1]\ncors-origin = ["zzz"]\n'
        'nothing-like-it-anywhere = 1\n[srv]\n'
    )  # fmt: skip
    ran = run(
        "serve", "--config", "wrong.toml", "--head-lines", "x",
        ENGINEHOUSE_HEAD_BYTES="-1", ENGINEHOUSE_EXPORT_DAYS="soon",
    )  # fmt: skip
    assert (ran.exit_code, kept) == (1, [])
    told = str(ran.exception).splitlines()
    assert told == [
        "wrong.toml: srv: no table; one of serve, worker, run.",
        "wrong.toml: serve.pyton-slots: unknown; did you mean python-slots?",
        "wrong.toml: serve.log_level: unknown; did you mean log-level?",
        'wrong.toml: serve.gpus: a number, got "2".',
        'wrong.toml: serve.allow-private-urls: true or false, got "yes".',
        "wrong.toml: serve.http-slots: a whole number, got 1.5.",
        "wrong.toml: serve.warm-children: a whole number, got true.",
        "wrong.toml: serve.label: a list of texts, got [1].",
        told[8],
        '--head-lines: a whole number, got "x".',
        told[10],
        'ENGINEHOUSE_EXPORT_DAYS: a whole number, got "soon".',
        "wrong.toml: serve.port: 0–65535, got 70000.",
        "ENGINEHOUSE_HEAD_BYTES: must be greater than 0, got -1.",
        'wrong.toml: serve.cors-origin: an origin like https://app.example.com, or *, got "zzz".',
    ]
    assert told[8].startswith("wrong.toml: serve.nothing-like-it-anywhere: unknown; the keys are: allow-private-urls, ")
    assert told[10].startswith("--data: must be given, here or as ENGINEHOUSE_DATA or data in the file")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "broken.toml: cannot be read: No such file or directory."),
        ("[serve\n", "broken.toml: not TOML: "),
        ("serve = 1\n", "broken.toml: serve: a table, as in [serve], got 1."),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    kept: list[Settings], tmp_path: Path, content: str | None, fault: str
) -> None:
    if content is not None:
        (tmp_path / "broken.toml").write_text(content)
    for words in (("serve", "--data", "x"), ("run",)):
        ran = run(*words, "--config", "broken.toml")
        assert ran.exit_code == 1
        assert fault in str(ran.exception)
    assert kept == []


def test_what_is_in_use_is_shown_with_its_source_as_a_file_without_secrets(kept: list[Settings]) -> None:
    shown = run(
        "serve", "--config", "server.toml", "--head-lines", "7", "--print-config", ENGINEHOUSE_HEAD_BYTES="9999"
    )
    assert (shown.exit_code, kept) == (0, [])
    table = tomllib.loads(shown.stdout)["serve"]
    assert (table["port"], table["head-lines"], table["head-bytes"], table["label"]) == (9100, 7, 9999, ["speech=2"])
    sources = {line.partition(" ")[0]: line.rpartition("# ")[2] for line in shown.stdout.splitlines()}
    expected = ("server.toml: serve.port", "--head-lines", "ENGINEHOUSE_HEAD_BYTES", "default")
    assert tuple(sources[key] for key in ("port", "head-lines", "head-bytes", "log-level")) == expected
    assert "secret@" not in shown.stdout
    assert "7f9bfa70" not in shown.stdout


def test_what_is_shown_can_be_used_as_a_file(kept: list[Settings], tmp_path: Path) -> None:
    shown = run("serve", "--data", "x", "--log-level", "debug", "--print-config")
    (tmp_path / "again.toml").write_text(shown.stdout)
    assert run("serve", "--data", "x", "--log-level", "debug").exit_code == 0
    assert run("serve", "--config", "again.toml").exit_code == 0
    assert kept[0] == kept[1]
