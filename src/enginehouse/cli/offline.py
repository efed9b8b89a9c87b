"""Sets a lost password in a database without a server, for the owner of the machine."""

import asyncio
import tempfile
from pathlib import Path

from enginehouse import app
from enginehouse.artifacts.disk import DiskStore
from enginehouse.cli.errors import CommandError
from enginehouse.domain.errors import Refusal
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations import accounts
from enginehouse.operations.house import House
from enginehouse.settings import Settings

# Nobody has signed in. The owner of the files may do this.
_OWNER = Principal(organization_id=1, user_id=None, token_id="", role=Role.ADMIN, super_admin=True)


def set_password(data: Path | None, database: str | None, name: str, password: str) -> None:
    """The user has the password. Raises CommandError."""
    if data is not None and database is None and not (data / "enginehouse.db").exists():
        raise CommandError(f"There is no database in {data}. Name the folder of a server with --data.")
    with tempfile.TemporaryDirectory(prefix="enginehouse-") as scratch:
        settings = Settings(data=data or Path(scratch), database=database)
        try:
            asyncio.run(_set_password(settings, Path(scratch), name, password))
        except Refusal as refusal:
            raise CommandError(refusal.message) from None


async def _set_password(settings: Settings, scratch: Path, name: str, password: str) -> None:
    database = await app.open_database(settings)
    try:
        store = DiskStore(scratch / "artifacts")
        try:
            await accounts.set_password(House.build(database, store), _OWNER, name, password)
        finally:
            store.close()
    finally:
        await database.close()
