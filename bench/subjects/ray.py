"""Measures engines on a Ray cluster of two nodes on this machine beside children of the same machine."""

import json
import subprocess
import sys
from pathlib import Path

from bench.figures import Sample
from bench.scale import Scale
from bench.server import engines_path, without_settings

_CHECKOUT = Path(__file__).parents[2]


def measure(home: Path, database: str | None, scale: Scale) -> Sample:
    """Measures calls of an engine that does nothing. The database does not matter, since no server takes part."""
    path = f"{engines_path(home)}:{_CHECKOUT}:{_CHECKOUT / 'src'}"
    run = subprocess.run(
        [sys.executable, "-m", "bench.ray_calls", str(home), str(scale.starts)],
        cwd=_CHECKOUT,
        env=without_settings() | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if run.returncode:
        raise RuntimeError(f"The measurement failed:\n{run.stderr[-2000:]}")
    figures: Sample = json.loads(run.stdout.strip().splitlines()[-1])
    return figures
