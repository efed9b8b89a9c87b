"""Nothing that one organization's engines leave reaches another organization, and no engine sees a secret."""

import ast
from collections.abc import Iterator

import httpx
import pytest
from tests.acceptance.server import TOKEN, Server, create, detail, ended, offer, output, serving, task_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("isolation")
    path = offer(folder / "offered", "honest")
    with serving(folder / "data", PYTHONPATH=path, ENGINEHOUSE_LICENCE="do not tell") as started:
        yield started


async def test_a_warm_child_serves_its_own_organization_alone(server: Server) -> None:
    async with server.client() as ours, server.client(await _token_of_another_organization(server)) as theirs:
        first, _ = await _honest(ours)
        other, _ = await _honest(theirs)
        again, _ = await _honest(ours)
    assert first == again
    assert other != first


async def test_an_engine_sees_nothing_of_the_servers_environment(server: Server) -> None:
    async with server.client() as client:
        _, environment = await _honest(client)
    assert TOKEN not in repr(environment)
    assert "do not tell" not in repr(environment)
    assert not [name for name in environment if name.startswith("AIWARE")]


async def test_secrets_are_neither_printed_nor_readable_by_others(server: Server) -> None:
    printed = server.log.read_text()
    password = (server.data / "admin-password").read_text().strip()
    assert password not in printed
    assert TOKEN not in printed
    assert TOKEN not in "".join(map(repr, await server.rows("SELECT * FROM token")))
    for file in (server.data / "admin-password", *(server.data / "servers").iterdir()):
        assert file.stat().st_mode & 0o077 == 0
    assert server.data.stat().st_mode & 0o077 == 0


async def test_the_logs_and_outputs_of_another_organization_are_not_there(server: Server) -> None:
    async with server.client() as ours, server.client(await _token_of_another_organization(server)) as theirs:
        [job] = await create(ours, task_of("honest"))
        await ended(ours, job)
        [task] = (await detail(ours, job))["tasks"]
        for path in (
            f"proc/task/{task['internalTaskID']}/logs",
            f"proc/task/{task['internalTaskID']}/download/me.txt",
            f"proc/job/{job}/download/me.txt",
        ):
            assert (await ours.get(f"/edge/v1/{path}")).status_code == 200, path
            assert (await theirs.get(f"/edge/v1/{path}")).status_code == 404, path


async def _honest(client: httpx.AsyncClient) -> tuple[int, dict[str, str]]:
    [job] = await create(client, task_of("honest"))
    assert await ended(client, job) == "complete"
    pid, environment = ast.literal_eval(await output(client, job))
    return pid, environment


async def _token_of_another_organization(server: Server) -> str:
    async with server.client() as client:
        made = await client.post("/api/v1/organizations", json={"name": "Other"})
        assert made.status_code == 200, made.text
        organization = made.json()["result"]["organizationID"]
        token = await client.post("/api/v1/tokens", json={"organizationID": organization})
        assert token.status_code == 200, token.text
        secret: str = token.json()["result"]["token"]
        return secret
