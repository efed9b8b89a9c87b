"""The engines of the measurements: one holds its worker slot, one reports its start, one does nothing."""

import socket
import time
from typing import Any

from enginehouse.engine import EngineKind, EngineMode, EngineSpec, Output, Work


def _spec(number: int, name: str, **more: Any) -> EngineSpec:
    return EngineSpec(
        id=f"00000000-0000-4000-8000-00000be7c40{number}",
        name=name,
        category_id="67cd4dd0-2f75-445d-a6f0-2f297d6cd182",
        kind=EngineKind.PYTHON,
        shared=True,
        memory_mb=512,
        **more,
    )


class Hold:
    """Keeps its worker slot, so that everything after it waits."""

    spec = _spec(1, "Hold", mode=EngineMode.BATCH, ingests=True, timeout_seconds=3600)

    def process(self, work: Work) -> list[Output]:
        time.sleep(3600)
        return []


class Stamp:
    """First sends the wall clock to the UDP port in its payload. With `stay` it then works for a long time."""

    spec = _spec(2, "Stamp", mode=EngineMode.BATCH, timeout_seconds=30, network=True)

    def process(self, work: Work) -> list[Output]:
        now = time.time_ns()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            sending.sendto(str(now).encode(), ("127.0.0.1", int(work.payload["port"])))
        if work.payload.get("stay"):
            time.sleep(3600)
        return []


class PythonNoop:
    """Does nothing, in a child process, so that only the server is measured."""

    spec = _spec(3, "No operation in a child process", mode=EngineMode.BATCH, timeout_seconds=30)

    def process(self, work: Work) -> list[Output]:
        return []


hold = Hold()
stamp = Stamp()
noop = PythonNoop()
