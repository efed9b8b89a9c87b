"""A real server as its own process: tests start it, watch it, kill it, and send it HTTP requests."""

import asyncio
import io
import json
import os
import re
import signal
import sqlite3
import time
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from tests import commands
from tests.postgres import FSYNC

from enginehouse.engines import processes

CHECKOUT = Path(__file__).parents[2]
COMMAND = Path(commands.BY_NAME[0])
TOKEN = "0d0f1d5e-4a3b-4c0f-8d55-6f1f6c1f2a3b"
READY_WITHIN = 60.0
STOPPED_WITHIN = 60.0
NOOP = "00000000-0000-4000-8000-0000000e0001"

Row = tuple[Any, ...]


@dataclass(slots=True)
class Server:
    """`enginehouse serve` on one data folder. A test may kill it and start it again several times."""

    data: Path
    database: str | None = None
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    name: str = ""  # of one of several servers on the folder
    url: str = ""
    starts: int = 0
    process: commands.Process | None = None
    keepers: list[str] = field(default_factory=list)

    def start(self) -> None:
        """The server has printed that it is ready. This call blocks."""
        self.begin()
        self.await_ready()

    def command(self) -> list[str]:
        """Returns the command that starts it."""
        command = [str(COMMAND), "serve", "--data", str(self.data), "--port", "0", *self.options]
        if self.database is not None:
            command += ["--database", self.database]
            command += ["--allow-unsafe-durability"] if FSYNC == "off" else []
        return command

    def begin(self) -> None:
        """The server starts."""
        self.starts += 1
        self.data.parent.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"AIWARE_INIT_TOKEN": TOKEN} | self._sandbox() | self.environment
        with self.log.open("wb") as log:
            self.process = commands.start(self.command(), environment=environment, stdout=log, stderr=log)

    def await_ready(self) -> None:
        """The server has printed that it is ready. This call blocks."""
        assert self.process is not None
        self.url = self._ready_at(self.process)
        self.keepers.append(self.keeper_owner())

    @property
    def log(self) -> Path:
        """The file with the output of the current start."""
        return self.data.parent / f"{self.data.name}{self.name}.{self.starts}.log"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """The server is killed, as by a power failure. The processes that it started are not touched."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOPPED_WITHIN)

    def kill_with(self, keeper: int) -> None:
        """The server and its keeper are killed, before the keeper could end its processes."""
        os.kill(keeper, signal.SIGSTOP)
        self.kill()
        os.kill(keeper, signal.SIGKILL)

    def stop(self) -> int:
        """The server has stopped after SIGTERM. Returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOPPED_WITHIN)

    def keeper(self) -> int:
        """Returns the process id of this server's keeper."""
        [pid] = [pid for pid in processes.children_of(self.pid) if b"keeper_main" in _command(pid)]
        return pid

    def keeper_owner(self) -> str:
        """Returns the first part of the marker in the environment of every process that the keeper started."""
        words = _command(self.keeper()).split(b"\0")
        return words[words.index(b"enginehouse.engines.keeper_main") + 2].decode()

    def engine_processes(self) -> set[int]:
        """Returns every living process that any start of this server started for an engine, anywhere in the tree."""
        found = {pid for owner in self.keepers for pid in processes.with_marker(owner) if not _is_keeper(pid)}
        if self.process is not None and self.process.poll() is None:
            found |= {pid for pid in processes.descendants(self.keeper()) if not _is_keeper(pid)}
        return {pid for pid in found if (seen := processes.stat(pid)) is not None and seen.alive}

    def client(self, token: str = TOKEN, *, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """Returns a client of this start of the server, which has this address."""
        # Without TLS; reading its certificates would take longer than a request.
        transport = httpx.AsyncHTTPTransport(local_address=address, verify=False)
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, transport=transport)

    async def rows(self, statement: str) -> list[Row]:
        """Returns rows of the database over a separate connection, also while the server is down."""
        if self.database is None:
            with closing(sqlite3.connect(self.data / "enginehouse.db")) as connection:
                return connection.execute(statement).fetchall()
        connection = await asyncpg.connect(self.database)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    def _sandbox(self) -> dict[str, str]:
        """Engines of the tests write their process ids outside their folder. test_sandbox.py tests the sandboxes."""
        return {"ENGINEHOUSE_ENGINE_SANDBOX": "none"} if "PYTHONPATH" in self.environment else {}

    def _ready_at(self, process: commands.Process) -> str:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            printed = self.log.read_text(errors="replace")
            if found := re.search(r"^ready: (\S+)$", printed, re.MULTILINE):
                return found[1]
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"the server did not start (exit code {process.returncode}):\n{printed}")
            time.sleep(0.01)


@contextmanager
def serving(data: Path, *options: str, database: str | None = None, **environment: str) -> Iterator[Server]:
    """Yields a started server. Afterwards the server and all its engine processes are gone."""
    server = Server(data, database, options, environment)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()


def share(data: Path, other: Path) -> None:
    """A server on `data` stores its bytes in the same place as the one on `other`, and has the same secret key.

    The one on `data` has not started yet.
    """
    (other / "artifacts").mkdir(parents=True, exist_ok=True)
    data.mkdir(exist_ok=True)
    (data / "artifacts").symlink_to(other / "artifacts")
    share_secret(data, other)


def share_secret(data: Path, other: Path) -> None:
    """A server on `data` has the same secret key as the one on `other`. Neither has started yet."""
    key = other / "secret-key"
    for file in (key, data / "secret-key"):
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(key.read_text() if file != key else "5e" * 32)


def offer(folder: Path, *engines: str) -> str:
    """Returns a PYTHONPATH with a distribution that offers these engines of `offered.py`, each under its last name."""
    described = folder / "offered-1.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1\n")
    points = "".join(f"{name.rpartition('.')[2]} = tests.acceptance.offered:{name}\n" for name in engines)
    (described / "entry_points.txt").write_text(f"[enginehouse.engines]\n{points}")
    return os.pathsep.join(map(str, (folder, CHECKOUT, CHECKOUT / "src")))


async def until(holds: Callable[[], bool | Awaitable[bool]], what: str, *, seconds: float = 60.0) -> None:
    """The condition holds. Fails with `what` if it does not in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = holds()
        if found if isinstance(found, bool) else await found:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.01)


async def create(client: httpx.AsyncClient, *jobs: dict[str, Any]) -> list[str]:
    """Returns the ids of the created jobs."""
    answer = await client.post("/edge/v1/proc/job/create", json={"jobs": list(jobs)})
    assert answer.status_code == 200, answer.text
    ids: list[str] = answer.json()["internalJobIds"]
    return ids


async def detail(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """Returns the job as our own interface shows it."""
    answer = await client.get(f"/api/v1/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["result"]
    return found


async def ended(client: httpx.AsyncClient, job_id: str, *, seconds: float = 60.0) -> str:
    """Returns the final status of a job."""
    status = ""

    async def over() -> bool:
        nonlocal status
        answer = await client.get(f"/edge/v1/proc/job/{job_id}/status")
        assert answer.status_code == 200, answer.text
        status = answer.json()["job"]["jobStatus"]
        return status in ("complete", "failed", "aborted")

    await until(over, f"job {job_id} has ended", seconds=seconds)
    return status


def task_of(engine: str, payload: Any = None, **fields: Any) -> dict[str, Any]:
    """Returns a job of one task."""
    given = {} if payload is None else {"taskPayloadJSON": json.dumps(payload)}
    return {"tasks": [{"engineId": engine, **given, **fields}]}


async def logs(client: httpx.AsyncClient, task_id: str) -> list[str]:
    """Returns the logs of a task's attempts, from the zip of `proc/task/{id}/logs`."""
    answer = await client.get(f"/edge/v1/proc/task/{task_id}/logs")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return [archive.read(name).decode() for name in archive.namelist()]


async def output(client: httpx.AsyncClient, job_id: str) -> str:
    """Returns the text of a job's only output."""
    listed = (await client.get(f"/edge/v1/proc/job/{job_id}/outputs")).json()["outputs"]["outputs"]
    [only] = listed
    return (await client.get(f"/edge/v1/proc/job/{job_id}/download/{only['name']}")).text


def lines(path: Path) -> list[int]:
    """Returns the numbers that an engine has written into a file so far."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _is_keeper(pid: int) -> bool:
    """Returns True for a keeper and its forks, also for one that ends and has already freed its memory."""
    command = _command(pid)
    return not command or b"keeper_main" in command
