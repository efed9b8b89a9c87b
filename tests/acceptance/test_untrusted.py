"""A real server as it is installed: a foreign engine reads none of its secrets, and downloads end at their limits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance import offered
from tests.acceptance.server import TOKEN, Server, create, detail, ended, offer, output, serving, task_of
from tests.acceptance.servers import call
from tests.client.servers import http, listening

from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import choose

OWN = Path(offered.__file__)
OWN_SIZE = OWN.stat().st_size
WEBSTREAM = "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("untrusted")
    limits = ("--allow-private-urls", "--download-mb", "1", "--organization-download-mb", "1")
    path = offer(folder / "offered", "curious")
    with serving(folder / "data", *limits, PYTHONPATH=path, ENGINEHOUSE_ENGINE_SANDBOX="auto") as started:
        yield started
        assert started.stop() == 0


async def test_an_engine_reads_no_secret_of_the_server(server: Server) -> None:
    if choose("auto") is SandboxLevel.NONE:
        pytest.skip("this machine has no sandbox")
    secrets = [str(path) for path in sorted(server.data.rglob("*")) if path.is_file()]
    assert str(server.data / "enginehouse.db") in secrets
    secrets += [f"/proc/{server.pid}/environ", f"/proc/{server.keeper()}/environ", "/etc/shadow"]
    async with server.client() as client:
        [job] = await create(client, task_of("curious", {"paths": [str(OWN), *secrets]}, maxRetries=0))
        assert await ended(client, job) == "complete"
        result = json.loads(await output(client, job))
    assert result["seen"].pop(str(OWN)) == f"{OWN_SIZE} bytes"
    assert set(result["seen"].values()) <= {"FileNotFoundError", "PermissionError"}
    assert TOKEN not in json.dumps(result)
    assert not [name for name in result["environment"] if name.startswith("AIWARE")]


async def test_downloads_end_at_the_limits_of_an_attempt_and_of_an_organization(server: Server) -> None:
    messages = []
    async with server.client() as client:
        for size in (1_500_000, 900_000, 900_000):
            async with listening(http(bytes(size), Content_Type="application/pdf")) as site:
                [job] = await create(client, task_of(WEBSTREAM, {"url": site.url()}, maxRetries=0))
                await ended(client, job)
            [task] = (await detail(client, job))["tasks"]
            messages.append(task.get("failureDetail"))
    assert messages == [
        f"url: the answer is larger than {1 << 20} bytes.",
        None,
        "url: the organization has read 1 MiB within an hour, its quota on this server.",
    ]


def test_a_sandbox_that_is_missing_is_said_before_a_first_start_makes_secrets(tmp_path: Path) -> None:
    data = tmp_path / "data"
    arguments = ("serve", "--data", str(data), "--port", "0", "--engine-sandbox", "bwrap")
    said = call(*arguments, environment={"PATH": str(tmp_path)})
    assert said.code == 1
    assert "--engine-sandbox bwrap cannot be used: bubblewrap is not installed." in said.err
    assert not (data / "enginehouse.db").exists()
