"""The tools that measure the peers. They run in the virtual environments of the peers, so they need only Python."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

Process = subprocess.Popen[bytes]

PAUSE = 0.015
WARM_UP = 0.3
WAITS = 60.0
FIRED_WITHIN = 300.0


async def rate(call: Callable[[], Awaitable[Any]], *, clients: int, seconds: float) -> float:
    """Returns the calls per second of `clients` coroutines, after a short warm-up."""
    await _drive(call, clients, WARM_UP)
    return await _drive(call, clients, seconds)


async def _drive(call: Callable[[], Awaitable[Any]], clients: int, seconds: float) -> float:
    counts = [0] * clients
    started = time.perf_counter()
    end = started + seconds

    async def client(number: int) -> None:
        while time.perf_counter() < end:
            await call()
            counts[number] += 1

    await asyncio.gather(*map(client, range(clients)))
    return sum(counts) / (time.perf_counter() - started)


async def rate_over(call: Callable[[Any], Awaitable[Any]], items: list[Any], *, clients: int) -> float:
    """Returns the items per second that `clients` coroutines pass to `call`."""
    left = iter(items)

    async def client() -> None:
        for item in left:
            await call(item)

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return len(items) / (time.perf_counter() - started)


def thread_rate(call: Callable[[], Any], *, clients: int, seconds: float) -> float:
    """Returns the calls per second of `clients` threads, after a short warm-up."""
    _threads(call, clients, WARM_UP)
    return _threads(call, clients, seconds)


def _threads(call: Callable[[], Any], clients: int, seconds: float) -> float:
    counts = [0] * clients
    started = time.perf_counter()
    end = started + seconds

    def client(number: int) -> None:
        while time.perf_counter() < end:
            call()
            counts[number] += 1

    _join(client, clients)
    return sum(counts) / (time.perf_counter() - started)


def thread_rate_over(call: Callable[[Any], Any], items: list[Any], *, clients: int) -> float:
    """Returns the items per second that `clients` threads pass to `call`."""
    waiting = list(items)

    def client(number: int) -> None:
        with contextlib.suppress(IndexError):
            while True:
                call(waiting.pop())

    started = time.perf_counter()
    _join(client, clients)
    return len(items) / (time.perf_counter() - started)


def _join(client: Callable[[int], None], clients: int) -> None:
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Stamps:
    """A UDP port to which workers send wall clocks (nanoseconds)."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(WAITS)
        self.port: int = self._socket.getsockname()[1]

    def next(self) -> int:
        return int(self._socket.recv(64))


def stamp(port: int) -> None:
    """The current time is sent to the port. It is the first line of a task."""
    now = time.time_ns()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.sendto(str(now).encode(), ("127.0.0.1", port))


class Fired:
    """Counts the calls of a scheduled function, from any thread, and stores when the last one was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0
        self.last = 0.0

    def note(self) -> None:
        with self._lock:
            self.count += 1
            self.last = time.time()

    def reach(self, count: int) -> float:
        """Returns the moment (wall clock) of the call number `count`."""
        end = time.monotonic() + FIRED_WITHIN
        while self.count < count:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.count} of {count} had fired after {FIRED_WITHIN:.0f} s")
            time.sleep(0.01)
        return self.last


fired = Fired()


def scheduled() -> None:
    """The function that schedules call."""
    fired.note()


def share(seconds: float) -> float:
    """Returns how much of a core this process uses during `seconds`, in percent."""
    before = time.process_time()
    time.sleep(seconds)
    return (time.process_time() - before) / seconds * 100


@contextlib.contextmanager
def worker(command: list[str]) -> Iterator["Process"]:
    """The peer's worker process runs. Its output goes to stderr."""
    process = subprocess.Popen(command, stdout=sys.stderr)
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def percentiles(name: str, waits: list[float]) -> dict[str, float]:
    waits = sorted(waits)
    return {f"{name}_p50": waits[len(waits) // 2], f"{name}_p99": waits[min(len(waits) - 1, int(len(waits) * 0.99))]}


def resident(pid: int) -> float:
    """Returns the resident memory of the process in MB."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024 / 1e6


def answer(sample: dict[str, float]) -> None:
    """The sample is the last line on stdout."""
    print(json.dumps(sample), flush=True)
