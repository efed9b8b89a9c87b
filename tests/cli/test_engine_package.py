"""`engine new` makes a package whose test passes, and `engine try` runs an engine without a server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acceptance.servers import call, clean


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder of a new engine."""
    made = call("engine", "new", "word-length", folder=tmp_path)
    assert made.code == 0, made.err
    assert "enginehouse engine try word_length:engine FILE" in made.out
    return tmp_path / "word-length"


def test_the_test_of_a_new_engine_passes(package: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(command, cwd=package, env=clean(), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout


def test_a_new_engine_runs_on_a_file(package: Path) -> None:
    (package / "notes.txt").write_text("größe")
    tried = call("engine", "try", "word_length:engine", "notes.txt", "--output", "kept", folder=package)
    assert tried.code == 0, tried.err
    assert "reading notes.txt" in tried.err
    assert json.loads((package / "kept/output-0.json").read_text()) == {"characters": 5}
    listed = call("engine", "try", "word_length:engine", "notes.txt", "--json", folder=package)
    assert json.loads(listed.out) == {
        "outputs": [{"name": "output-0.json", "mediaType": "application/json", "size": 17}]
    }


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("word_length:nothing", 'internal_error: "word_length:nothing" is not an engine'),
        ("missing_module:engine", 'the package "missing_module", which is not installed'),
        ("no-such-entry-point", 'No installed package has an entry point "no-such-entry-point"'),
    ],
)
def test_what_cannot_be_run_is_named(package: Path, engine: str, said: str) -> None:
    (package / "notes.txt").write_text("x")
    tried = call("engine", "try", engine, "notes.txt", folder=package)
    assert tried.code == 1
    assert said in tried.err.splitlines()[-1]


def test_a_failure_of_the_engine_is_told_and_its_traceback_is_in_the_log(package: Path) -> None:
    (package / "notes.txt").write_bytes(b"\xff")
    tried = call("engine", "try", "word_length:engine", "notes.txt", folder=package)
    assert tried.code == 1
    assert "internal_error: The engine raised UnicodeDecodeError" in tried.err.splitlines()[-1]
    assert "Traceback" in tried.err


@pytest.mark.parametrize("name", ["Word", "word_length", "-x", "x-", "a--b", "1x", "x" * 61, "../x", ""])
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    made = call("engine", "new", "--folder", "here", "--", name, folder=tmp_path)
    assert made.code == 2
    assert "NAME: small letters, digits and single hyphens" in made.err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    made = call("engine", "new", "x", folder=tmp_path)
    assert made.code == 1
    assert "x exists already" in made.err
    assert not list((tmp_path / "x").iterdir())
