"""What an engine keeps on disk is counted wherever it hides it, and its inputs are not its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from enginehouse.engines import consumption
from enginehouse.engines.keeper_main import ChildRecord, KeeperMain
from enginehouse.engines.workspace import Workspace

MB = 1 << 20
# As a user without the rights of root, who owns the folder.
COUNT = """
import sys
from enginehouse.engines import consumption
from enginehouse.engines.sandbox.confinement import _drop_capabilities
_drop_capabilities()
print(consumption.disk([sys.argv[1]], [], 1 << 40))
"""


def fill(path: Path) -> None:
    path.write_bytes(bytes(MB))


def test_files_count_at_every_depth_and_empty_ones_a_little(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    fill(tmp_path / "a" / "b" / "file")
    assert MB <= consumption.disk([str(tmp_path)], [], 1 << 40) < 2 * MB
    (tmp_path / "empty").touch()
    before = consumption.disk([str(tmp_path / "a")], [], 1 << 40)
    assert consumption.disk([str(tmp_path)], [], 1 << 40) > before


def test_open_files_without_a_name_count_once(tmp_path: Path) -> None:
    memory = os.memfd_create("file")
    os.write(memory, bytes(MB))
    copy = os.dup(memory)
    try:
        assert MB <= consumption.disk([], [os.getpid()], 1 << 40) < 2 * MB
    finally:
        os.close(memory)
        os.close(copy)


def test_a_folder_without_rights_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    fill(tmp_path / "closed" / "file")
    (tmp_path / "closed").chmod(0)
    done = subprocess.run([sys.executable, "-c", COUNT, tmp_path], capture_output=True, check=True, text=True)
    assert int(done.stdout) >= MB


def test_what_is_too_deep_to_be_counted_is_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(30):
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)
    assert consumption.disk([str(tmp_path)], [], 1 << 40) > 1 << 40


def test_a_circle_of_links_in_place_of_a_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    assert consumption.disk([str(tmp_path / "circle")], [], MB) == 0


def test_inputs_are_not_files_that_the_engine_keeps(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        child = ChildRecord(1, process.pid, str(workspace.root), memory=1 << 40, disk=MB // 2)
        keeper = KeeperMain(None, "owner")  # type: ignore[arg-type]  # it says nothing here
        fill(workspace.inputs / "input")
        keeper.enforce(child)
        assert child.cause is None
        child.disk_due = 0
        fill(workspace.work / "output")
        keeper.enforce(child)
        assert child.cause == "disk"
