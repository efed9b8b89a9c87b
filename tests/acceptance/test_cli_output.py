"""A full disk, a reader that has left and a closed stdout end a command without a traceback."""

import os
import shlex
import sys
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from tests import commands
from tests.acceptance.servers import clean

# Each way in which a command writes: of click, as JSON, as rows, as help.
WAYS = (("completion", "bash"), ("context", "list", "--json"), ("context", "list"), ("job", "--help"))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    environment = clean({"XDG_CONFIG_HOME": str(tmp_path)})
    commands.run([*commands.BY_MODULE, "context", "add", "here", "--data", "x"], environment=environment)
    return environment


def ended(words: tuple[str, ...], stdout: int, environment: dict[str, str]) -> tuple[int, str]:
    with os.fdopen(stdout, "wb") as out, TemporaryFile("w+") as err:
        process = commands.start([*commands.BY_MODULE, *words], environment=environment, stdout=out, stderr=err)
        code = process.wait(60)
        err.seek(0)
        return code, err.read()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("words", WAYS, ids=" ".join)
def test_a_full_disk_is_one_sentence(words: tuple[str, ...], environment: dict[str, str]) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    assert ended(words, full, environment) == (
        1, "enginehouse: The output cannot be written: No space left on device.\n"
    )  # fmt: skip


@pytest.mark.parametrize("words", WAYS, ids=" ".join)
def test_a_reader_that_has_left_ends_a_command_silently(words: tuple[str, ...], environment: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert ended(words, writing, environment) == (1, "")


def test_a_closed_stdout_is_like_none(environment: dict[str, str]) -> None:
    called = shlex.join([*commands.BY_MODULE, "context", "list"])
    said = commands.run(["sh", "-c", f"{called} >&-"], environment=environment)
    assert (said.returncode, said.stderr) == (0, "")


def test_a_file_that_cannot_be_written_is_named(environment: dict[str, str]) -> None:
    target = [sys.executable, "-m", "enginehouse", "engine", "new", "a-b", "--folder", "/dev/null/x"]
    said = commands.run(target, environment=environment)
    assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    assert "/dev/null/x" in said.stderr
