"""Measures what a request costs the event loop, without sockets: processor time, and instructions of Python.

Instructions are the same on a busy machine as on a quiet one. They are counted by part of the server.

python -m bench.loop_cost [ping|create|payload|batch|graphql|cancel]
"""

import asyncio
import gc
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import cycle, islice, repeat
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvloop
from bench.load import Place
from uvicorn import Config
from uvicorn.server import ServerState

from bench import jobs
from enginehouse.api.asgi import application
from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import JobFilter
from enginehouse.engines.native import ENGINES
from enginehouse.engines.native.categories import CATEGORIES
from enginehouse.http_protocol.limits import ConnectionLimits
from enginehouse.http_protocol.protocol import BoundedProtocol, protocol
from enginehouse.operations import engines
from enginehouse.operations.first_start import first_start
from enginehouse.operations.house import House
from enginehouse.storage.database.sqlite import SqliteDatabase
from enginehouse.storage.jobs import pages

TOKEN: Final = "7f9bfa70-93f4-4a4e-a5b0-3ba8c2f32f4a"
BATCH: Final = 1000
CLIENTS: Final = 64
CANCELS: Final = 40_000
_CANCEL: Final = "mutation Cancel($id: ID!) { cancelJob(id: $id) { id message } }"
_SECONDS: Final = 3.0
_PLACES: Final = ("enginehouse/", "site-packages/", "python3.11/")


def requests(kind: str) -> list[bytes]:
    """Returns the requests, which the clients send in turn."""
    place, line = Place("localhost", 1, TOKEN), jobs.line(jobs.NOOP)
    match kind:
        case "ping":
            return [place.request("GET", "/edge/v1/ping")]
        case "graphql":
            return [
                place.graphql(jobs.CREATE_JOB, input=jobs.line_of_graphql(jobs.NOOP, {"n": n})) for n in range(BATCH)
            ]
        case "batch":
            return [place.request("POST", jobs.CREATE, jobs.creation(*[line] * BATCH))]
        case "payload":
            lines = [jobs.line(jobs.NOOP, payload=str(number)) for number in range(BATCH)]
            return [place.request("POST", jobs.CREATE, jobs.creation(each)) for each in lines]
        case _:
            return [place.request("POST", jobs.CREATE, jobs.creation(line))]


async def cancels(house: House) -> list[bytes]:
    """Returns a request for each of many jobs that wait."""
    await load(house, repeat(requests("batch")[0], CANCELS // BATCH), 1)
    ids = await house.database.read(lambda tx: pages.page(tx, 1, JobFilter(limit=CANCELS)))
    place = Place("localhost", 1, TOKEN)
    return [place.graphql(_CANCEL, id=job_graphql(job_id)) for job_id in ids]


class Client:
    """A transport that sends the next request when it gets a response."""

    connection: BoundedProtocol

    def __init__(self, source: Iterator[bytes], done: asyncio.Event) -> None:
        self._source, self._done, self._loop = source, done, asyncio.get_running_loop()
        self.answered = 0

    def send(self) -> None:
        following = next(self._source, None)
        if following is None:
            self._done.set()
        else:
            self._loop.call_soon(self.connection.data_received, following)

    def write(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(data[:1000])
        self.answered += 1
        self.send()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 2), "sockname": ("127.0.0.1", 1)}.get(name, default)

    def close(self) -> None: ...

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def load(house: House, source: Iterator[bytes], clients: int) -> int:
    """Returns the number of responses. All clients share the requests."""
    done, state = asyncio.Event(), ServerState()
    config = Config(
        application(house), ws="none", lifespan="off", log_config=None, access_log=False, proxy_headers=False
    )
    make, all_ = protocol(ConnectionLimits()), [Client(source, done) for _ in range(clients)]
    for client in all_:
        client.connection = make(config, state, {}, asyncio.get_running_loop())
        client.connection.connection_made(client)  # type: ignore[arg-type]  # it has what the protocol calls
        client.send()
    await done.wait()
    while state.tasks:
        await asyncio.wait(state.tasks)
    for client in all_:
        client.connection.connection_lost(None)
    return sum(client.answered for client in all_)


def _until(seconds: float, sent: Iterator[bytes]) -> Iterator[bytes]:
    end = time.perf_counter() + seconds
    for each in sent:
        if time.perf_counter() > end:
            return
        yield each


async def count(house: House, sent: Iterator[bytes], clients: int) -> Counter[str]:
    """Returns the instructions for one response, by module."""
    found = Counter[str]()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            found[frame.f_code.co_filename] += 1
        return trace

    sys.settrace(trace)
    try:
        answered = await load(house, islice(sent, 10 if clients == 1 else 10 * CLIENTS), clients)
    finally:
        sys.settrace(None)
    return Counter({name: round(number / answered) for name, number in found.items() if name != __file__})


async def main(kind: str) -> None:
    jobs_each, clients = (BATCH, 1) if kind == "batch" else (1, CLIENTS)
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as closing:
            database = await SqliteDatabase.open(Path(folder) / "db")
            closing.push_async_callback(database.close)
            store = DiskStore(Path(folder) / "store")
            closing.callback(store.close)
            house = House.build(database, store)
            await first_start(house, init_token=TOKEN)
            await engines.register(house, [engine.spec for engine in ENGINES], CATEGORIES)
            sent = iter(await cancels(house)) if kind == "cancel" else cycle(requests(kind))
            await load(house, _until(0.5, sent), clients)
            gc.freeze()  # as a server that has started
            gc.set_threshold(50_000, 20, 100)
            loop, process = time.thread_time(), time.process_time()
            number = jobs_each * await load(house, _until(_SECONDS, sent), clients)
            loop, process = time.thread_time() - loop, time.process_time() - process
            each, whole = loop / number * 1e6, process / number * 1e6
            print(f"{kind}: {each:.1f} µs of the event loop, {whole:.1f} µs of the process")
            found = await count(house, sent, clients)
            print(f"{found.total() / jobs_each:.0f} instructions of Python on the event loop")
            for name, many in found.most_common(25):
                short = next((name.split(place, 1)[1] for place in _PLACES if place in name), name)
                print(f"{many / jobs_each:6.0f} {short}")


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1] if len(sys.argv) > 1 else "create"))
