"""The real server process: `enginehouse serve` is started, its address is read, and it is stopped."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Place

from bench import processors

STARTS_WITHIN = 60.0
_ENGINES = Path(__file__).parent / "engines"
_ENTRY_POINTS = """[enginehouse.engines]
bench-hold = bench_engines:hold
bench-stamp = bench_engines:stamp
bench-noop = bench_engines:noop
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready. `ready_after`: seconds from exec to the first successful ping."""

    place: Place
    pid: int
    ready_after: float


@contextmanager
def folder(parent: Path) -> Iterator[Path]:
    """Yields an empty folder for a server's data. It is gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def serving(
    home: Path, database: str | None, *, core: int | None = None, flags: tuple[str, ...] = (), name: str = "server"
) -> Iterator[Server]:
    """Yields a server with its data in `home` and its log `name`. If `core` is given, it runs only there."""
    token = str(uuid.uuid4())
    command: list[str | Path] = [
        Path(sys.executable).with_name("enginehouse"),
        "serve",
        "--data",
        home / "data",
        "--port",
        "0",
    ]
    command += ["--drain-seconds", "0.1", *flags] + (["--database", database] if database else [])
    env = without_settings() | {"AIWARE_INIT_TOKEN": token, "PYTHONPATH": engines_path(home)}
    said = home / f"{name}.log"
    with said.open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, preexec_fn=lambda: _begin(core))  # noqa: PLW1509 - one thread here
    try:
        place = _until_ready(process, home / "data/servers", token, said)
        yield Server(place, process.pid, time.perf_counter() - started)
    finally:
        _stop(process)


def without_settings() -> dict[str, str]:
    """Returns the environment without the settings of other servers."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ENGINEHOUSE_", "PYTHON"))}


def _begin(core: int | None) -> None:
    """The new process runs on its core, and ends when this one ends. Called in the new process."""
    processors.keep_to(core)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def engines_path(home: Path) -> str:
    """Returns a PYTHONPATH on which the engines of the measurements are installed."""
    installed = home / "installed/bench_engines-1.dist-info"
    if not installed.exists():
        installed.mkdir(parents=True)
        (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-engines\nVersion: 1\n")
        (installed / "entry_points.txt").write_text(_ENTRY_POINTS)
    return os.pathsep.join([str(installed.parent), str(_ENGINES)])


def _until_ready(process: "subprocess.Popen[bytes]", announced: Path, token: str, said: Path) -> Place:
    deadline = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        place = _announced(announced, process.pid, token)
        if place is not None and _answers(place):
            return place
        time.sleep(0.005)
    raise RuntimeError(f"The server did not start:\n{said.read_text(errors='replace')[-2000:]}")


def until_answered(process: "subprocess.Popen[bytes]", place: Place) -> None:
    """The process answers a ping. Raises RuntimeError if it ends or takes too long."""
    deadline = time.monotonic() + STARTS_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        if _answers(place):
            return
        time.sleep(0.01)
    raise RuntimeError(f"The server on port {place.port} did not start.")


def _announced(folder: Path, pid: int, token: str) -> Place | None:
    announced = next(folder.glob(f"*-{pid}.json"), None)
    if announced is None:
        return None
    found = json.loads(announced.read_text())  # the file appears whole
    host, _, port = found["url"].removeprefix("http://").rpartition(":")
    return Place(host, int(port), token)


def _answers(place: Place) -> bool:
    try:
        with socket.create_connection((place.host, place.port), timeout=5) as asking:
            asking.sendall(place.request("GET", "/edge/v1/ping"))
            return asking.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """The process has ended, also if somebody has killed it before."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
