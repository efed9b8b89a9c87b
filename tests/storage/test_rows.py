"""Rows with names: each declared type has the columns that its statement returns, on both databases."""

import importlib
import pkgutil
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg

import enginehouse.storage
from enginehouse.storage.database.rows import SELECTS, Select
from enginehouse.storage.database.sql import statements
from enginehouse.storage.database.sqlite import SqliteDatabase


def declared() -> list[Select[Any]]:
    """Every select of storage, after the import of all its modules."""
    for module in pkgutil.walk_packages(enginehouse.storage.__path__, "enginehouse.storage."):
        importlib.import_module(module.name)
    return sorted(SELECTS, key=lambda select: select.statement)


def test_there_are_selects_to_look_at() -> None:
    assert declared()


async def test_a_row_type_has_the_columns_of_its_statement_on_sqlite(tmp_path: Path) -> None:
    await (await SqliteDatabase.open(tmp_path / "rows.db")).close()
    connection = sqlite3.connect(tmp_path / "rows.db")
    named = statements("sqlite")

    def columns(select: Select[Any]) -> tuple[str, ...]:
        statement = named[select.statement]
        # Nothing matches, and the close of the connection rolls back every insert.
        given: Any = (
            ("[]",) if statement.columns else dict.fromkeys(statement.params, 0) | dict.fromkeys(statement.lists)
        )
        described = connection.execute(statement.each or statement.text, given).description
        return tuple(column[0] for column in described)

    wrong = {
        select.statement: (select.row._fields, found)
        for select in declared()
        if select.statement in named and (found := columns(select)) != select.row._fields
    }
    connection.close()
    assert wrong == {}


async def test_a_row_type_has_the_columns_of_its_statement_on_postgresql(postgres_dsn: str) -> None:
    named = statements("postgres")
    connection = await asyncpg.connect(postgres_dsn)
    wrong = {}
    for select in declared():
        if select.statement in named:
            prepared = await connection.prepare(named[select.statement].each or named[select.statement].text)
            found = tuple(attribute.name for attribute in prepared.get_attributes())
            if found != select.row._fields:
                wrong[select.statement] = (select.row._fields, found)
    await connection.close()
    assert wrong == {}
