"""`make bench` works: a quick run without peers measures, prints its table and writes its file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.thorough import THOROUGH

# All subjects on both databases take minutes.
SOME = [] if THOROUGH else ["create", "--database", "sqlite"]
COMMAND = [sys.executable, str(Path(__file__).parents[2] / "bench/run.py")]


@pytest.mark.slow
def test_a_quick_run_prints_a_row_per_figure_and_writes_every_sample(tmp_path: Path, place: Path) -> None:
    written = tmp_path / "figures.json"
    arguments = [*SOME, "--quick", "--no-peers"]
    places = ["--json", str(written), "--place", str(place)]
    run = subprocess.run([*COMMAND, *arguments, *places], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "not measured" not in run.stdout + run.stderr

    assert "one job a request, 64 clients" in run.stdout
    assert "≥ 4000" in run.stdout
    figures = json.loads(written.read_text())["figures"]
    measured = {(figure["key"], name): one for figure in figures for name, one in figure["results"].items()}
    assert len(measured) >= (9 if THOROUGH else 5)
    assert all(one["median"] > 0 and len(one["rounds"]) == 1 for one in measured.values())
    assert not list(place.iterdir()), "the data of a run is thrown away"


def test_a_subject_that_is_not_there_is_named() -> None:
    run = subprocess.run([*COMMAND, "creat"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "creat: not a subject; choose from create, tasks" in run.stderr
