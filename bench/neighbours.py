"""The peers: their virtual environments, and the call of one round of a subject in them."""

import hashlib
import json
import socket
import subprocess
import venv
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

import uvloop
from bench.figures import Sample
from bench.load import WARM_UP, Place, drive, during
from bench.scale import Scale
from bench.server import folder, until_answered
from bench.subjects.rest import creations
from tests.postgres import PostgresServer

from bench import processors

_HERE = Path(__file__).parent
_WITHIN = 600
# The subjects to which a peer has nothing comparable.
_NOTHING_LIKE = {
    script: {"stop", "follow"} for script in ("procrastinate_peer", "pgqueuer_peer", "dbos_peer", "prefect_peer")
} | {"huey_peer": {"stop", "bulk", "follow"}}


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with the packages that a requirements file pins."""

    requirements: Path
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"


def _environment(name: str = "") -> Environment:
    return Environment(_HERE / f"requirements{name}.txt", _HERE / f".venv{name}")


QUEUES = _environment()
# APScheduler 4 has the same import name as APScheduler 3.
NEXT = _environment("-apscheduler4")
WEB = _environment("-web")
PGQUEUER = _environment("-pgqueuer")
DBOS = _environment("-dbos")
PREFECT = _environment("-prefect")


def install(environment: Environment, say: Callable[[str], None]) -> None:
    """The environment has exactly the packages that its file pins."""
    wanted = hashlib.sha256(environment.requirements.read_bytes()).hexdigest()
    installed = environment.folder / "installed"
    if installed.exists() and installed.read_text() == wanted:
        return
    say(f"installing peers into bench/{environment.folder.name}")
    venv.create(environment.folder, with_pip=True, clear=True)
    command: list[str | Path] = [environment.python, "-m", "pip", "install", "--quiet"]
    command += ["--require-hashes", "-r", environment.requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The peers cannot be installed; --no-peers measures without them.\n{done.stderr.strip()}")
    installed.write_text(wanted)


@dataclass(frozen=True, slots=True)
class OnPostgres:
    """A peer on its own database in the PostgreSQL on which Enginehouse is measured."""

    name: str
    postgres: PostgresServer
    script: str
    environment: Environment

    def measure(self, subject: str, scale: Scale) -> Sample:
        database = uvloop.run(self.postgres.create())
        try:
            return _run(self.environment, self.script, subject, self.postgres.dsn(database), scale)
        finally:
            uvloop.run(self.postgres.drop(database))


@dataclass(frozen=True, slots=True)
class OnFile:
    """A peer on an SQLite file, with its own default durability."""

    name: str
    place: Path
    script: str
    environment: Environment

    def measure(self, subject: str, scale: Scale) -> Sample:
        with folder(self.place) as home:
            return _run(self.environment, self.script, subject, str(home / "peer.db"), scale)


@dataclass(frozen=True, slots=True)
class FastAPI:
    """FastAPI with SQLAlchemy on an SQLite file, or on the PostgreSQL on which Enginehouse is measured."""

    name: str
    place: Path
    postgres: PostgresServer | None
    environment: Environment = WEB

    def measure(self, subject: str, scale: Scale) -> Sample:
        with folder(self.place) as home:
            if self.postgres is None:
                return self._create(f"sqlite+aiosqlite:///{home / 'jobs.db'}", scale)
            database = uvloop.run(self.postgres.create())
            try:
                dsn = self.postgres.dsn(database)
                return self._create(dsn.replace("postgresql://", "postgresql+asyncpg://", 1), scale)
            finally:
                uvloop.run(self.postgres.drop(database))

    def _create(self, url: str, scale: Scale) -> Sample:
        """Returns the creates per second of the same request as Enginehouse gets."""
        port = _free_port()
        command = [str(WEB.python), "-m", "bench.peers.fastapi_peer", url, str(port)]
        process = subprocess.Popen(command, cwd=_HERE.parent, stdout=subprocess.DEVNULL)
        try:
            place = Place("127.0.0.1", port, "")
            until_answered(process, place)
            requests = cycle(creations(place))
            uvloop.run(drive(place, during(WARM_UP, requests), clients=64))
            used = processors.seconds_used(process.pid)
            load = uvloop.run(drive(place, during(scale.seconds, requests), clients=64))
            used = processors.seconds_used(process.pid) - used
            return {"rest_create": load.per_second, "rest_create_server": used / len(load.waits) * 1e6}
        finally:
            process.terminate()
            process.wait()


def on_postgres(postgres: PostgresServer) -> list[OnPostgres]:
    """Returns the task queues that are measured on this PostgreSQL."""
    return [
        OnPostgres("Procrastinate PostgreSQL", postgres, "procrastinate_peer", QUEUES),
        OnPostgres("PgQueuer PostgreSQL", postgres, "pgqueuer_peer", PGQUEUER),
        OnPostgres("DBOS PostgreSQL", postgres, "dbos_peer", DBOS),
    ]


def on_file(place: Path) -> list[OnFile]:
    """Returns the task queues and schedulers that are measured on a file in this folder."""
    return [
        OnFile("Huey SQLite", place, "huey_peer", QUEUES),
        OnFile("Prefect SQLite", place, "prefect_peer", PREFECT),
        OnFile("APScheduler 3 SQLite", place, "apscheduler3_peer", QUEUES),
        OnFile("APScheduler 4 SQLite", place, "apscheduler4_peer", NEXT),
    ]


def on_the_web(place: Path, postgres: PostgresServer | None, *, on_sqlite: bool) -> list[FastAPI]:
    """Returns the web frameworks that are measured on these databases."""
    found = [FastAPI("FastAPI SQLite", place, None)] if on_sqlite else []
    return found if postgres is None else [*found, FastAPI("FastAPI PostgreSQL", place, postgres)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(environment: Environment, script: str, subject: str, where: str, scale: Scale) -> Sample:
    if subject in _NOTHING_LIKE.get(script, ()):
        return {}
    command = [str(environment.python), "-m", f"bench.peers.{script}", subject, where, json.dumps(asdict(scale))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WITHIN, cwd=_HERE.parent)
    if done.returncode:
        raise RuntimeError(f"{script} {subject}:\n{done.stderr[-2000:]}")
    sample: Sample = json.loads(done.stdout.splitlines()[-1])
    return sample
