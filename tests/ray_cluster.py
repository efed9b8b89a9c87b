"""Gives the tests a Ray cluster of their own on this machine, with a token. It starts on first use.

Every node is on the same address, so a worker on this machine has one.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.server import CHECKOUT, offer

from enginehouse.engines import processes

ENGINES = (
    "waits",
    "stubborn",
    "honest",
    "speaks",
    "quotes",
    "imports",
    "weighs",
    "swells",
    "listens",
    "paints",
    "dreams",
)
NODES = ({"num_cpus": 2, "num_gpus": 1}, {"num_cpus": 2, "resources": {"speech": 1}})
HEALTH = {"RAY_health_check_period_ms": "1000", "RAY_health_check_timeout_ms": "1000",
          "RAY_health_check_failure_threshold": "3"}  # fmt: skip


class RayCluster:
    """A cluster whose nodes are processes. `path` is a PYTHONPATH with the engines that its nodes have."""

    def __init__(self, folder: Path, *, token: bool = True, **environment: str) -> None:
        self.folder = folder
        self.path = offer(folder / "offered", *ENGINES)
        self.token_file = folder / "token"
        self.token_file.write_text(secrets.token_hex(32))
        self.address = ""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        auth = self.access() if token else {"RAY_AUTH_MODE": "disabled"}
        self._environment = {
            **plain,
            **HEALTH,
            **auth,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": str(folder),
            "RAY_kill_child_processes_on_worker_exit": "0",
            "PYTHONPATH": self.path,
            **environment,
        }
        self._process: subprocess.Popen[str] | None = None
        self.raylets = list[int]()

    def access(self) -> dict[str, str]:
        """Returns the variables of whoever has the token."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token_file)}

    def options(self) -> tuple[str, ...]:
        """Returns the flags of a worker on the cluster."""
        return (
            *("--executor", "ray", "--ray-address", self.address),
            *("--host-data", str(self.folder / "hosts"), "--max-hosts", "8"),
        )

    def start(self, *nodes: dict[str, Any]) -> None:
        """The head and the other nodes take work."""
        self.raylets.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.ray_nodes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "log").open("ab"),
            env=self._environment,
            cwd=CHECKOUT,
            text=True,
            start_new_session=True,  # what ends with it ends its group
            preexec_fn=processes.die_with_parent,  # noqa: PLW1509 - a killed test run leaves no cluster
        )
        for node in nodes:
            self.add(**node)

    def add(self, **node: Any) -> None:
        """Another node takes work."""
        found = self._do("add", **node)
        self.address = found["address"]
        self.raylets.append(found["raylet"])

    def kill(self, number: int) -> None:
        """The node is gone without a word."""
        self._do("kill", number=number)

    def kill_head(self) -> None:
        """The head is gone without a word."""
        self._do("kill_head")

    def stop(self) -> None:
        """Nothing of the cluster is left."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # agents of a node that was killed while they started

    def hosts(self) -> set[int]:
        """Returns the processes of all living hosts."""
        return {pid for number in range(len(self.raylets)) for pid in self.below(number)}

    def below(self, number: int) -> set[int]:
        """Returns the processes of the hosts on this node."""
        return {pid for pid in processes.descendants(self.raylets[number]) if _title(pid).startswith(b"ray::Host")}

    def _do(self, verb: str, **given: Any) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([verb, given]) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, (self.folder / "log").read_text()[-3000:]
        found: dict[str, Any] = json.loads(answer)
        return found


def alive(pid: int) -> bool:
    """Returns True if the process exists and has not ended."""
    seen = processes.stat(pid)
    return seen is not None and seen.alive


def _title(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextmanager
def started(*nodes: dict[str, Any], token: bool = True, **environment: str) -> Iterator[RayCluster]:
    """Yields a running cluster. Afterwards it is gone. Without the package `ray` the test is skipped."""
    if find_spec("ray") is None:
        sentence = "the package ray is missing; run: make .venv/dev"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    # The names of its sockets are long, and may not be longer than 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="eh-ray-", dir="/tmp"))
    cluster = RayCluster(folder, token=token, **environment)
    try:
        cluster.start(*(nodes or NODES))
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
