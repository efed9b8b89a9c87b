"""Only the user of the server can read what its data folder holds, whatever the umask and the modes of before."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.servers import Server, serving

from enginehouse.cli import file_modes


def rights(folder: Path) -> dict[str, int]:
    """Returns what other users may do with each file and folder, the folder itself included."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) & 0o077
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink()
    }


def work(server: Server) -> None:
    """A job has run, so that there are artifacts and logs."""
    said = server.cli("job", "create", "--engine", "sentiment-vader", "--text", "It is a fine day.", "--watch")
    assert said.code == 0, said.err


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The operator's umask forbids nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_folder_is_private(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        work(server)
        found = rights(data)
    assert set(found.values()) == {0}, found
    assert {"enginehouse.db", "enginehouse.db-wal", "token"} < set(found)
    assert [name for name in found if name.startswith("artifacts/kept/jobs/")], found


def test_an_existing_folder_becomes_private_and_other_files_stay_as_they_are(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    with serving(data) as server:
        work(server)
    elsewhere.write_text("nobody's")
    (data / "artifacts/kept/link").symlink_to(elsewhere)
    (data / "notes.txt").write_text("the operator's")
    for path in (elsewhere, data, *data.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    with serving(data, "--log-format", "json") as server:
        server.heard_until("files made private")
        found = {name for name, others in rights(data).items() if others}
    assert found == {"notes.txt"}
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o666


@pytest.mark.parametrize(("before", "after"), [(0o022, 0o077), (0o277, 0o277), (0o177, 0o177)])
def test_a_stricter_umask_stays(before: int, after: int) -> None:
    os.umask(before)
    file_modes.restrict_umask()
    assert os.umask(0) == after
