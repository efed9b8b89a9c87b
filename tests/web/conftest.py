"""The pages on a real house: readers who have signed in, in every role, and one of another organization."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.operations.people import BOOTSTRAP
from tests.operations.scheduled import furnish
from tests.thorough import THOROUGH
from tests.web.reader import BASE, Reader

from enginehouse.app import DESCRIPTIONS
from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations import accounts, identity
from enginehouse.operations.first_start import first_start
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database
from enginehouse.web.site import site

PASSWORD = "correct horse battery"


@pytest.fixture(params=["sqlite", *(["postgres"] if THOROUGH else [])])
def database(request: pytest.FixtureRequest) -> Database:
    """The pages call operations, which have tests of their own on both databases."""
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """A house with its pages. `caller` is the administrator `admin` of organization 1."""

    house: House
    caller: Principal
    secret: str
    transport: httpx.ASGITransport
    closing: AsyncExitStack

    async def reader(self, base: str = BASE) -> Reader:
        """Returns a browser that has not signed in."""
        client = httpx.AsyncClient(transport=self.transport, base_url=base)
        return Reader(await self.closing.enter_async_context(client))

    async def signed_in(self, role: Role = Role.USER) -> Reader:
        """Returns a browser in which a new user of this role has signed in."""
        await accounts.create_user(self.house, self.caller, name=f"a {role.value}", password=PASSWORD, role=role)
        reader = await self.reader()
        await reader.sign_in(f"a {role.value}", PASSWORD)
        return reader

    async def stranger(self) -> Reader:
        """Returns a browser in which an administrator of another organization has signed in."""
        other = await accounts.create_organization(self.house, self.caller, "Elsewhere")
        await accounts.create_user(
            self.house, self.caller, name="stranger", password=PASSWORD, role=Role.ADMIN, organization_id=other.id
        )
        reader = await self.reader()
        await reader.sign_in("stranger", PASSWORD)
        return reader


@pytest.fixture
async def place(database: Database, tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as closing:
        store = DiskStore(tmp_path / "store")
        closing.callback(store.close)
        house = await furnish(House.build(database, store))
        await first_start(house, init_token=BOOTSTRAP)
        caller = await identity.authenticate(house, BOOTSTRAP)
        yield Place(house, caller, BOOTSTRAP, httpx.ASGITransport(app=site(house, DESCRIPTIONS)), closing)
