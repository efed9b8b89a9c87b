"""What `make test` leaves out, `make chaos` runs: it names every test file that takes a sample of its cases."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = "tests.thorough"
COMMANDS = "tests.commands"  # leaves nothing out; the acceptance tests show that commands also start the long way


def _imports(file: Path) -> set[str]:
    """Returns the modules of the tests that the file imports."""
    found = set[str]()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("tests.")}


def _sampling() -> set[Path]:
    """Returns the test files that know whether all is wanted, by themselves or through what they import."""
    imports = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): _imports(file) for file in ROOT.glob("tests/**/*.py")
    }
    imports.pop(COMMANDS)
    known = {SOURCE}
    # What a test file leaves out it leaves out of its own tests, whoever imports its tables.
    while (
        more := {name for name, imported in imports.items() if any(".test_" not in one for one in imported & known)}
        - known
    ):
        known |= more
    return {Path(*name.split(".")).with_suffix(".py") for name in known if ".test_" in name}


def test_make_chaos_names_every_file_that_takes_a_sample() -> None:
    makefile = (ROOT / "Makefile").read_text()
    sampled = re.search(r"^SAMPLED := ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    assert sampled is not None
    named = {Path(word) for word in sampled[1].replace("\\", " ").split()} | {Path("tests/chaos")}
    assert all((ROOT / path).exists() for path in named)
    assert len(_sampling()) > 20
    assert {file for file in _sampling() if not {file, *file.parents} & named} == set()
