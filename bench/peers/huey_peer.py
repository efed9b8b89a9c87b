"""Huey on SQLite does what is nearest to each subject: `python -m bench.peers.huey_peer SUBJECT FILE SCALE`.

Durability is its default: WAL, and SQLite's own `synchronous=FULL`. One of its jobs is one function call. The client is
its own library in this process, with a thread for each client. The consumer is a second process with two worker
processes and its default polling.
"""

import contextlib
import json
import sqlite3
import sys
import time
from contextlib import AbstractContextManager
from typing import Any

from bench.peers.measuring import (
    PAUSE,
    Process,
    Stamps,
    answer,
    percentiles,
    resident,
    stamp,
    thread_rate,
    thread_rate_over,
    worker,
)
from huey import SqliteHuey

WITHIN = 120.0
subject, file, scale = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
huey = SqliteHuey(filename=file)


def one() -> int:
    return 1  # Huey stores this result, so the end of the task is recorded


noop = huey.task()(one)
clock = huey.task()(stamp)


def consumer() -> AbstractContextManager[Process]:
    return worker([sys.executable, "-m", "bench.peers.huey_peer", "work", file, sys.argv[3]])


def create() -> dict[str, float]:
    sample = {"create_1": thread_rate(noop, clients=1, seconds=scale["seconds"])}
    with contextlib.suppress(sqlite3.OperationalError):
        sample["create_64"] = thread_rate(noop, clients=64, seconds=scale["seconds"])
    return sample


def tasks() -> dict[str, float]:
    with consumer():
        count = scale["jobs"]
        thread_rate_over(lambda _: noop(), list(range(20)), clients=1)
        _ended(20)
        begun = time.perf_counter()
        thread_rate_over(lambda _: noop(), list(range(count)), clients=1)
        _ended(20 + count)
        alone = count / (time.perf_counter() - begun)
        begun = time.perf_counter()
        thread_rate_over(lambda _: noop(), list(range(count)), clients=64)
        _ended(20 + 2 * count)
        return {"tasks_1": alone, "tasks_64": count / (time.perf_counter() - begun), "tasks_python": alone}


def _ended(count: int) -> None:
    end = time.monotonic() + WITHIN
    while huey.result_count() < count:
        if time.monotonic() > end:
            raise RuntimeError(f"fewer than {count} tasks had ended after {WITHIN:.0f} s")
        time.sleep(0.02)


def latency() -> dict[str, float]:
    stamps = Stamps()
    waits = []
    with consumer():
        for number in range(scale["starts"] + 10):
            sent = time.time_ns()
            clock(stamps.port)
            at = stamps.next()
            if number >= 10:
                waits.append((at - sent) / 1e6)
            time.sleep(PAUSE)
    return percentiles("latency_python", waits)


def reads() -> dict[str, float]:
    for _ in range(min(scale["stored"], 500)):
        noop()
    known = noop().id
    huey.put_result(known, 1)

    def status() -> Any:
        return huey.result(known, preserve=True)

    def page() -> Any:
        return huey.pending(limit=30)

    return {
        "status_1": thread_rate(status, clients=1, seconds=scale["seconds"]),
        "status_64": thread_rate(status, clients=64, seconds=scale["seconds"]),
        "list_1": thread_rate(page, clients=1, seconds=scale["seconds"]),
        "list_64": thread_rate(page, clients=64, seconds=scale["seconds"]),
    }


def cancel() -> dict[str, float]:
    alone = scale["cancels"] // 4
    ids = [noop().id for _ in range(scale["cancels"] + alone)]
    return {
        "cancel_1": thread_rate_over(huey.revoke_by_id, ids[:alone], clients=1),
        "cancel_64": thread_rate_over(huey.revoke_by_id, ids[alone:], clients=64),
    }


def start() -> dict[str, float]:
    stamps = Stamps()
    clock(stamps.port)
    begun = time.time_ns()
    with consumer():
        return {"start_again": (stamps.next() - begun) / 1e9}


def memory() -> dict[str, float]:
    stamps = Stamps()
    with consumer() as process:
        clock(stamps.port)
        stamps.next()
        time.sleep(1)
        return {"memory_server": resident(process.pid)}


if __name__ == "__main__":
    if subject == "work":
        huey.create_consumer(workers=2, worker_type="process").run()
    else:
        measures = {m.__name__: m for m in (create, tasks, latency, reads, cancel, start, memory)}
        answer(measures[subject]())
