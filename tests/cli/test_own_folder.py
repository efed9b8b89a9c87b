"""No command, and so no engine of it, imports from the working folder, or from the folder of the program."""

import subprocess
import sys
from pathlib import Path

import pytest

TRAP = "raise SystemExit('imported from where the program is')"
PROGRAM = "from enginehouse.cli.main import main\nmain()\n"


@pytest.mark.parametrize("way", [("-m", "enginehouse"), ("program.py",)], ids=["module", "program"])
def test_what_lies_beside_the_program_is_not_imported(tmp_path: Path, way: tuple[str, ...]) -> None:
    (tmp_path / "msgspec.py").write_text(TRAP)
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, *way, "context", "list"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.startswith("There is no context.")) == (0, True), ended.stderr
