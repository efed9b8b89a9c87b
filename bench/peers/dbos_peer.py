"""DBOS does what is nearest to each subject: `python -m bench.peers.dbos_peer SUBJECT DSN SCALE`.

One of its workflows is one function call; each of its changes is a commit of its own. The client is its own in this
process, with a thread for each client and 16 connections. The executor is a second process. Its queues look for work
every second, which is its default.
"""

import json
import sys
import threading
import time
from contextlib import AbstractContextManager
from typing import Any

import psycopg
from bench.peers.measuring import (
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
from dbos import DBOS, DBOSClient

CONNECTIONS = 16
IDS_AT_ONCE = 1000
WITHIN = 240.0
STARTS = 60  # each waits for the next look at the queue
VERSION = "1"
_ENDED = "SELECT COUNT(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'"

subject, dsn, scale = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


@DBOS.workflow(name="noop")
def noop() -> None:
    pass


@DBOS.workflow(name="clock")
def clock(port: int) -> None:
    stamp(port)


def launched(queue: str) -> None:
    """This process is an executor of the queue. The tables exist."""
    DBOS(
        config={
            "name": "bench",
            "system_database_url": dsn,
            "application_version": VERSION,
            "sys_db_pool_size": CONNECTIONS,
            "console_log_level": "ERROR",
        }
    )
    DBOS.launch()
    DBOS.register_queue(queue)


def started() -> AbstractContextManager[Process]:
    """Starts an executor."""
    return worker([sys.executable, "-m", "bench.peers.dbos_peer", "work", *sys.argv[2:4]])


class Client:
    """The subjects, with the client that its documentation has for other processes."""

    def __init__(self) -> None:
        self._client = DBOSClient(
            system_database_url=dsn, system_database_pool_size=CONNECTIONS, application_name="bench"
        )

    def _put(self, name: str = "noop", *values: Any, queue: str = "work") -> Any:
        options = {"workflow_name": name, "queue_name": queue, "app_version": VERSION}
        return self._client.enqueue(options, *values).get_workflow_id()

    def _ids(self, count: int, queue: str) -> list[Any]:
        ids: list[Any] = []
        thread_rate_over(lambda _: ids.append(self._put(queue=queue)), list(range(count)), clients=CONNECTIONS)
        return ids

    def create(self) -> dict[str, float]:
        def put() -> Any:
            return self._put(queue="waiting")

        return {
            "create_1": thread_rate(put, clients=1, seconds=scale["seconds"]),
            "create_64": thread_rate(put, clients=64, seconds=scale["seconds"]),
        }

    def tasks(self) -> dict[str, float]:
        with started(), psycopg.connect(dsn, autocommit=True) as looking:
            self._put()
            _ended(looking, 1)
            count = scale["jobs"]
            begun = time.perf_counter()
            thread_rate_over(lambda _: self._put(), list(range(count)), clients=1)
            _ended(looking, 1 + count)
            one = count / (time.perf_counter() - begun)
            begun = time.perf_counter()
            thread_rate_over(lambda _: self._put(), list(range(count)), clients=64)
            _ended(looking, 1 + 2 * count)
            return {"tasks_1": one, "tasks_64": count / (time.perf_counter() - begun), "tasks_python": one}

    def latency(self) -> dict[str, float]:
        stamps, waits = Stamps(), []
        with started():
            for number in range(min(STARTS, scale["starts"]) + 2):
                sent = time.time_ns()
                self._put("clock", stamps.port)
                at = stamps.next()
                if number >= 2:
                    waits.append((at - sent) / 1e6)
        return percentiles("latency_python", waits)

    def reads(self) -> dict[str, float]:
        self._ids(scale["stored"], "waiting")
        ids = self._ids(30, "page")

        def status() -> Any:
            return self._client.retrieve_workflow(ids[0]).get_status()

        def page() -> Any:
            return self._client.list_workflows(queue_name="page", limit=30)

        return {
            "status_1": thread_rate(status, clients=1, seconds=scale["seconds"]),
            "status_64": thread_rate(status, clients=64, seconds=scale["seconds"]),
            "list_1": thread_rate(page, clients=1, seconds=scale["seconds"]),
            "list_64": thread_rate(page, clients=64, seconds=scale["seconds"]),
        }

    def cancel(self) -> dict[str, float]:
        alone = scale["cancels"] // 4
        ids = self._ids(scale["cancels"] + alone, "waiting")
        return {
            "cancel_1": thread_rate_over(self._client.cancel_workflow, ids[:alone], clients=1),
            "cancel_64": thread_rate_over(self._client.cancel_workflow, ids[alone:], clients=64),
        }

    def bulk(self) -> dict[str, float]:
        """Cancels a part of the workflows, many ids in a call, and scales the time up to all."""
        part = min(scale["bulk"], 5_000)
        ids = self._ids(part, "waiting")
        begun = time.perf_counter()
        for first in range(0, part, IDS_AT_ONCE):
            self._client.cancel_workflows(ids[first : first + IDS_AT_ONCE])
        return {"bulk_ids": scale["bulk"] / part * (time.perf_counter() - begun)}

    def start(self) -> dict[str, float]:
        stamps = Stamps()
        self._put("clock", stamps.port)
        begun = time.time_ns()
        with started():
            return {"start_again": (stamps.next() - begun) / 1e9}

    def memory(self) -> dict[str, float]:
        stamps = Stamps()
        with started() as process:
            self._put("clock", stamps.port)
            stamps.next()
            time.sleep(1)
            return {"memory_server": resident(process.pid)}


def _ended(looking: Any, count: int) -> None:
    end = time.monotonic() + WITHIN
    while looking.execute(_ENDED).fetchone()[0] < count:
        if time.monotonic() > end:
            raise RuntimeError(f"fewer than {count} workflows had ended after {WITHIN:.0f} s")
        time.sleep(0.02)


def main() -> None:
    if subject == "work":
        launched("work")
        threading.Event().wait()
    launched("none")
    DBOS.destroy()
    answer(getattr(Client(), subject)())


if __name__ == "__main__":
    main()
