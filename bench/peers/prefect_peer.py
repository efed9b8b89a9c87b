"""Prefect does what is nearest to each subject: `python -m bench.peers.prefect_peer SUBJECT FILE SCALE`.

Its server is a process of its own on SQLite, as it starts by itself: it sets `synchronous=NORMAL`, so a commit may be
lost with the machine's power. On PostgreSQL it needs an extension that the measured installation lacks. Creates, reads
and cancels are flow runs over its HTTP API. Tasks are its background tasks, `delay` and one worker process with 50 at a
time. Everything else is as in its documentation. It is slow beside the others, so it gets a part of their work.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import httpx
from bench.peers.measuring import (
    Process,
    Stamps,
    answer,
    percentiles,
    rate,
    rate_over,
    resident,
    stamp,
    thread_rate_over,
    worker,
)

TASKS_AT_ONCE = 50
IDS_AT_ONCE = 50  # what a bulk call takes at most
WITHIN = 240.0
LESS = 40  # times fewer tasks and cancels than the others
STARTS = 60
BUSY = 0.1  # seconds after which a call is repeated
_CANCELLED = {"state": {"type": "CANCELLED"}, "force": True}
_COMPLETED = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
_SETTINGS = {"PREFECT_LOGGING_LEVEL": "ERROR", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


@contextlib.contextmanager
def serving(file: str) -> Iterator[tuple[str, Process]]:
    """Yields the address of the API of a server with its data in this file. This process is its client."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        os.environ |= _SETTINGS | {
            "PREFECT_HOME": home,
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{file}",
        }
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, stdout=sys.stderr)
        try:
            _until_ready(f"http://127.0.0.1:{port}/api", process)
            yield f"http://127.0.0.1:{port}/api", process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()


def _until_ready(url: str, process: Process) -> None:
    end = time.monotonic() + WITHIN
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health").is_success:
                return
        time.sleep(0.05)
    raise RuntimeError("Prefect's server did not start")


def tasks_of() -> tuple[Any, Any]:
    """Returns the background tasks."""
    from prefect import task  # noqa: PLC0415 - it reads its settings when it is imported

    @task(name="noop", persist_result=False)
    def noop() -> None:
        pass

    @task(name="clock", persist_result=False)
    def clock(port: int) -> None:
        stamp(port)

    return noop, clock


def work() -> None:
    """Works until the process ends."""
    from prefect.task_worker import serve  # noqa: PLC0415 - the same

    serve(*tasks_of(), limit=TASKS_AT_ONCE)


def started() -> contextlib.AbstractContextManager[Process]:
    """Starts a worker, which finds the server in the environment."""
    return worker([sys.executable, "-m", "bench.peers.prefect_peer", "work", *sys.argv[2:4]])


class Client:
    """The subjects that are flow runs, over HTTP."""

    def __init__(self, http: httpx.AsyncClient, scale: dict[str, Any]) -> None:
        self._http = http
        self._scale = scale
        self._flow = ""

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        end = time.monotonic() + WITHIN
        while time.monotonic() < end:  # its own client repeats calls as well
            with contextlib.suppress(httpx.TransportError):
                found = await self._http.post(path, json=body)
                if found.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    found.raise_for_status()
                    return found.json()
            await asyncio.sleep(BUSY)
        raise RuntimeError(f"no answer to {path} in {WITHIN:.0f} s")

    async def open(self) -> None:
        self._flow = (await self._post("/flows/", {"name": "noop"}))["id"]

    async def _put(self, *_: Any) -> Any:
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2100-01-01T00:00:00Z"}}
        return (await self._post("/flow_runs/", {"flow_id": self._flow, "state": state}))["id"]

    async def _ids(self, count: int) -> list[Any]:
        ids: list[Any] = []

        async def put(_: int) -> None:
            ids.append(await self._put())

        await rate_over(put, list(range(count)), clients=16)
        return ids

    async def create(self) -> dict[str, float]:
        seconds = self._scale["seconds"]
        return {
            "create_1": await rate(self._put, clients=1, seconds=seconds),
            "create_64": await rate(self._put, clients=64, seconds=seconds),
        }

    async def reads(self) -> dict[str, float]:
        ids, seconds = await self._ids(self._scale["stored"] // LESS + 30), self._scale["seconds"]

        async def status() -> None:
            (await self._http.get(f"/flow_runs/{ids[0]}")).raise_for_status()

        def page() -> Any:
            return self._post("/flow_runs/filter", {"limit": 30})

        return {
            "status_1": await rate(status, clients=1, seconds=seconds),
            "status_64": await rate(status, clients=64, seconds=seconds),
            "list_1": await rate(page, clients=1, seconds=seconds),
            "list_64": await rate(page, clients=64, seconds=seconds),
        }

    async def cancel(self) -> dict[str, float]:
        alone = self._scale["cancels"] // LESS // 4
        ids = await self._ids(self._scale["cancels"] // LESS + alone)

        def call(run: Any) -> Any:
            return self._post(f"/flow_runs/{run}/set_state", _CANCELLED)

        return {
            "cancel_1": await rate_over(call, ids[:alone], clients=1),
            "cancel_64": await rate_over(call, ids[alone:], clients=64),
        }

    async def bulk(self) -> dict[str, float]:
        """Cancels a part of the runs, as many ids in a call as it takes, and scales the time up to all."""
        part = 200
        ids = await self._ids(part)
        begun = time.perf_counter()
        for first in range(0, part, IDS_AT_ONCE):
            some = {"flow_runs": {"id": {"any_": ids[first : first + IDS_AT_ONCE]}}}
            await self._post("/flow_runs/bulk_set_state", some | _CANCELLED)
        return {"bulk_ids": self._scale["bulk"] / part * (time.perf_counter() - begun)}


async def over_http(subject: str, url: str, scale: dict[str, Any]) -> dict[str, float]:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=WITHIN) as http:
        client = Client(http, scale)
        await client.open()
        found: dict[str, float] = await getattr(client, subject)()
        return found


def in_background(subject: str, url: str, scale: dict[str, Any]) -> dict[str, float]:
    noop, clock = tasks_of()
    with started():
        stamps = Stamps()
        begun = time.time_ns()
        clock.delay(stamps.port)
        first = (stamps.next() - begun) / 1e9
        if subject == "start":
            return {"start_again": first}
        if subject == "latency":
            waits = []
            for _ in range(min(STARTS, scale["starts"])):
                sent = time.time_ns()
                clock.delay(stamps.port)
                waits.append((stamps.next() - sent) / 1e6)
            return percentiles("latency_python", waits)
        count = scale["jobs"] // LESS
        begun_ = time.perf_counter()
        thread_rate_over(lambda _: noop.delay(), list(range(count)), clients=1)
        _ended(url, 1 + count)
        one = count / (time.perf_counter() - begun_)
        begun_ = time.perf_counter()
        thread_rate_over(lambda _: noop.delay(), list(range(count)), clients=8)
        _ended(url, 1 + 2 * count)
        return {"tasks_1": one, "tasks_64": count / (time.perf_counter() - begun_), "tasks_python": one}


def _ended(url: str, count: int) -> None:
    end = time.monotonic() + WITHIN
    while httpx.post(f"{url}/task_runs/count", json=_COMPLETED).json() < count:
        if time.monotonic() > end:
            raise RuntimeError(f"fewer than {count} task runs had ended after {WITHIN:.0f} s")
        time.sleep(0.05)


def main() -> None:
    subject, file, scale = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    if subject == "work":
        work()
        return
    with serving(file) as (url, process):
        if subject == "memory":
            time.sleep(1)
            answer({"memory_server": resident(process.pid)})
        elif subject in ("tasks", "latency", "start"):
            answer(in_background(subject, url, scale))
        else:
            answer(asyncio.run(over_http(subject, url, scale)))


if __name__ == "__main__":
    main()
