"""Commands that open the database themselves: a flag, a variable or the file names the server, and only one server."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

from enginehouse.cli import config_file
from enginehouse.cli.errors import CommandError
from enginehouse.cli.main import enginehouse
from enginehouse.cli.offline_options import offline_options
from enginehouse.server import database_file
from enginehouse.storage.database.sqlite import SqliteDatabase

P, Q = "postgresql://p/db", "postgresql://q/db"
DATA, DATABASE, PLACE = 'data = "of-the-file"', f'database = "{P}"', 'artifacts = "s3://of/the-file"'
OWN: Final = ("of-the-file", P, "s3://of/the-file")
ENV: Final = "ENGINEHOUSE_"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the commands run, without files of settings in the usual places."""
    monkeypatch.setattr(config_file, "places", lambda: (tmp_path / "usual.toml",))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@click.command()
@offline_options(needed=None)
@click.option("--artifacts", "place", envvar="ENGINEHOUSE_ARTIFACTS")
def shown(data: Path | None, database: str | None, place: str | None) -> None:
    click.echo(json.dumps([None if value is None else str(value) for value in (data, database, place)]))


@pytest.mark.parametrize(
    ("file", "flags", "variables", "meant"),
    [
        # One order: the flag, the variable, the file.
        ([DATA, DATABASE, PLACE], [], {}, OWN),
        ([DATA, DATABASE, PLACE], ["--artifacts", "b"], {"ARTIFACTS": "a"}, (*OWN[:2], "b")),
        ([DATA, DATABASE, PLACE], [], {"ARTIFACTS": "a"}, (*OWN[:2], "a")),
        ([DATA], ["--data", "of-the-file"], {"DATABASE": Q}, ("of-the-file", Q, None)),
        # The folder and the database of the file, however they are spelled.
        ([DATA, DATABASE, PLACE], ["--data", "of-the-file"], {}, OWN),
        ([DATA, DATABASE, PLACE], ["--data", "x/../of-the-file/"], {}, ("x/../of-the-file", *OWN[1:])),
        ([DATA, DATABASE, PLACE], ["--database", P], {}, OWN),
        ([DATABASE, PLACE], ["--data", "x", "--database", P], {}, ("x", P, "s3://of/the-file")),
        # Another folder or another database: nothing of the file.
        ([DATA, DATABASE, PLACE], ["--data", "x"], {}, ("x", None, None)),
        ([DATA, DATABASE, PLACE], [], {"DATA": "x"}, ("x", None, None)),
        ([DATA, DATABASE, PLACE], ["--database", Q], {}, (None, Q, None)),
        ([DATA, DATABASE, PLACE], [], {"DATABASE": Q}, (None, Q, None)),
        ([DATA, DATABASE, PLACE], ["--data", "of-the-file", "--database", Q], {}, ("of-the-file", Q, None)),
        ([DATA, DATABASE, PLACE], ["--data", "x", "--database", P], {}, ("x", P, None)),
        # A file that does not say it: a variable completes it, a flag is another server.
        ([DATABASE, PLACE], ["--data", "x"], {}, ("x", None, None)),
        ([DATABASE, PLACE], [], {"DATA": "x"}, ("x", P, "s3://of/the-file")),
        ([DATA, PLACE], ["--database", P], {}, (None, P, None)),
        ([DATA, PLACE], [], {"DATABASE": P}, OWN),
        # No file.
        ([DATA, DATABASE, PLACE], ["--config", "none"], {}, (None, None, None)),
        ([DATA, DATABASE, PLACE], ["--config", "none", "--data", "x"], {}, ("x", None, None)),
    ],
)  # fmt: skip
def test_the_file_is_used_for_its_own_server_and_for_no_other(
    file: list[str], flags: list[str], variables: dict[str, str], meant: tuple[str | None, ...], folder: Path
) -> None:
    (folder / "server.toml").write_text("\n".join(["[serve]", *file, "port = 9100"]))
    env = {"ENGINEHOUSE_CONFIG": "server.toml"} | {ENV + name: value for name, value in variables.items()}
    ran = CliRunner().invoke(shown, flags, env=env)
    assert ran.exit_code == 0, ran.output
    assert tuple(json.loads(ran.stdout)) == meant


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "The server is that of server.toml: --data of-the-file --database postgresql://me:***@p/db"),
        (["--data", "x"], "server.toml names another data folder, so nothing of it is used."),
        (["--database", Q], "server.toml names another database, so nothing of it is used."),
        (["--config", "none"], ""),
    ],
)
def test_what_came_of_the_file_is_said_on_stderr_without_its_password(
    flags: list[str], said: str, folder: Path
) -> None:
    (folder / "server.toml").write_text(f'[serve]\n{DATA}\ndatabase = "postgresql://me:secret@p/db"\n')
    ran = CliRunner().invoke(shown, flags, env={"ENGINEHOUSE_CONFIG": "server.toml"})
    assert ran.stderr.strip() == said


FAULTS: Final = (
    "wrong.toml: serve.data: a text in quotes, got 7.\n"
    "wrong.toml: serve.prot: unknown; did you mean port?"
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "flags", "fault"),
    [
        ("wrong.toml", [], FAULTS),
        ("missing.toml", [], "missing.toml: cannot be read: No such file or directory."),
        ("missing.toml", ["--data", "x"], "missing.toml: cannot be read: No such file or directory."),
    ],
)
def test_a_file_that_cannot_be_used_is_misuse(name: str, flags: list[str], fault: str, folder: Path) -> None:
    (folder / "wrong.toml").write_text("[serve]\ndata = 7\nprot = 9000\n")
    ran = CliRunner().invoke(shown, [*flags, "--config", name])
    assert isinstance(ran.exception, CommandError)
    assert (ran.exception.message, ran.exception.exit_code) == (fault, 2)


def test_a_broken_file_in_a_usual_place_does_not_hinder_who_names_a_server(folder: Path) -> None:
    (folder / "usual.toml").write_text("[serve\n")
    ran = CliRunner().invoke(shown, ["--data", "x"])
    assert json.loads(ran.stdout) == ["x", None, None]
    assert "usual.toml cannot be used (not TOML: " in ran.stderr
    assert isinstance(CliRunner().invoke(shown).exception, CommandError)


COMMANDS: Final = {
    "backup": ["backup", "made.tar"],
    "doctor": ["doctor"],
    "audit": ["audit", "verify"],
    "clock": ["clock", "reset"],
    "artifacts": ["artifacts", "use", "of-the-file/artifacts"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_command_without_flags_works_on_the_postgresql_of_the_file(
    words: list[str], postgres_dsn: str, folder: Path
) -> None:
    (folder / "of-the-file/artifacts/kept").mkdir(parents=True)
    ran = _on(folder, f'{DATA}\ndatabase = "{postgres_dsn}"', words)
    assert ran.exit_code == 0, ran.output + str(ran.exception)
    assert "The server is that of server.toml: --data of-the-file --database postgresql://" in ran.stderr


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_command_for_another_folder_leaves_the_postgresql_of_the_file_alone(words: list[str], folder: Path) -> None:
    """That database is nowhere, so a command that tried it would say so."""
    _embedded(folder / "other")
    ran = _on(folder, NOWHERE, [*words, "--data", "other"])
    assert "server.toml names another data folder, so nothing of it is used." in ran.stderr
    assert "nowhere" not in ran.output + str(ran.exception)


NOWHERE: Final = f'{DATA}\ndatabase = "postgresql://nowhere.invalid/db"'


def test_a_restore_elsewhere_never_reaches_the_database_of_the_file(folder: Path) -> None:
    _embedded(folder / "old")
    assert _on(folder, NOWHERE, ["backup", "made.tar", "--data", "old"]).exit_code == 0
    ran = _on(folder, NOWHERE, ["restore", "made.tar", "--data", "new"])
    assert ran.exit_code == 0, ran.output + str(ran.exception)
    assert (folder / "new/enginehouse.db").exists()
    # The file would lead `serve` to its own database.
    assert "  enginehouse serve --config none --data new\n" in ran.stdout


def test_a_restore_into_the_server_of_the_file_is_refused_while_it_has_something(
    postgres_dsn: str, folder: Path
) -> None:
    """Its database has tables. The folder is empty, so that this is what is refused."""
    lines = f'{DATA}\ndatabase = "{postgres_dsn}"'
    (folder / "of-the-file/artifacts/kept").mkdir(parents=True)
    assert _on(folder, lines, ["backup", "made.tar"]).exit_code == 0
    shutil.rmtree(folder / "of-the-file")
    for flags in ([], ["--data", "of-the-file"]):
        ran = _on(folder, lines, ["restore", "made.tar", *flags])
        assert isinstance(ran.exception, CommandError)
        assert "not empty" in ran.exception.message
    assert not (folder / "of-the-file").exists()


@pytest.mark.parametrize(
    ("data", "told"), [("of-the-file", '"nobody" was not found'), ("other", "no database in other")]
)
def test_a_password_is_set_on_the_postgresql_of_the_file_for_its_folder(
    data: str, told: str, postgres_dsn: str, folder: Path
) -> None:
    (folder / "password").write_text("a long password of somebody\n")
    words = ["user", "password", "nobody", "--password-file", "password", "--data", data]
    ran = _on(folder, f'{DATA}\ndatabase = "{postgres_dsn}"', words)
    assert isinstance(ran.exception, CommandError)
    assert told in ran.exception.message


@pytest.mark.parametrize(
    ("place", "flags", "told"),
    [
        ("postgresql://p/db", ["--data", "x"], "belongs to postgresql://p/db: give its URL with --database, or write"),
        (
            database_file.EMBEDDED,
            ["--data", "x", "--database", P],
            "belongs to the embedded database: leave --database",
        ),
    ],
)
def test_a_folder_of_a_database_of_the_other_kind_is_refused(
    place: str, flags: list[str], told: str, folder: Path
) -> None:
    (folder / "x").mkdir()
    database_file.bind(folder / "x", place, "id")
    for words in (*COMMANDS.values(), ["restore", "made.tar"]):
        ran = CliRunner().invoke(enginehouse, [*words, *flags])
        assert isinstance(ran.exception, CommandError)
        assert told in ran.exception.message


def _embedded(data: Path) -> None:
    async def make() -> None:
        database = await SqliteDatabase.open(data / "enginehouse.db")
        await database.close()

    (data / "artifacts/kept").mkdir(parents=True)
    asyncio.run(make())


def _on(folder: Path, lines: str, words: list[str]) -> Result:
    (folder / "server.toml").write_text(f"[serve]\n{lines}\n")
    return CliRunner().invoke(enginehouse, words, env={"ENGINEHOUSE_CONFIG": "server.toml"})
