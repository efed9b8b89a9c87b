"""The files of tests are in memory where there is room, and in the folder that a person has chosen."""

import tempfile
from pathlib import Path

import pytest
from tests import scratch

EVERYTHING = 1 << 40  # GiB


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/before")
    monkeypatch.setenv("TMPDIR", "")  # so that it is restored
    monkeypatch.delenv("TMPDIR")


def test_they_are_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scratch, "_MEMORY", tmp_path)
    scratch.in_memory(room=0)
    assert tempfile.gettempdir() == str(tmp_path)


@pytest.mark.parametrize("room", [0, EVERYTHING])
def test_a_folder_that_was_chosen_and_one_without_room_are_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: int
) -> None:
    monkeypatch.setattr(scratch, "_MEMORY", tmp_path)
    if room == 0:
        monkeypatch.setenv("TMPDIR", "/chosen")
    scratch.in_memory(room)
    assert tempfile.gettempdir() == "/before"
