"""`enginehouse serve --artifacts s3://…`: jobs run, servers share, outages pass, and nothing secret is told."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tests import commands
from tests.acceptance.server import (
    COMMAND,
    Server,
    create,
    detail,
    ended,
    lines,
    logs,
    offer,
    output,
    serving,
    share_secret,
    task_of,
    until,
)
from tests.object_store import SECRET, ObjectStore
from tests.store_proxy import StoreProxy, Trouble, proxy_to

SENTIMENT = "b1f0a9d4-2c67-4e83-8a15-96d07c3e5f42"
WEBSTREAM = "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255"
LARGE = 192 << 20
GRAPH = f"""mutation J($target: ID!) {{ createJob(input: {{
  targetId: $target
  tasks: [
    {{engineId: "{WEBSTREAM}", ioFolders: [{{referenceId: "a", mode: stream, type: output}}]}}
    {{engineId: "weighs", ioFolders: [{{referenceId: "b", mode: stream, type: input}}]}}
  ]
  routes: [{{parentIoFolderReferenceId: "a", childIoFolderReferenceId: "b"}}]
}}) {{ id }} }}"""


@pytest.fixture
def proxy(object_store: ObjectStore) -> Iterator[StoreProxy]:
    with proxy_to(object_store.url) as proxy:
        yield proxy


def refused(data: Path, *options: str, **environment: str) -> str:
    """Returns what a server says that does not start."""
    command = [str(COMMAND), "serve", "--data", str(data), "--port", "0", *options]
    said = commands.run(command, environment=os.environ | environment)
    assert said.returncode == 1, said.stderr
    [line] = said.stderr.splitlines()[-1:]
    return line


def places(server: Server) -> list[Path]:
    """Returns the files of the data folder that hold bytes of artifacts."""
    return [path for path in server.data.rglob("artifacts/kept/**/*") if path.is_file()]


async def graphql(client: httpx.AsyncClient, query: str, **variables: Any) -> Any:
    answer = await client.post("/v3/graphql", json={"query": query, "variables": variables})
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]


async def uploaded(client: httpx.AsyncClient, size: int) -> dict[str, Any]:
    """Returns a new target, with an asset that was put to a signed URL."""
    query = '{ getSignedWritableUrl(key: "a.bin") { url getUrl } }'
    place = (await graphql(client, query))["getSignedWritableUrl"]

    async def zeros() -> AsyncIterator[bytes]:
        for _ in range(0, size, 1 << 20):
            yield bytes(min(size, 1 << 20))

    put = await client.put(place["url"], content=zeros(), headers={"Content-Type": "application/octet-stream"})
    assert put.status_code == 200, put.text
    made = await graphql(
        client,
        """mutation M($uri: String!) { createTDOWithAsset(input: {startDateTime: 1, assetType: "media", uri: $uri,
        contentType: "application/octet-stream"}) { id primaryAsset(assetType: "media") { id signedUri } } }""",
        uri=place["getUrl"],
    )
    found: dict[str, Any] = made["createTDOWithAsset"]
    return found


async def test_a_job_runs_and_its_outputs_are_there_after_a_restart(
    tmp_path: Path, object_store: ObjectStore, proxy: StoreProxy
) -> None:
    place, environment = object_store.place(), object_store.environment(proxy.url)
    path = offer(tmp_path / "offered", "honest")
    with serving(tmp_path / "data", "--artifacts", place, PYTHONPATH=path, **environment) as server:
        async with server.client() as client:
            [job, printing] = await create(
                client, task_of(SENTIMENT, {"text": "I love this harbour."}), task_of("honest")
            )
            assert [await ended(client, one) for one in (job, printing)] == ["complete", "complete"]
            first = await output(client, job)
            assert "I love this harbour." in first
            [task] = (await detail(client, printing))["tasks"]
            assert await logs(client, task["internalTaskID"]) == ["honest work\n"]
        assert server.stop() == 0
        server.start()
        async with server.client() as client:
            assert await output(client, job) == first
            assert await logs(client, task["internalTaskID"]) == ["honest work\n"]
            part = await client.get(
                f"/edge/v1/proc/job/{job}/download/{await name_of(client, job)}", headers={"Range": "bytes=2-5"}
            )
            assert (part.status_code, part.text) == (206, first[2:6])
            assert (await client.post(f"/edge/v1/proc/job/{job}/delete")).status_code == 200
        assert server.stop() == 0
        assert places(server) == []
        told = "".join((tmp_path / f"data.{start}.log").read_text() for start in (1, 2))
        for secret in (SECRET, "X-Amz-Signature", "AWS4-HMAC"):
            assert secret not in told


async def name_of(client: httpx.AsyncClient, job: str) -> str:
    [only] = (await client.get(f"/edge/v1/proc/job/{job}/outputs")).json()["outputs"]["outputs"]
    name: str = only["name"]
    return name


async def test_a_start_with_another_store_is_refused_in_a_sentence(tmp_path: Path, object_store: ObjectStore) -> None:
    place, environment, data = object_store.place(), object_store.environment(), tmp_path / "data"
    with serving(data, "--artifacts", place, **environment) as server:
        assert server.stop() == 0
    for other in ([], ["--artifacts", str(tmp_path / "folder")], ["--artifacts", object_store.place()]):
        said = refused(data, *other, **environment)
        assert f"start with --artifacts {place}" in said
    new = tmp_path / "new"
    assert "holds the bytes of another database" in refused(new, "--artifacts", place, **environment)
    missing = refused(new, "--artifacts", "s3://there-is-no-such-bucket/x", **environment)
    assert "s3://there-is-no-such-bucket/x cannot be used: the bucket does not exist" in missing
    wrong = environment | {"AWS_SECRET_ACCESS_KEY": "another-secret"}
    said = refused(new, "--artifacts", place, **wrong)
    assert "refuses the credentials" in said
    assert "another-secret" not in said


async def test_while_the_store_is_away_requests_get_503_and_work_waits_uncharged(
    tmp_path: Path, object_store: ObjectStore, proxy: StoreProxy
) -> None:
    environment = object_store.environment(proxy.url)
    with serving(tmp_path / "data", "--artifacts", object_store.place(), **environment) as server:
        async with server.client() as client:
            [before] = await create(client, task_of(SENTIMENT, {"text": "Lovely."}))
            assert await ended(client, before) == "complete"
            name = await name_of(client, before)
            proxy.always(Trouble.BUSY)
            away = await client.get(f"/edge/v1/proc/job/{before}/download/{name}")
            assert away.status_code == 503
            assert int(away.headers["retry-after"]) >= 5
            assert away.json()["id"] == "service_unavailable"
            [job] = await create(client, task_of(SENTIMENT, {"text": "Awful."}, maxRetries=0))
            attempts = f"/api/v1/jobs/{job}/tasks/0/attempts"

            async def was_given_back() -> bool:
                found = (await client.get(attempts)).json()
                return "store_unavailable" in repr(found)

            await until(was_given_back, "an attempt was given back")
            proxy.always(Trouble.NONE)
            assert await ended(client, job) == "complete"
            assert "Awful." in await output(client, job)
        assert server.stop() == 0
        told = server.log.read_text()
        assert told.count("the store of the artifacts cannot be used") == 1
        assert told.count("the store of the artifacts can be used again") == 1


async def test_two_servers_with_folders_of_their_own_share_a_bucket(
    tmp_path: Path, object_store: ObjectStore, postgres_dsn: str
) -> None:
    place, environment = object_store.place(), object_store.environment()
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    path = offer(tmp_path / "offered", "waits", "honest")
    share_secret(tmp_path / "asks", tmp_path / "works")
    options = ("--artifacts", place)
    with (
        serving(tmp_path / "works", *options, database=postgres_dsn, PYTHONPATH=path, **environment) as works,
        serving(
            tmp_path / "asks", *options, "--native-slots", "0", "--python-slots", "0", database=postgres_dsn,
            PYTHONPATH=path, **environment,
        ) as asks,
    ):  # fmt: skip
        async with asks.client() as client:
            [job] = await create(client, task_of("waits", {"runs": str(runs), "gate": str(gate)}))
            await until(lambda: bool(lines(runs)), "the engine runs")

            async def is_shown(of: str, text: str) -> bool:
                found = await client.get(f"/api/v1/jobs/{of}/tasks/0/attempts/0/1/log")
                return found.status_code == 200 and found.text == text

            await until(lambda: is_shown(job, "it waits\n"), "the log of an attempt that runs on the other server")
            gate.touch()
            assert await ended(client, job) == "complete"
            assert await output(client, job) == "waited"
            [printing] = await create(client, task_of("honest"))
            assert await ended(client, printing) == "complete"
            await until(lambda: is_shown(printing, "honest work\n"), "the whole log of the other server")
        assert works.stop() == asks.stop() == 0


async def test_a_large_input_passes_through_a_server_that_stays_small(
    tmp_path: Path, object_store: ObjectStore
) -> None:
    path = offer(tmp_path / "offered", "weighs")
    options = ("--artifacts", object_store.place())
    with serving(tmp_path / "data", *options, PYTHONPATH=path, **object_store.environment()) as server:
        async with server.client() as client:
            await uploaded(client, 1 << 20)
            before = resident(server.pid)
            target = await uploaded(client, LARGE)
            job = (await graphql(client, GRAPH, target=target["id"]))["createJob"]["id"]
            assert await ended(client, job) == "complete"
            assert await output(client, job) == str(LARGE)
            got = 0
            async with client.stream("GET", target["primaryAsset"]["signedUri"]) as answer:
                async for block in answer.aiter_bytes():
                    got += len(block)
            assert got == LARGE
            grown = resident(server.pid) - before
            sys.stdout.write(f"{LARGE >> 20} MiB in, to an engine and out: the server grew by {grown >> 20} MiB\n")
            assert grown < LARGE // 2
        assert server.stop() == 0


def resident(pid: int) -> int:
    """Returns the resident memory of the process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("redirect", [False, True])
async def test_a_signed_url_leads_to_the_bucket_only_if_a_setting_says_so(
    tmp_path: Path, object_store: ObjectStore, *, redirect: bool
) -> None:
    options = ("--artifacts", object_store.place(), *(["--artifacts-redirect"] if redirect else []))
    with serving(tmp_path / "data", *options, **object_store.environment()) as server:
        async with server.client() as client, httpx.AsyncClient() as anybody:
            target = await uploaded(client, 1000)
            uri = target["primaryAsset"]["signedUri"]
            answer = await anybody.get(uri)
            assert answer.status_code == (307 if redirect else 200)
            assert (await anybody.head(uri)).status_code == 200
            assert (await anybody.get(uri.replace("signature=", "signature=0"))).status_code == 403
            if redirect:
                address = answer.headers["location"]
                assert urlsplit(address).netloc == urlsplit(object_store.url).netloc
                assert answer.headers["cache-control"] == "no-store"
                answer = await anybody.get(address)
            assert answer.content == bytes(1000)
            asset = target["primaryAsset"]["id"]
            owned = await client.get(f"/api/v1/asset/{asset}/content")
            assert (owned.status_code, owned.content) == (200, bytes(1000))
            assert (await anybody.get(uri)).status_code != 404
            await graphql(client, f'mutation {{ deleteAsset(id: "{asset}") {{ id }} }}')
            assert (await anybody.get(uri)).status_code == 404
        assert server.stop() == 0
        assert "X-Amz-Signature" not in server.log.read_text()
