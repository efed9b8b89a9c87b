"""The same engine with the same input has the same output: in the server, on another machine, and on a Ray cluster."""

import asyncio
import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

import pytest
from docs import graphs
from tests.acceptance.remote import SERVES_ONLY, token_for_workers, working
from tests.acceptance.server import CHECKOUT, NOOP, TOKEN, Server, create, ended, offer, serving, task_of
from tests.ray_cluster import RayCluster
from tests.thorough import THOROUGH

from enginehouse.client import Client, files, jobs

ENGINES = ("speaks", "quotes", "imports")
SAMPLE = CHECKOUT / "src/enginehouse_engines/samples/four-languages.md"
ASSET_CREATOR = "75fc943b-b5b0-4fe1-bcb6-9a7e1884257a"
# Ids and times differ from job to job.
_VOLATILE = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{8}_[0-9A-Za-z]{10,15}"
    r"|\d{4}-\d\d-\d\dT[0-9:.]+Z?|\b\d+_[0-9A-Za-z]{10}\b"
)


def keeps() -> dict[str, Any]:
    """Returns a job that keeps the target's file as an asset of it."""
    tasks = [
        {"engineId": graphs.WEBSTREAM, "ioFolders": [{"referenceId": "a", "mode": "stream", "type": "output"}]},
        {"engineId": ASSET_CREATOR, "ioFolders": [{"referenceId": "b", "mode": "stream", "type": "input"}]},
    ]
    return {"tasks": tasks, "routes": [{"parentIoFolderReferenceId": "a", "childIoFolderReferenceId": "b"}]}


ON_A_FILE = {"collated": graphs.text_job, "kept": keeps}
ALONE = {
    "noop": task_of(NOOP),
    "sentiment": task_of("sentiment-vader", {"text": "I love the morning, and I hate the rain."}),
    "two documents": task_of("speaks"),
    "import path": task_of("imports"),
    "no such mood": task_of("quotes", {"secret": 1}, maxRetries=0),
    "nothing to read": task_of(graphs.WEBSTREAM, {"url": "http://127.0.0.1:9/x"}, maxRetries=0),
}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yields a server that runs its engines itself."""
    folder = tmp_path_factory.mktemp("local")
    with serving(folder / "data", PYTHONPATH=offer(folder / "offered", *ENGINES)) as server:
        yield server


@pytest.fixture(scope="module")
def elsewhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yields a server whose engines run elsewhere: on the machine of a worker, or on its cluster."""
    folder = tmp_path_factory.mktemp("elsewhere")
    options, environment = tuple[str, ...](), dict[str, str]()
    if request.param == "ray":
        cluster: RayCluster = request.getfixturevalue("ray_cluster")
        path, options, environment = cluster.path, cluster.options(), cluster.access()
    else:
        path = offer(folder / "offered", *ENGINES)
    with serving(folder / "data", *SERVES_ONLY, PYTHONPATH=path) as server:

        async def token() -> str:
            async with server.client() as client:
                return await token_for_workers(client)

        data = folder / "worker"
        with working(server.url, asyncio.run(token()), data, *options, environment=environment, PYTHONPATH=path):
            yield server


def on(remote: Collection[str], ray: Collection[str]) -> pytest.MarkDecorator:
    """The test runs for each of these names on a worker's machine, and for some on a cluster, which starts a process
    for each engine. In `make chaos` all run on both.
    """
    pairs = [pytest.param("remote", name) for name in remote]
    pairs += [pytest.param("ray", name, marks=pytest.mark.cluster) for name in (remote if THOROUGH else ray)]
    return pytest.mark.parametrize(("elsewhere", "name"), pairs, indirect=["elsewhere"])


@on(ALONE, ray=["two documents"])
async def test_a_task_alone(local: Server, elsewhere: Server, name: str) -> None:
    found = []
    for server in (local, elsewhere):
        async with server.client() as client:
            [job] = await create(client, ALONE[name])
            status = await ended(client, job)
        found.append((status, await _left(server, job)))
    assert found[1] == found[0]
    assert found[0][1]


@on(ON_A_FILE if THOROUGH else ["kept"], ray=[])
async def test_a_graph_on_a_file(local: Server, elsewhere: Server, name: str) -> None:
    found = []
    for server in (local, elsewhere):

        def begin(url: str = server.url) -> str:
            with Client(url, TOKEN) as client:
                target = files.upload(client, SAMPLE)
                job, _ = jobs.create(client, graphs.with_input(ON_A_FILE[name](), target_id=target))
                return job

        job = await asyncio.to_thread(begin)
        async with server.client() as client:
            assert await ended(client, job) == "complete"
        found.append(await _left(server, job))
    assert found[1] == found[0]
    assert found[0]


async def _left(server: Server, job: str) -> list[Any]:
    """Returns what the job has left, in order: outputs with their bytes, failures, logs, and assets of its target."""
    async with server.client() as client:
        detail = (await client.get(f"/api/v1/jobs/{job}")).json()["result"]
        left: list[Any] = []
        for task in detail["tasks"]:
            listed = (await client.get(f"/edge/v1/proc/task/{task['internalTaskID']}/outputs")).json()
            for each in listed["outputs"]["outputs"]:
                place = f"/edge/v1/proc/task/{task['internalTaskID']}/download/{each['name']}"
                left.append((_plain(each["name"]), _plain((await client.get(place)).text)))
            left.append((task["taskStatus"], task["failureReason"], _plain(task.get("failureDetail", ""))))
    number = "(SELECT MAX(id) FROM job)"
    rows = await server.rows(
        f"SELECT number, outcome, failure_reason, failure_message FROM attempt WHERE job_id = {number} ORDER BY 1, 2"
    )
    assets = await server.rows(
        f"SELECT asset_type, content_type, name, size, sha256, is_primary FROM asset "
        f"WHERE job_id = {number} AND is_result = 0 ORDER BY 1, 3"
    )
    return [*left, *rows, *assets]


def _plain(text: str) -> str:
    with suppress(ValueError):
        text = json.dumps(json.loads(text), sort_keys=True)
    return _VOLATILE.sub("*", text)
