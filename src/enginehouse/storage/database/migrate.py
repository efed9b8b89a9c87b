"""The migrations: finds those that a database has not applied yet, and applies them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Final, Protocol

from enginehouse.storage.database.database import Row, StorageRefused
from enginehouse.storage.database.sql import STORAGE, script
from enginehouse.storage.database.sql_text import BadStatement
from enginehouse.storage.database.sql_words import Dialect

# The first migration of every development version. The files of its later migrations no longer exist.
_DEVELOPMENT: Final = "first"


class MigrationConnection(Protocol):
    """What a driver provides for migrations: raw statements outside any transaction, one after the other."""

    dialect: Dialect

    async def execute(self, text: str) -> list[Row]:
        """Runs the statement. Returns its rows."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    text: str


_BEGIN: Final[dict[Dialect, tuple[str, ...]]] = {
    "sqlite": ("BEGIN IMMEDIATE",),
    # Two servers may start at once: the second waits here, and then finds the version applied.
    "postgres": ("BEGIN", "SELECT pg_advisory_xact_lock(7306641219830243433)"),
}
_NOW: Final[dict[Dialect, str]] = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    "postgres": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
}
APPLIED: Final = "SELECT version, name FROM schema_migration"
RECORD: Final = """CREATE TABLE IF NOT EXISTS schema_migration (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at BIGINT NOT NULL
)"""


def available(storage: Traversable = STORAGE) -> list[Migration]:
    """Returns the migrations by rising version: the files `migrations/NNNN_<name>.sql` of `storage`, without a gap.

    If there are no such files, `schema.sql` is the first migration, so that its statements exist only once.
    """
    directory = storage / "migrations"
    migrations = list[Migration]()
    for file in sorted(directory.iterdir() if directory.is_dir() else (), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            version, _, name = file.name.removesuffix(".sql").partition("_")
            if not version.isdecimal() or not name or int(version) != len(migrations) + 1:
                raise BadStatement(f"{file.name}: expected {len(migrations) + 1:04}_<name>.sql.")
            migrations.append(Migration(int(version), name, file.read_text(encoding="utf-8")))
    return migrations or [Migration(1, "schema", (storage / "schema.sql").read_text(encoding="utf-8"))]


async def migrate(connection: MigrationConnection, migrations: Sequence[Migration]) -> None:
    """Applies and records every one of `migrations`, each in its own transaction.

    A failure raises and keeps the migrations before it; the next call continues there. Raises StorageRefused if the
    database has applied a migration that is not in `migrations`.
    """
    await _in_transaction(connection, [RECORD])
    applied: dict[int, str] = dict(await connection.execute(APPLIED))
    refuse_development(applied)
    _refuse_unknown(applied, migrations)
    for migration in migrations:
        if migration.version not in applied:
            await _apply(connection, migration)


def readable(applied: Mapping[int, str], migrations: Sequence[Migration] | None = None) -> int:
    """Returns the version of a database of this program, perhaps an older one. Raises StorageRefused for another."""
    refuse_development(applied)
    _refuse_unknown(applied, available() if migrations is None else migrations)
    return max(applied, default=0)


def schema_of(dialect: Dialect, version: int) -> list[str]:
    """Returns the statements that bring an empty database to this version."""
    return [
        statement
        for migration in available()[:version]
        for statement in script(migration.text, dialect, f"{migration.version:04}_{migration.name}")
    ]


async def _apply(connection: MigrationConnection, migration: Migration) -> None:
    name = f"{migration.version:04}_{migration.name}"
    statements = script(migration.text, connection.dialect, name)
    quoted = migration.name.replace("'", "''")
    record = f"INSERT INTO schema_migration VALUES ({migration.version}, '{quoted}', {_NOW[connection.dialect]})"
    unless = f"SELECT version FROM schema_migration WHERE version = {migration.version}"
    await _in_transaction(connection, [*statements, record], unless=unless)


async def _in_transaction(
    connection: MigrationConnection, statements: Sequence[str], *, unless: str | None = None
) -> None:
    for text in _BEGIN[connection.dialect]:
        await connection.execute(text)
    try:
        if unless is None or not await connection.execute(unless):
            for text in statements:
                await connection.execute(text)
        await connection.execute("COMMIT")
    except BaseException:
        await connection.execute("ROLLBACK")
        raise


def refuse_development(applied: Mapping[int, str]) -> None:
    """Raises StorageRefused if a version from before the first release made the database."""
    if applied.get(1) == _DEVELOPMENT:
        raise StorageRefused(
            "This database was made by a development version of Enginehouse, before 0.1.0, and cannot be brought up to "
            "date. Start with an empty one: another data folder (--data) or another PostgreSQL database (--database)."
        )


def _refuse_unknown(applied: Mapping[int, str], migrations: Sequence[Migration]) -> None:
    expected = {migration.version: migration.name for migration in migrations}
    newest = max(applied, default=0)
    if newest > len(expected):
        raise StorageRefused(
            f"The database was written by a newer Enginehouse: its schema is at version {newest}, this program knows "
            f"versions up to {len(expected)}. Start the newer program, or restore a backup from before the upgrade."
        )
    for version, name in applied.items():
        if expected[version] != name:
            raise StorageRefused(
                f'The database has been through another change {version}: "{name}" instead of "{expected[version]}". '
                "It was not made by this program; give another database."
            )
