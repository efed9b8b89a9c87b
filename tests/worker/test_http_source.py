"""A worker whose token is not accepted any more hears it, whichever request is the first to be refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests import make
from tests.operations.remote import SPECS
from tests.operations.scheduled import furnish

from enginehouse.api.asgi import application
from enginehouse.artifacts.disk import DiskStore
from enginehouse.operations import identity, worker_tokens
from enginehouse.operations.house import House
from enginehouse.runtime.source import WorkerOffer
from enginehouse.storage.database.database import Database
from enginehouse.worker.connection import Connection, TokenRefused
from enginehouse.worker.http_source import HttpSource
from enginehouse.worker.input_cache import InputCache

CALLER = make.principal(super_admin=True)
OFFER = WorkerOffer(name="one", pools={"native": 1}, engines=[spec.id for spec in SPECS])


class Revoking(httpx.ASGITransport):
    """The way to a server on which the token is revoked after `left` requests."""

    def __init__(self, house: House, token: str) -> None:
        super().__init__(app=application(house))
        self._house, self._token, self.left = house, token, -1

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.left == 0:
            await identity.revoke_token(self._house, CALLER, self._token)
        self.left -= 1
        return await super().handle_async_request(request)


@pytest.fixture
async def house(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[House]:
    store = DiskStore(tmp_path / "store")
    built = await furnish(House.build(sqlite_database, store))
    yield built
    await built.work_waits.close()
    store.close()


@pytest.mark.parametrize("requests", [0, 1])
async def test_a_refused_token_is_heard(house: House, tmp_path: Path, requests: int) -> None:
    """At once, or when the server has forgotten the worker, which registers again."""
    token = (await worker_tokens.create(house, CALLER)).secret
    transport, heard = Revoking(house, token), list[str]()
    connection = Connection("http://server", token, transport=transport)
    source = HttpSource(connection, SPECS, InputCache(tmp_path), on_refused=heard.append)
    await source.register(OFFER)
    if requests:
        await source.leave("one")
    transport.left = requests
    with pytest.raises(TokenRefused) as refused:
        await source.wait(["native"], 0.0)
    assert heard == [str(refused.value)]
