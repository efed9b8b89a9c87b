"""Rules that no other check covers: one-way imports, short files, forbidden words."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST = 350  # lines of a source file

# They are written so that this file does not contain what it searches for.
PATHS = re.compile(r"(?<![\w.])/(?:[w]ork|[r]oot|[h]ome|[U]sers)/[a-z]")
REGISTRIES = re.compile(r"[p]ypi\.org|python[h]osted|[n]pmjs\.|crates[.]io")
UNFINISHED = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b")
EMPTY_WORDS = {"manager", "helper", "util", "service", "base", "handler", "common", "core", "misc"}
NAMES_THAT_SAY_NOTHING = EMPTY_WORDS | {"managers", "helpers", "utils", "services", "handlers"}


def tracked(*patterns: str) -> Iterator[tuple[str, str]]:
    """Yields the name and the text of every tracked text file of ours, not of those that others have written."""
    if shutil.which("git") is None:
        pytest.skip("git says which files are ours")
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if "/vendored/" in name:
            continue
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" not in content:
            yield name, content.decode()


def test_every_floor_imports_only_floors_below_it() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_source_file_is_one_thought() -> None:
    long = {name: len(text.splitlines()) for name, text in tracked("src/*.py")}
    assert {name: lines for name, lines in long.items() if lines > LONGEST} == {}


def test_every_file_that_make_runs_exists() -> None:
    named = re.findall(r"(?<![\w/])(?:\w+/)+\w+\.py\b", (ROOT / "Makefile").read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_names_say_what_is_inside() -> None:
    words = {
        name: {word for part in Path(name).with_suffix("").parts for word in part.split("_")}
        for name, _ in tracked("src/*.py", "src/*.sql", "tests/*.py", "bench/*.py")
    }
    assert {name for name, said in words.items() if said & NAMES_THAT_SAY_NOTHING} == set()


@pytest.mark.parametrize("pattern", [UNFINISHED, PATHS, REGISTRIES], ids=["unfinished", "machine", "registry"])
def test_no_file_says(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_every_locked_dependency_has_its_hashes() -> None:
    for name, text in tracked("requirements/*.txt"):
        pinned = re.split(r"\n(?=[a-z0-9])", re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE).strip())
        assert pinned, name
        for requirement in pinned:
            assert re.match(r"[a-z0-9_.\-\[\]]+==\S+ \\\n\s+--hash=sha256:", requirement), f"{name}: {requirement[:60]}"


def test_what_the_tests_install_is_what_the_server_runs_on() -> None:
    pins = {
        name: dict(re.findall(r"^([a-z0-9_.\-]+)==(\S+)", text, re.MULTILINE))
        for name, text in tracked("requirements/*.txt")
    }
    tests = pins["requirements/dev.txt"]
    for package, version in (pins["requirements/runtime.txt"] | pins["requirements/build.txt"]).items():
        assert tests.get(package, version) == version, package
