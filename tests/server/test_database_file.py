"""A data folder remembers its database."""

from pathlib import Path

import pytest

from enginehouse.domain.errors import Unavailable
from enginehouse.server import database_file

THERE = "postgresql://there/jobs"


def test_a_folder_belongs_to_its_first_database(tmp_path: Path) -> None:
    assert database_file.read(tmp_path) is None
    database_file.check_place(tmp_path, THERE)
    database_file.bind(tmp_path, THERE, "one")
    database_file.bind(tmp_path, "postgresql://moved/jobs", "one")
    assert database_file.read(tmp_path) == ("one", "postgresql://moved/jobs")
    assert (tmp_path / "database").stat().st_mode & 0o077 == 0
    with pytest.raises(Unavailable, match="belongs to another database, which was at postgresql://moved/jobs"):
        database_file.bind(tmp_path, THERE, "two")
    assert database_file.read(tmp_path) == ("one", "postgresql://moved/jobs")
    assert [file.name for file in tmp_path.iterdir()] == ["database"]


@pytest.mark.parametrize(
    ("first", "then", "advice"),
    [
        (THERE, database_file.EMBEDDED, f"start with --database {THERE}"),
        (database_file.EMBEDDED, THERE, "start without --database"),
    ],
)
def test_a_database_of_the_other_kind_is_refused_before_it_is_opened(
    tmp_path: Path, first: str, then: str, advice: str
) -> None:
    database_file.bind(tmp_path, first, "one")
    with pytest.raises(Unavailable, match=advice):
        database_file.check_place(tmp_path, then)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "\xff"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "database").write_text(text, "latin-1")
    with pytest.raises(Unavailable, match="must name the folder's database"):
        database_file.read(tmp_path)
