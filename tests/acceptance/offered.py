"""Engines that the tests offer to a real server: one that waits for a gate, and some that misbehave."""

import base64
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.engines.misbehaving import MOODS, daemonize, forever
from tests.engines.misbehaving import flood as prints_a_gigabyte

from enginehouse.domain.resources import NOTHING
from enginehouse.engine import EngineKind, EngineMode, EngineSpec, Output, Resources, Work

TEST_CATEGORY = "67cd4dd0-2f75-445d-a6f0-2f297d6cd182"
SECONDS = 2
MEMORY_MB = 200


@dataclass(frozen=True)
class Offered:
    """Makes a function an engine with the function's name."""

    process: Callable[[Work], Any]
    seconds: int = 60
    resources: Resources = NOTHING

    @property
    def spec(self) -> EngineSpec:
        name = self.process.__name__
        return EngineSpec(
            id=name,
            name=name,
            category_id=TEST_CATEGORY,
            kind=EngineKind.PYTHON,
            mode=EngineMode.BATCH,
            timeout_seconds=self.seconds,
            memory_mb=MEMORY_MB,
            resources=self.resources,
        )


@Offered
def waits(work: Work) -> list[Output]:
    """Writes the id of each of its processes into payload.runs, and ends when payload.gate exists."""
    if work.payload.get("fork") and not os.fork():
        os.setsid()
        _note(work.payload["runs"])
        time.sleep(3600)
    _note(work.payload["runs"])
    sys.stdout.write("it waits\n")
    while not Path(work.payload["gate"]).exists():
        time.sleep(0.01)
    return [Output(media_type="text/plain", data=b"waited", name="waited.txt")]


@Offered
def speaks(work: Work) -> list[Output]:
    """Publishes something that is no transcript, and a transcript of two words."""
    series = [
        {"startTimeMs": n * 500, "stopTimeMs": n * 500 + 400, "words": [{"word": word}]}
        for n, word in enumerate(("Hello", "harbour."))
    ]
    documents = {"a.json": {"object": []}, "b.json": {"validationContracts": ["transcript"], "series": series}}
    return [
        Output(media_type="application/json", data=json.dumps(document).encode(), name=name)
        for name, document in documents.items()
    ]


@Offered
def stubborn(work: Work) -> list[Output]:
    """Runs in five processes: itself, three children (one in its own session), one outside the tree.

    SIGTERM ends none.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for leave in (lambda: None, os.setsid, daemonize):
        if not os.fork():
            leave()
            _note(work.payload["runs"])
            forever()
    _note(work.payload["runs"])
    forever()


@Offered
def honest(work: Work) -> list[Output]:
    """Returns its process id and its environment."""
    sys.stdout.write("honest work\n")
    return [Output(media_type="text/plain", data=repr((os.getpid(), dict(os.environ))).encode(), name="me.txt")]


@Offered
def prints(work: Work) -> list[Output]:
    """Prints each line that a test writes into payload.script, until the line is `end` or `fail`."""
    with Path(work.payload["script"]).open() as script:
        while True:
            line = script.readline()
            if not line.endswith("\n"):
                script.seek(script.tell() - len(line))
                time.sleep(0.01)
                continue
            if line.strip() == "fail":
                raise ValueError("the script says so")
            if line.strip() == "end":
                return [Output(media_type="text/plain", data=b"printed", name="printed.txt")]
            sys.stdout.write(line)
            sys.stdout.flush()


@Offered
def puts(work: Work) -> list[Output]:
    """Puts out what its payload describes: names, media types, and bytes in base64."""
    return [
        Output(media_type=each["type"], data=base64.b64decode(each["data"]), name=each["name"])
        for each in work.payload["outputs"]
    ]


@Offered
def weighs(work: Work) -> list[Output]:
    """Returns the number of bytes of its input."""
    size = 0
    with work.inputs[0].path.open("rb") as file:
        while block := file.read(1 << 20):
            size += len(block)
    return [Output(media_type="text/plain", data=str(size).encode(), name="size.txt")]


@Offered
def swells(work: Work) -> list[Output]:
    """Returns as many bytes as its payload says."""
    return [Output(media_type="application/octet-stream", data=b"x" * work.payload["bytes"], name="bytes.bin")]


@partial(Offered, resources=Resources(cpus=1, labels={"speech": 1}))
def listens(work: Work) -> list[Output]:
    """Takes a label of its machine."""
    return [Output(media_type="text/plain", data=b"heard", name="heard.txt")]


@partial(Offered, resources=Resources(gpus=0.5))
def paints(work: Work) -> list[Output]:
    """Takes half a GPU. Returns which ones it sees."""
    return [Output(media_type="text/plain", data=os.environ["CUDA_VISIBLE_DEVICES"].encode(), name="gpus.txt")]


@partial(Offered, resources=Resources(cpus=1, labels={"quantum": 1}))
def dreams(work: Work) -> list[Output]:
    """Takes what no machine has, until it gets it."""
    return [Output(media_type="text/plain", data=b"dreamt", name="dream.txt")]


@Offered
def curious(work: Work) -> list[Output]:
    """Tries to read the files in payload.paths. Returns what came of each, and its own environment."""
    seen = {}
    for path in work.payload["paths"]:
        try:
            seen[path] = f"{len(Path(path).read_bytes())} bytes"
        except OSError as error:
            seen[path] = type(error).__name__
    result = {"seen": seen, "environment": dict(os.environ)}
    return [Output(media_type="application/json", data=json.dumps(result).encode(), name="seen.json")]


@Offered
def imports(work: Work) -> list[Output]:
    """Returns where it imports from, besides the folder in which the tests have put it."""
    found = [entry for entry in dict.fromkeys(sys.path) if not entry.endswith("/offered")]
    return [Output(media_type="text/plain", data="\n".join(found).encode(), name="path.txt")]


@Offered
def quotes(work: Work) -> list[Output]:
    """Fails with its payload in the message."""
    raise ValueError(repr(work.payload))


def _note(path: str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")


# Engines that misbehave, each with little time and memory.
moods = SimpleNamespace(**{name: Offered(mood, SECONDS) for name, mood in MOODS.items()})
flood = Offered(prints_a_gigabyte.process)
