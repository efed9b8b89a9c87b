"""A server starts only with the store that has the bytes of its database. `doctor` reports another one."""

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.acceptance.servers import Said, call, serving


def doctor(*arguments: str) -> tuple[str, str]:
    """Returns the verdict and the text of the doctor's finding on the store."""
    checks = json.loads(call("doctor", "--json", *arguments).out)["checks"]
    [found] = [(check["verdict"], check["text"]) for check in checks if check["check"] == "store"]
    return found


def refused(said: Said) -> str:
    assert said.code == 1
    [line] = said.err.splitlines()
    return line


def test_a_database_without_its_files_is_not_served_and_with_them_it_is(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    with serving(data):
        pass
    assert doctor("--data", str(data))[0] == "ok"
    copy.mkdir()
    with (
        closing(sqlite3.connect(data / "enginehouse.db")) as here,
        closing(sqlite3.connect(copy / "enginehouse.db")) as there,
    ):
        here.backup(there)
    verdict, text = doctor("--data", str(copy))
    line = refused(call("serve", "--data", str(copy), "--port", "0"))
    assert "is without an id" in line
    assert str(copy / "artifacts") in line
    assert verdict == "wrong"
    assert text in line

    shutil.rmtree(copy / "artifacts")
    shutil.copytree(data / "artifacts/kept", copy / "artifacts/kept")
    shutil.copy(data / "secret-key", copy)
    assert doctor("--data", str(copy))[0] == "ok"
    with serving(copy):
        pass


def test_a_new_database_is_not_served_on_the_files_of_another_one(tmp_path: Path) -> None:
    with serving(tmp_path / "data"):
        pass
    for file in (tmp_path / "data").glob("enginehouse.db*"):
        file.unlink()
    line = refused(call("serve", "--data", str(tmp_path / "data"), "--port", "0"))
    assert "bytes of another database" in line


async def test_a_folder_of_postgresql_is_not_served_without_it_and_stays_as_it_is(
    postgres_dsn: str, tmp_path: Path
) -> None:
    def start() -> None:
        data = tmp_path / "data"
        with serving(data, "--database", postgres_dsn):
            pass
        line = refused(call("serve", "--data", str(data), "--port", "0"))
        assert "start with --database postgresql://" in line
        assert not list(data.glob("enginehouse.db*"))
        with serving(data, "--database", postgres_dsn):
            pass

    await asyncio.to_thread(start)


async def test_a_second_server_on_postgresql_needs_the_store_of_the_first(postgres_dsn: str, tmp_path: Path) -> None:
    def start() -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        with serving(one, "--database", postgres_dsn):
            line = refused(call("serve", "--data", str(two), "--port", "0", "--database", postgres_dsn))
            assert "is without an id" in line
            verdict, text = doctor("--data", str(two), "--database", postgres_dsn)
            assert verdict == "wrong"
            assert text in line
            shutil.rmtree(two / "artifacts")
            (two / "artifacts").symlink_to(one / "artifacts")
            line = refused(call("serve", "--data", str(two), "--port", "0", "--database", postgres_dsn))
            assert f"There is no secret key in {two / 'secret-key'}" in line
            key = {"ENGINEHOUSE_SECRET_KEY": (one / "secret-key").read_text()}
            with serving(two, "--database", postgres_dsn, environment=key):
                assert doctor("--data", str(two), "--database", postgres_dsn)[0] == "ok"

    await asyncio.to_thread(start)
