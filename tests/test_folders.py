"""Whatever an engine leaves in a folder, the folder can be removed, and nothing outside of it is touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from enginehouse import folders

# As a user without the rights of root, who owns the folder.
REMOVE = """
import sys
from pathlib import Path
from enginehouse import folders
from enginehouse.engines.sandbox.confinement import _drop_capabilities
_drop_capabilities()
folders.remove(Path(sys.argv[1]))
"""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("x")
    return tmp_path / "outside"


@pytest.fixture
def folder(tmp_path: Path, outside: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "file").write_text("x")
    (folder / "a" / "b" / "link").symlink_to(outside)
    (folder / "link").symlink_to(outside)
    return folder


def test_a_folder_is_removed_and_links_are_not_followed(folder: Path, outside: Path) -> None:
    folders.remove(folder)
    folders.remove(folder)
    assert sorted(path.name for path in outside.parent.iterdir()) == ["outside"]
    assert (outside / "file").exists()


def test_a_link_to_a_folder_is_left_alone(folder: Path, outside: Path) -> None:
    folders.remove(folder / "link")
    assert (outside / "file").exists()


def test_a_folder_deeper_than_any_path_is_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for _ in range(2200):  # twice as many letters are more than the 4096 of a path
        Path("d").mkdir()
        os.chdir("d")
    folders.remove(folder)
    assert not folder.exists()


def test_folders_without_rights_are_removed(folder: Path) -> None:
    (folder / "a" / "b" / "c").mkdir()
    for path in (folder / "a" / "b" / "c", folder / "a" / "b", folder / "a"):
        path.chmod(0)
    subprocess.run([sys.executable, "-c", REMOVE, folder], check=True)
    assert not folder.exists()
