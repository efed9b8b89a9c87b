"""`enginehouse audit verify` and `doctor` on a database of each kind, intact and manipulated."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.postgres import FSYNC

from enginehouse.cli.errors import CommandError
from enginehouse.cli.main import enginehouse
from enginehouse.domain.audit import Entry
from enginehouse.storage.audit import entries, seals
from enginehouse.storage.audit.entries import NEVER
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.database.sqlite import SqliteDatabase

pytestmark = pytest.mark.usefixtures("own_statements")


class Place:
    """The place of a database, for the commands and for the test."""

    def __init__(self, *, data: Path | None = None, dsn: str | None = None) -> None:
        self.options = ["--database", dsn] if dsn else ["--data", str(data)]
        self._data, self._dsn = data, dsn

    @asynccontextmanager
    async def opened(self) -> Any:
        database: Database
        if self._dsn is not None:
            database = await PostgresDatabase.open(self._dsn, allow_unsafe_durability=FSYNC == "off")
        else:
            assert self._data is not None
            database = await SqliteDatabase.open(self._data / "enginehouse.db")
        try:
            yield database
        finally:
            await database.close()

    async def say(self, *words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, enginehouse, [*words, *self.options])


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "postgres":
        yield Place(dsn=request.getfixturevalue("postgres_dsn"))
    else:
        yield Place(data=tmp_path)


async def _sealed(place: Place) -> int:
    """Three rows have a seal and one has none. Returns the id of the second."""

    async def fill(tx: Tx) -> int:
        await entries.record(tx, [Entry(event="e", organization_id=1)] * 3)
        seal = await seals.prepare(tx, until=NEVER)
        assert seal is not None
        await seals.add(tx, seal)
        await entries.record(tx, [Entry(event="e", organization_id=1)])
        rows = await tx.all("seals.entries", after=0, until=NEVER, limit=4)
        return int(rows[1][0])

    async with place.opened() as database:
        second: int = await database.write(fill)
        return second


async def test_a_sound_record_is_told_with_its_last_seal(place: Place) -> None:
    await _sealed(place)
    said = await place.say("audit", "verify")
    assert (said.exit_code, said.exception) == (0, None)
    assert "3 entries are as they were sealed, 1 newer entries have no seal yet" in said.output
    told = json.loads((await place.say("audit", "verify", "--json")).output)
    assert (told["ok"], told["entries"], told["unsealed"], told["fault"]) == (True, 3, 1, None)
    assert (await place.say("audit", "verify", "--seal", told["seal"])).exit_code == 0
    doctor = json.loads((await place.say("doctor", "--json")).output)
    assert {check["check"]: check["verdict"] for check in doctor["checks"]}["audit"] == "ok"


async def test_a_changed_entry_is_named_by_both_commands(place: Place) -> None:
    second = await _sealed(place)
    async with place.opened() as database:
        await database.write(lambda tx: tx.run("spoil.event", id=second, value="other"))
    for command in (("audit", "verify"), ("doctor",)):
        said = await place.say(*command)
        assert isinstance(said.exception, CommandError)
        assert f"entry {second} was changed" in said.output + said.exception.message
    told = json.loads((await place.say("audit", "verify", "--json")).output)
    assert (told["ok"], told["fault"]["entry"], told["fault"]["seal"]) == (False, second, 1)


async def test_a_seal_that_was_kept_and_is_not_there_is_a_fault(place: Place) -> None:
    await _sealed(place)
    for seal in ("1:" + "0" * 64, "2:" + "0" * 64):
        said = await place.say("audit", "verify", "--seal", seal)
        assert isinstance(said.exception, CommandError)
        assert said.exception.exit_code == 1


@pytest.mark.parametrize("seal", ["", "1", "0:" + "0" * 64, "1:" + "0" * 63, "x:" + "0" * 64])
def test_what_is_no_seal_is_misuse(seal: str, tmp_path: Path) -> None:
    said = CliRunner().invoke(enginehouse, ["audit", "verify", "--data", str(tmp_path), "--seal", seal])
    assert isinstance(said.exception, CommandError)
    assert said.exception.exit_code == 2


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    said = CliRunner().invoke(enginehouse, ["audit", "verify", "--data", str(tmp_path)])
    assert isinstance(said.exception, CommandError)
    assert "cannot be read" in said.exception.message
