"""`python bench/run.py` runs the benchmarks of the server and its peers, from any folder. `scale` shows what grows."""

import runpy
import sys
from pathlib import Path

# The path has the checkout instead of this folder, so that `bench` and `tests` are packages.
sys.path[0] = str(Path(__file__).resolve().parents[1])
runpy.run_module("bench.command", run_name="__main__")
