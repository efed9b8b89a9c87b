"""A server that once started ten years ahead says so, and `enginehouse clock reset` mends its database."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from tests.acceptance.server import Server
from tests.acceptance.servers import call

READY: tuple[int, dict[str, Any]] = (
    200, {"ready": True, "problem": None, "parts": {"database": None, "store": None, "keeper": None}}
)  # fmt: skip
TEN_YEARS = 10 * 365 * 86_400 * 1_000_000


def readiness(server: Server) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(f"{server.url}/readyz", timeout=30)
    return answer.status_code, answer.json()


def clock_verdict(data: Path) -> tuple[str, str]:
    checks = {
        check["check"]: check for check in json.loads(call("doctor", "--data", str(data), "--json").out)["checks"]
    }
    return checks["clock"]["verdict"], checks["clock"]["text"]


def test_a_clock_that_was_ahead_is_said_everywhere_and_mended(tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = Server(data)
    server.start()
    try:
        assert readiness(server) == READY
        server.stop()
        with closing(sqlite3.connect(data / "enginehouse.db")) as connection:
            connection.execute("UPDATE storage_clock SET micros = micros + ?", (TEN_YEARS,))
            connection.commit()

        server.start()
        command = "enginehouse clock reset"
        assert "the storage clock is ahead" in server.log.read_text()
        assert command in server.log.read_text()
        status, state = readiness(server)
        assert (status, state["ready"]) == (503, False)
        assert command in str(state["problem"])
        assert command in state["parts"]["database"]
        verdict, text = clock_verdict(data)
        assert verdict == "wrong"
        assert command in text
        refused = call("clock", "reset", "--data", str(data), "--yes")
        assert refused.code == 1
        assert "in use by another Enginehouse server" in refused.err
        server.stop()

        assert "The clock is reset." in call("clock", "reset", "--data", str(data), "--yes").out
        assert clock_verdict(data)[0] == "ok"
        again = call("clock", "reset", "--data", str(data), "--yes", "--json")
        assert json.loads(again.out) == {"success": True, "reset": False}
        assert call("audit", "verify", "--data", str(data)).code == 0
        server.start()
        assert readiness(server) == READY
        assert "the storage clock is ahead" not in server.log.read_text()
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()
