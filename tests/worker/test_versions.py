"""A worker of another version: an older one works, a newer one too as long as it speaks this exchange, and else a
sentence says so."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests import make
from tests.operations.remote import SPECS
from tests.operations.scheduled import furnish

from enginehouse.api.asgi import application
from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.errors import InvalidInput
from enginehouse.operations import jobs, worker_tokens
from enginehouse.operations.house import House
from enginehouse.runtime.source import WorkerOffer
from enginehouse.storage.database.database import Database
from enginehouse.wire import worker as wire
from enginehouse.worker import http_source
from enginehouse.worker.connection import Connection
from enginehouse.worker.http_source import HttpSource
from enginehouse.worker.input_cache import InputCache

BASE = "/api/v1/instances"
# What a worker of the first version of the exchange sends, with no field that came later.
FIRST: dict[str, Any] = {"wireVersion": 1, "name": "old", "slots": {"native": 1}}
NEWER = {"somethingNew": {"a": [1]}}


@pytest.fixture
async def house(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[House]:
    store = DiskStore(tmp_path / "store")
    built = await furnish(House.build(sqlite_database, store))
    yield built
    await built.work_waits.close()
    store.close()


@pytest.fixture
async def connection(house: House) -> AsyncIterator[Connection]:
    issued = await worker_tokens.create(house, make.principal(super_admin=True))
    async with Connection(
        "http://server", issued.secret, transport=httpx.ASGITransport(app=application(house))
    ) as opened:
        yield opened


async def post(connection: Connection, path: str, body: dict[str, Any]) -> Any:
    raw = await connection.send("POST", path, msgspec.json.encode(body))
    return msgspec.json.decode(raw) if raw else None


def noop() -> dict[str, Any]:
    [spec] = [spec for spec in SPECS if spec.id == "noop"]
    return {"id": spec.id, "name": spec.name, "categoryID": spec.category_id, "kind": spec.kind.value}


@pytest.mark.parametrize("more", [{}, NEWER], ids=["older", "newer"])
async def test_a_worker_of_another_minor_version_takes_and_reports_work(
    house: House, connection: Connection, more: dict[str, Any]
) -> None:
    """An older one leaves out what came later; a newer one says what this server does not know."""
    found = await post(connection, BASE, FIRST | more | {"engines": [noop() | more]})
    place = f"{BASE}/{found['instanceID']}"
    await jobs.create(house, make.principal(), [make.independent(1)])
    waited = await post(connection, f"{place}/wait", {"pools": ["native"], "seconds": 0} | more)
    assert waited["ready"] == ["native"]
    said = await post(connection, f"{place}/exchange", {"claims": {"native": 1}} | more)
    [work] = said["work"]
    said = await post(connection, f"{place}/exchange", {"held": [work["lease"]]} | more)
    assert said["held"] == [{"lease": work["lease"]}]
    report = {"lease": work["lease"], "failure": {"reason": "internal_error"} | more} | more
    said = await post(connection, f"{place}/exchange", {"reports": [report]} | more)
    assert said["answers"] == [{"lease": work["lease"], "status": "accepted"}]
    await post(connection, f"{place}/terminate", {})


def test_an_answer_of_a_newer_server_is_understood() -> None:
    for kind in (wire.Registered, wire.Exchanged, wire.Waited, wire.LogEnd, wire.UploadedBody, wire.HttpEngineBody):
        fields = {name: _example(name) for name in kind.__struct_encode_fields__}
        given = {name: value for name, value in fields.items() if value is not None}
        assert msgspec.json.decode(msgspec.json.encode(given | NEWER), type=kind) == msgspec.convert(given, kind)


def _example(name: str) -> Any:
    """Returns a value for the field of an answer, None to leave it out."""
    lists, numbers = {"engineIDs", "unknownEngineIDs"}, {"leaseSeconds", "wireVersion", "offset", "size"}
    if name in lists:
        return []
    if name in numbers:
        return 1
    if name == "engine":
        return noop() | NEWER
    if name == "address":
        return {"url": "http://a", "ready": "/r", "process": "/p", "private": False} | NEWER
    return name if name in {"instanceID", "name", "key", "sha256", "md5"} else None


async def test_a_newer_exchange_is_refused_in_a_sentence(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_source, "VERSION", wire.VERSION + 1)
    source = HttpSource(connection, SPECS, InputCache(tmp_path))
    with pytest.raises(InvalidInput) as refused:
        await source.register(WorkerOffer(name="new", pools={"native": 1}, engines=["noop"]))
    assert str(refused.value) == (
        f"wireVersion: this server speaks version {wire.VERSION}, got {wire.VERSION + 1}. "
        "Use a worker of the server's version."
    )
