"""What `make test` leaves out, `make chaos` runs: it names every test file that takes a sample of its cases."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = "tests.thorough"
COMMANDS = "tests.commands"  # leaves nothing out; the acceptance tests show that commands also start the long way


_IMPORTS = re.compile(r"^(?:from (tests[\w.]*) import (\([^)]*\)|.*)|import (tests[\w.]*))", re.MULTILINE)


def _imports(file: Path) -> set[str]:
    """Returns the modules of the tests that the file imports."""
    found = set[str]()
    for module, names, whole in _IMPORTS.findall(file.read_text()):
        found |= {whole} if whole else {module, *(f"{module}.{name}" for name in re.findall(r"\w+", names))}
    return found


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
