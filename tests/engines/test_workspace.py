"""What comes out of an engine's folder: only its own regular files, opened once, and only once."""

import os
from pathlib import Path

import pytest
from tests.engines.misbehaving import odd_files

from enginehouse.domain.artifact import MAX_OUTPUTS
from enginehouse.engine import Chunk, EngineFailure, Output, Work
from enginehouse.engines.frames import OutputsReply
from enginehouse.engines.workspace import Workspace

NOT_OUTPUTS = ["/etc/passwd", "../../home/x", "missing", "link", "folder/passwd", "fifo", ".", "a\0b", "circle", "/"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Returns a workspace with odd files in the folder of item 1, which is the working folder."""
    workspace = Workspace.create(tmp_path)
    workspace.enter(1, work())
    monkeypatch.chdir(workspace.work / "1")
    odd_files()
    return workspace


def work(*inputs: Chunk) -> Work:
    return Work(
        job_id="j",
        task_id="t",
        organization_id=1,
        target_id=None,
        engine_id="e",
        payload=None,
        inputs=inputs,
        folders=(),
        directory=Path("/nonexistent"),
    )


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def take(workspace: Workspace, *paths: str | Path) -> list[Path]:
    """Returns where the outputs are now."""
    outputs = [Output(media_type="text/plain", path=Path(path)) for path in paths]
    reply = workspace.take(1, OutputsReply(1, outputs), workspace.root.parent / "taken")
    return [output.path for output in reply.outputs if output.path is not None]


@pytest.mark.parametrize("path", [*NOT_OUTPUTS, "second name", "file"])
def test_an_output_is_a_regular_file_with_one_name_of_the_working_folder(workspace: Workspace, path: str) -> None:
    for spelled in (path, workspace.work / "1" / path):
        with pytest.raises(EngineFailure, match="not a file in its working folder"):
            take(workspace, spelled)


def test_every_descriptor_is_closed_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second close could close what another thread has opened meanwhile."""
    close = os.close

    def close_open(descriptor: int) -> None:
        assert os.fstat(descriptor), "it is open"
        close(descriptor)

    monkeypatch.setattr(os, "close", close_open)
    Path("own").mkdir()
    Path("own/out.txt").write_text("x")
    before = descriptors()
    assert len(take(workspace, "own/out.txt")) == 1
    for path in (*NOT_OUTPUTS, "own/missing", "second name"):
        with pytest.raises(EngineFailure):
            take(workspace, path)
    assert descriptors() == before


def test_a_taken_file_is_the_engines_file_under_another_name(workspace: Workspace) -> None:
    Path("out.txt").write_text("whole")
    inode = Path("out.txt").stat().st_ino
    [path] = take(workspace, "out.txt")
    assert path.stat().st_ino == inode
    workspace.leave(1)
    assert path.read_text() == "whole"


def test_one_file_may_be_several_outputs(workspace: Workspace) -> None:
    Path("out.txt").write_text("whole")
    first, second, third = take(workspace, "out.txt", workspace.work / "1" / "out.txt", "out.txt")
    assert first == second == third
    assert first.read_text() == "whole"


def test_on_another_file_system_a_file_is_copied(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*arguments: object, **options: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", link)
    Path("out.txt").write_text("whole")
    [path] = take(workspace, "out.txt")
    assert path.read_text() == "whole"


def test_too_many_outputs_are_refused_before_one_is_taken(workspace: Workspace) -> None:
    Path("out.txt").write_text("x")
    with pytest.raises(EngineFailure, match=f"{MAX_OUTPUTS + 1} outputs"):
        take(workspace, *["out.txt"] * (MAX_OUTPUTS + 1))
    assert not (workspace.root.parent / "taken").exists()


def test_a_file_that_is_brought_in_is_a_copy_unless_the_engine_cannot_write_to_it(tmp_path: Path) -> None:
    stored = tmp_path / "stored"
    stored.write_text("input")
    chunk = Chunk(path=stored, media_type="text/plain", size=5)
    for linked in (False, True):
        [inside] = Workspace.create(tmp_path, linked=linked).enter(1, work(chunk)).inputs
        assert inside.path.read_text() == "input"
        assert (inside.path.stat().st_ino == stored.stat().st_ino) is linked


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to another user")
def test_another_user_owns_the_folders_of_its_items_and_no_folder_around_them(tmp_path: Path) -> None:
    """Else it could put a link in the place of the next item's folder, and be given what the link names."""
    workspace = Workspace.create(tmp_path, user=54_321)
    (tmp_path / "input").write_text("read me")
    workspace.enter(1, work(Chunk(path=tmp_path / "input", media_type="text/plain", size=7)))
    owners = {path.name: path.stat().st_uid for path in (workspace.root / name for name in ("home", "work", "inputs"))}
    assert owners == {"home": 54_321, "work": 0, "inputs": 0}
    assert (workspace.work / "1").stat().st_uid == 54_321
    assert (workspace.inputs / "1").stat().st_uid == 0
    for folder in (workspace.root, workspace.work, workspace.inputs):
        assert folder.stat().st_mode & 0o777 == 0o711


def test_a_folder_in_which_anything_was_made_is_not_untouched(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    workspace.enter(1, work())
    assert workspace.is_untouched(1)
    (workspace.work / "1" / "made").touch()
    (workspace.work / "1" / "made").unlink()
    assert not workspace.is_untouched(1)
    assert not workspace.is_untouched(2), "there is none"


def test_an_empty_folder_of_an_item_leaves_at_once_and_another_one_stays(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    workspace.enter(1, work())
    assert workspace.leave_empty(1)
    assert not list(workspace.work.iterdir())
    workspace.enter(2, work())
    (workspace.work / "2" / "left").touch()
    assert not workspace.leave_empty(2)
    workspace.leave(2)
    assert not list(workspace.work.iterdir())
    (workspace.work / "3").symlink_to(tmp_path)
    assert not workspace.leave_empty(3)
