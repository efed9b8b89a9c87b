"""The peers: their virtual environment, and one round of a subject in it."""

import hashlib
import json
import subprocess
import venv
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from bench.figures import Sample
from bench.scale import Scale
from bench.server import folder
from tests.postgres import PostgresServer

_HERE = Path(__file__).parent
_REQUIREMENTS = _HERE / "requirements.txt"
_ENVIRONMENT = _HERE / ".venv"
_PYTHON = _ENVIRONMENT / "bin/python"
_WITHIN = 600
# What a peer has nothing like.
_NOTHING_LIKE = {"procrastinate_peer": {"stop", "follow"}, "huey_peer": {"stop", "bulk", "follow"}}


def install(say: Callable[[str], None]) -> None:
    """What requirements.txt pins, and nothing else, is in the peers' environment."""
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    installed = _ENVIRONMENT / "installed"
    if installed.exists() and installed.read_text() == wanted:
        return
    say("installing the peers into bench/.venv")
    venv.create(_ENVIRONMENT, with_pip=True, clear=True)
    command: list[str | Path] = [_PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", _REQUIREMENTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The peers cannot be installed; --no-peers measures without them.\n{done.stderr.strip()}")
    installed.write_text(wanted)


@dataclass(frozen=True, slots=True)
class Procrastinate:
    """On a database of its own in the PostgreSQL that Enginehouse is measured on."""

    name: str
    postgres: PostgresServer

    def measure(self, subject: str, scale: Scale) -> Sample:
        database = uvloop.run(self.postgres.create())
        try:
            return _run("procrastinate_peer", subject, self.postgres.dsn(database), scale)
        finally:
            uvloop.run(self.postgres.drop(database))


@dataclass(frozen=True, slots=True)
class Huey:
    """On an SQLite file, with its default durability."""

    name: str
    place: Path

    def measure(self, subject: str, scale: Scale) -> Sample:
        with folder(self.place) as home:
            return _run("huey_peer", subject, str(home / "huey.db"), scale)


def _run(script: str, subject: str, where: str, scale: Scale) -> Sample:
    if subject in _NOTHING_LIKE[script]:
        return {}
    command = [str(_PYTHON), "-m", f"bench.peers.{script}", subject, where, json.dumps(asdict(scale))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WITHIN, cwd=_HERE.parent)
    if done.returncode:
        raise RuntimeError(f"{script} {subject}:\n{done.stderr[-2000:]}")
    sample: Sample = json.loads(done.stdout.splitlines()[-1])
    return sample
