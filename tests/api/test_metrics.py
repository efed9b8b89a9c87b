"""`GET /metrics`: who may read it, its formats, and that many readers cost one look."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.api.clients import Api

from enginehouse.api.asgi import application
from enginehouse.api.metrics.page import MetricsAccess
from enginehouse.domain.errors import Unavailable
from enginehouse.domain.identity import Role
from enginehouse.operations import metrics
from enginehouse.operations.house import House

SECRET: Final = "a-secret-of-the-scraper"


def reader(house: House, access: MetricsAccess | None = None) -> httpx.AsyncClient:
    """Returns a client of this house without a token."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application(house, metrics=access)), base_url="http://test"
    )


async def read(client: httpx.AsyncClient, token: str = "") -> dict[str, float]:
    """Returns the numbers, by their names and labels."""
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_only_the_servers_administrator_and_who_has_the_secret_read_them(sqlite_api: Api) -> None:
    user, other = await sqlite_api.in_role(Role.ADMIN), await sqlite_api.another_organization()
    async with reader(sqlite_api.house, MetricsAccess(secret=SECRET)) as client:
        for token, status in (
            (None, 401),
            ("wrong", 401),
            ("ünknown", 401),
            (user.edge.token, 403),
            (other.edge.token, 403),
        ):
            headers = {} if token is None else {b"Authorization": b"Bearer " + token.encode()}
            answer = await client.get("/metrics", headers=headers)
            assert (answer.status_code, set(answer.json())) == (status, {"id", "description", "detail"}), token
        for token in (sqlite_api.edge.token, SECRET):
            assert (await read(client, token))["enginehouse_storage_up"] == 1
    async with reader(sqlite_api.house) as client:
        assert (await client.get("/metrics", headers={"Authorization": f"Bearer {SECRET}"})).status_code == 401
    async with reader(sqlite_api.house, MetricsAccess(is_open=True)) as client:
        assert await read(client)


async def test_the_numbers_are_those_of_the_storage_and_of_the_process(sqlite_api: Api) -> None:
    await sqlite_api.edge.create()
    async with reader(sqlite_api.house, MetricsAccess(is_open=True)) as client:
        numbers = await read(client)
    assert numbers["enginehouse_jobs pending"] == 1
    assert sum(number for name, number in numbers.items() if name.startswith("enginehouse_runnable_items ")) == 1
    assert numbers["enginehouse_worker_slots native free"] == 0
    assert numbers["process_resident_memory_bytes"] > 1 << 20


async def test_a_reader_chooses_the_format(sqlite_api: Api) -> None:
    async with reader(sqlite_api.house, MetricsAccess(is_open=True)) as client:
        for accept in ("application/openmetrics-text; version=1.0.0", "text/plain;version=0.0.4"):
            answer = await client.get("/metrics", headers={"Accept": accept})
            assert answer.headers["content-type"].startswith(accept.split(";")[0])
            assert answer.text.endswith("# EOF\n") == accept.startswith("application")


async def test_readers_share_one_look_at_the_storage(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, look = list[House](), metrics.look

    async def counted(house: House) -> metrics.Snapshot:
        looks.append(house)
        return await look(house)

    monkeypatch.setattr(metrics, "look", counted)
    async with reader(sqlite_api.house, MetricsAccess(is_open=True)) as client:
        first = await read(client)
        await sqlite_api.edge.create()
        assert await read(client) == first
    assert len(looks) == 1


async def test_without_the_storage_there_is_no_number_of_it(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(work: object) -> None:
        raise Unavailable("The storage does not answer.")

    monkeypatch.setattr(sqlite_api.house.database, "read", away)
    async with reader(sqlite_api.house, MetricsAccess(is_open=True)) as client:
        numbers = await read(client)
    assert numbers["enginehouse_storage_up"] == 0
    assert numbers["process_resident_memory_bytes"] > 0
    assert not [name for name in numbers if name.startswith(("enginehouse_runnable", "enginehouse_jobs "))]


def test_a_server_that_nobody_measures_does_not_import_the_package(tmp_path: Path) -> None:
    program = "import sys, enginehouse.app; assert 'prometheus_client' not in sys.modules, 'imported'"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=tmp_path).returncode == 0
