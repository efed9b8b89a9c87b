"""An engine needs only `enginehouse.engine`, and the engines here import only that."""

import ast
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest
from tests.engines.reference import chunk, work

from enginehouse import engine as public
from enginehouse.engine import EngineKind, EngineSpec

ROOT = Path(__file__).parents[2]
MODULE = "enginehouse.engine"


def imports(program: str) -> set[str]:
    """Returns the modules that a program imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(program)):
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module)
    return found


@pytest.mark.parametrize("folder", ["docs/how-to/example-engine", "bench/engines"])
def test_an_engine_of_ours_imports_nothing_else_of_the_server(folder: str) -> None:
    programs = list((ROOT / folder).glob("*.py"))
    assert programs
    for program in programs:
        ours = {name for name in imports(program.read_text()) if name.partition(".")[0] == "enginehouse"}
        assert ours == {MODULE}, program.name


def test_what_is_public_is_listed() -> None:
    assert {"EngineSpec", "EngineKind", "EngineMode", "FailureKind", "EngineFailure", "Work", "Chunk", "Output"} <= set(
        public.__all__
    )
    defined = {
        name
        for name, value in vars(public).items()
        if getattr(value, "__module__", "") == MODULE and not name.startswith("_")
    }
    assert defined <= set(public.__all__)
    assert all(hasattr(public, name) for name in public.__all__)


def test_the_engine_in_its_docstring_works(tmp_path: Path) -> None:
    program = dedent((public.__doc__ or "").partition("A whole engine:\n\n")[2].partition("\n\nThe package")[0])
    assert imports(program) == {MODULE}
    shout = ModuleType("shout")
    exec(compile(program, "shout.py", "exec"), vars(shout))
    assert isinstance(shout.engine.spec, EngineSpec)
    assert shout.engine.spec.kind is EngineKind.PYTHON
    [output] = shout.engine.process(work(chunk(tmp_path / "a.txt", "quiet")))
    assert (output.media_type, output.data) == ("text/plain", b"QUIET")
