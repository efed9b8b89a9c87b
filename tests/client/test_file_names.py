"""Outputs are saved in files of their own, under names that a file system can hold."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.client.file_names import file_names

ODD = [
    "..", ".", "", " ", "a/b", "/etc/passwd", "nul\0", "line\nbreak", "x" * 300, "ž" * 200 + ".json",
    ".json", "a." + "b" * 300,
]  # fmt: skip


def test_a_usual_name_stays() -> None:
    assert file_names(["a.json", "žluť.txt", ".hidden", "no suffix"]) == ["a.json", "žluť.txt", ".hidden", "no suffix"]


def test_names_that_a_file_system_may_not_tell_apart_get_a_number() -> None:
    same = ["a.json", "A.json", "a.json", "e\u0301", "\u00e9"]
    assert file_names(same) == ["a.json", "A-2.json", "a-3.json", "e\u0301", "\u00e9-2"]
    assert file_names(["a", "a", "a-2"]) == ["a", "a-2", "a-2-2"]


@pytest.mark.parametrize("name", ODD)
def test_any_name_can_be_a_file(name: str, tmp_path: Path) -> None:
    [file] = file_names([name])
    (tmp_path / file).write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == [file]


@given(st.lists(st.sampled_from(ODD) | st.text("aAé.- /\n\x1b\0", max_size=8), max_size=20))
def test_each_name_has_a_file_of_its_own(names: list[str]) -> None:
    files = file_names(names)
    assert len({unicodedata.normalize("NFC", file).casefold() for file in files}) == len(names)
    for file in files:
        assert 0 < len(file.encode()) <= 255
        assert file.strip(". ")
        assert not set(file) & {"/", "\\", "\0", "\n", "\x1b"}


def test_many_names_that_are_cut_to_the_same_one_are_numbered_in_linear_time() -> None:
    assert len(set(file_names(["ž" * 200 + f"{number}" for number in range(20_000)]))) == 20_000
