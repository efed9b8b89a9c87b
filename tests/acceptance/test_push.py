"""Pushes to a real server: its engines work on them, clients get results, and kill -9 loses nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.server import Server, serving, until

ENDPOINT = "7a1c9a3e-0000-4000-8000-00000000000a"
PUSH = "/edge/v1/proc/endpoint"
ADAPTER = "bb544ade-461c-11ea-8604-a3b3a83f5182"
WRITER = "8eccf9cc-6b6d-4d7d-8cb3-7ebf4950c5f3"
LANGUAGE, MOOD = "language-langid", "sentiment-vader"
TEXT = {"Content-Type": "text/plain"}


def push_job(engine: str, *, endpoint: str = ENDPOINT, adapter_input: bool = False, **route: Any) -> dict[str, Any]:
    """The adapter, an engine on what is pushed, and the output writer. The endpoint is before or behind the adapter."""
    root = {"taskChildId": "p", "taskChildInputId": "p-in", "endpoint": endpoint, **route}
    behind = {"taskParentId": "p", "taskParentOutputId": "p-out", "taskChildId": "e", "taskChildInputId": "e-in"}
    folders = [{"correlationID": "p-out", "mode": "chunk", "type": "output"}]
    if adapter_input:
        folders.append({"correlationID": "p-in", "mode": "chunk", "type": "input"})
        routes = [root, behind | {"chunkCallbackEnabled": True}]
    else:
        routes = [behind | {"endpoint": endpoint, **route}]
    last = {"taskParentId": "e", "taskParentOutputId": "e-out", "taskChildId": "w", "taskChildInputId": "w-in"}
    return {
        "tasks": [
            {"engineId": ADAPTER, "correlationTaskId": "p", "ioFolders": folders},
            {"engineId": engine, "correlationTaskId": "e",
             "ioFolders": [{"correlationID": "e-in", "mode": "chunk", "type": "input"},
                           {"correlationID": "e-out", "mode": "chunk", "type": "output"}]},
            {"engineId": WRITER, "correlationTaskId": "w",
             "ioFolders": [{"correlationID": "w-in", "mode": "chunk", "type": "input"}]},
        ],
        "taskRoutes": [*routes, last],
    }  # fmt: skip


async def created(client: httpx.AsyncClient, job: dict[str, Any]) -> str:
    answer = await client.post("/edge/v1/proc/job/create", json={"jobs": [job]})
    assert answer.status_code == 200, answer.text
    [job_id] = answer.json()["internalJobIds"]
    return str(job_id)


async def closed(client: httpx.AsyncClient, job_id: str) -> None:
    detail = (await client.get(f"/edge/v1/proc/job/{job_id}/detail")).json()["job"]
    [adapter] = [task["internalTaskID"] for task in detail["tasks"] if task["engineID"] == ADAPTER]
    body = {"taskIDs": [adapter], "taskStatus": "complete"}
    answer = await client.post("/edge/v1/proc/tasks/update_status", json=body)
    assert answer.json() == {"success": True}, answer.text


async def ended(client: httpx.AsyncClient, job_id: str) -> str:
    word = ""

    async def over() -> bool:
        nonlocal word
        word = (await client.get(f"/edge/v1/proc/job/{job_id}/status")).json()["job"]["jobStatus"]
        return word in {"complete", "failed", "aborted"}

    await until(over, "the job has ended")
    return word


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("pushes") / "data") as started:
        yield started


@pytest.mark.parametrize("adapter_input", [False, True], ids=["behind-the-adapter", "through-the-adapter"])
async def test_a_synchronous_push_returns_what_the_engine_says(server: Server, adapter_input: bool) -> None:
    endpoint = f"{ENDPOINT[:-1]}{int(adapter_input)}"
    place = f"{PUSH}/{endpoint}"
    async with server.client() as client:
        job = await created(
            client, push_job(LANGUAGE, endpoint=endpoint, adapter_input=adapter_input, syncEnabled=True)
        )
        texts = {
            "The weather is lovely today and the sun shines.": "en",
            "Das Wetter ist heute schön und die Sonne scheint.": "de",
            "Il fait beau aujourd'hui et le soleil brille.": "fr",
        }

        async def language(text: str) -> str:
            answer = await client.post(place, content=text.encode(), headers=TEXT)
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"].startswith("application/")
            return str(answer.json()["language"])

        assert await asyncio.gather(*map(language, texts)) == list(texts.values())
        broken = await client.post(place, content=b"\x00\x01", headers={"Content-Type": "image/png"})
        assert (broken.status_code, broken.json()["id"]) == (400, "push_failed"), broken.text
        assert await language("Buenos días, hoy hace muy buen tiempo en la ciudad.") == "es"
        assert (await client.get(f"/edge/v1/proc/job/{job}/status")).json()["job"]["jobStatus"] == "running"
        await closed(client, job)
        assert await ended(client, job) == "complete"
        outputs = (await client.get(f"/edge/v1/proc/job/{job}/outputs")).json()["outputs"]["outputs"]
        assert len(outputs) == 1
        assert (await client.post(place, content=b"late", headers=TEXT)).json()["id"] == "endpoint_closed"


@pytest.fixture(params=["sqlite", "postgres"])
def killed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yields the test's own server, on either database. It runs no engine of Python, so that pushes wait."""
    dsn = request.getfixturevalue("postgres_dsn") if request.param == "postgres" else None
    with serving(tmp_path / "data", "--python-slots", "0", "--lease-seconds", "2", database=dsn) as started:
        yield started


async def test_kill_9_after_the_answer_loses_no_push(killed: Server) -> None:
    place = f"{PUSH}/{ENDPOINT}"
    async with killed.client() as client:
        job = await created(client, push_job(MOOD))
        answers = [
            await client.post(place, content=f"Text number {n}.".encode(), headers=TEXT | {"Idempotency-Key": f"k{n}"})
            for n in range(5)
        ]
        assert [answer.status_code for answer in answers] == [200] * 5
    killed.kill()
    killed.options = ("--lease-seconds", "2")
    killed.start()
    async with killed.client() as client:
        again = await client.post(place, content=b"Text number 4.", headers=TEXT | {"Idempotency-Key": "k4"})
        assert (again.json(), again.headers["idempotent-replayed"]) == ({"internalJobIds": [job]}, "true")
        await closed(client, job)
        assert await ended(client, job) == "complete"
        detail = (await client.get(f"/edge/v1/proc/job/{job}/detail")).json()["job"]
        [engine] = [task for task in detail["tasks"] if task["engineName"].startswith("Sentiment")]
        assert engine["chunkCountInfo"]["chunkCompletedCount"] == 5
