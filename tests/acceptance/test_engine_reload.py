"""`enginehouse engine reload`: engines are installed, upgraded and removed while servers run, and no work is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.server import TOKEN, Server, create, ended, output, serving, task_of, until
from tests.acceptance.servers import Said, call
from tests.engines.own_environment import ECHO_ID, Site, engines_file, environment, path_of

_NAME = "Echo"


def command(server: Server, *words: str) -> Said:
    """Returns what the command says to this server."""
    return call(*words, environment={"ENGINEHOUSE_URL": server.url, "ENGINEHOUSE_TOKEN": TOKEN})


async def reload(server: Server) -> list[dict[str, Any]]:
    """Returns what each server has found."""
    said = await asyncio.to_thread(command, server, "engine", "reload", "--json")
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = json.loads(said.out)["servers"]
    assert all(one["reloaded"] for one in found)
    return found


async def said(client: httpx.AsyncClient, job: str) -> dict[str, Any]:
    """Returns what the engine has said in the job."""
    assert await ended(client, job) == "complete"
    found: dict[str, Any] = json.loads(await output(client, job))
    return found


async def why(client: httpx.AsyncClient, job: str) -> list[str]:
    """Returns the kinds of the reasons for which the job waits."""
    waiting = (await client.get(f"/api/v1/jobs/{job}/why")).json()["result"]
    return [reason["kind"] for reason in waiting["reasons"]]


@asynccontextmanager
async def echoing(site: Site, tmp_path: Path) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """Yields a server whose file names the environment. Its engines may write anywhere, as a test wants them to."""
    engines_file(tmp_path / "data", own=site.python)
    with serving(tmp_path / "data", "--python-slots", "2", "--engine-sandbox", "none") as server:
        async with server.client() as client:
            yield server, client


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return environment(tmp_path / "venv")


async def test_a_new_engine_runs_without_a_restart_in_both_interfaces(site: Site, tmp_path: Path) -> None:
    async with echoing(site, tmp_path) as (server, client):
        query = {"query": f'query {{ engine(id: "{ECHO_ID}") {{ name state installed }} }}'}
        assert (await client.post("/v3/graphql", json=query)).json()["errors"]
        site.install_echo("1")
        [found] = await reload(server)
        assert (found["added"], found["changed"], found["removed"], found["problems"]) == ([_NAME], [], [], [])
        shown = (await client.post("/v3/graphql", json=query)).json()["data"]["engine"]
        assert shown == {"name": _NAME, "state": "active", "installed": True}
        assert (await client.get(f"/edge/v1/admin/engine/{ECHO_ID}/detail")).status_code == 200
        [job] = await create(client, task_of(ECHO_ID))
        assert (await said(client, job))["dependency"] == "1"
        rows = await server.rows("SELECT event, success FROM audit_entry WHERE event = 'reloadEngines'")
        assert [(event, bool(success)) for event, success in rows] == [("reloadEngines", True)]


async def test_a_running_attempt_ends_with_the_engine_with_which_it_began(site: Site, tmp_path: Path) -> None:
    site.install_echo("1")
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    async with echoing(site, tmp_path) as (server, client):
        [old] = await create(client, task_of(ECHO_ID, {"started": str(begun), "gate": str(gate)}))
        await until(begun.exists, "the engine runs")
        site.install_echo("2", code="second")
        [found] = await reload(server)
        assert found["changed"] == [_NAME]
        [new] = await create(client, task_of(ECHO_ID))
        later = await said(client, new)
        gate.touch()
        before = await said(client, old)
        assert (before["code"], before["dependency"]) == ("first", "1")
        assert (later["code"], later["dependency"]) == ("second", "2")
        [again] = await create(client, task_of(ECHO_ID))
        assert (await said(client, again))["code"] == "second"


async def test_work_of_a_removed_engine_waits_until_it_is_installed_again(site: Site, tmp_path: Path) -> None:
    site.install_echo("1")
    async with echoing(site, tmp_path) as (server, client):
        [job] = await create(client, task_of(ECHO_ID))
        await said(client, job)
        site.remove("echo")
        assert [one["removed"] for one in await reload(server)] == [[_NAME]]
        listed = command(server, "engine", "list", "--name", _NAME)
        assert "not installed" in listed.out
        assert (await client.get(f"/api/v1/engines/{ECHO_ID}")).json()["result"]["installed"] is False
        [waits] = await create(client, task_of(ECHO_ID))
        assert await why(client, waits) == ["engine_not_installed"]
        advice = " ".join(command(server, "job", "why", waits).out.split())
        assert 'The engine "Echo" is not installed on any connected server or worker.' in advice
        assert "enginehouse engine reload" in advice
        site.install_echo("2")
        assert [one["added"] for one in await reload(server)] == [[_NAME]]
        assert (await said(client, waits))["dependency"] == "2"


async def test_an_environment_is_added_to_the_file_and_its_faults_are_said(site: Site, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        assert [one["problems"] for one in await reload(server)] == [[]]
        site.install_echo("1")
        site.install("broken", {"broken.py": "import torchless\n"}, "broken = broken:engine\n")
        file = engines_file(data, own=site.python, gone="/nowhere/python")
        shown = command(server, "engine", "reload")
        assert shown.code == 0, shown.err
        assert "new: Echo" in shown.out
        assert f"not used: {file}: environments.gone.python: /nowhere/python does not exist." in shown.out
        assert 'not used: engine broken of environment own: The engine needs the package "torchless"' in shown.out
        refused = call("engine", "reload", environment={"ENGINEHOUSE_URL": server.url, "ENGINEHOUSE_TOKEN": "no"})
        assert refused.code == 1


async def test_every_server_of_a_database_reads_its_own_machine(postgres_dsn: str, tmp_path: Path) -> None:
    """Each server has packages of its own, as if they were on two machines."""
    sites = [Site(tmp_path / name) for name in ("one", "two")]
    servers = [
        Server(
            tmp_path / "data", postgres_dsn, ("--python-slots", "1"), {"PYTHONPATH": path_of(site.folder)}, name=f"-{n}"
        )
        for n, site in enumerate(sites)
    ]
    for site in sites:
        site.folder.mkdir()
    try:
        for server in servers:
            await asyncio.to_thread(server.start)
        one, two = servers
        sites[1].install_echo("1")
        found = await reload(one)
        assert sorted(server["added"] for server in found) == [[], [_NAME]]
        async with one.client() as client:
            [job] = await create(client, task_of(ECHO_ID))
            assert (await said(client, job))["dependency"] == "1"
        sites[0].install_echo("1")
        sites[1].remove("echo")
        found = await reload(two)
        assert sorted((server["added"], server["removed"]) for server in found) == [([], [_NAME]), ([_NAME], [])]
        async with two.client() as client:
            [job] = await create(client, task_of(ECHO_ID))
            assert await ended(client, job) == "complete"
    finally:
        for server in servers:
            if server.process is not None and server.process.poll() is None:
                server.kill()
