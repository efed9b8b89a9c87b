"""A keeper that starts while another server looks for orphans keeps its entry in the register."""

import fcntl
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from enginehouse.engines import keeper_register


def test_a_keeper_whose_file_was_taken_for_an_orphans_has_another(tmp_path: Path) -> None:
    entry = tmp_path / "new.1"
    with entry.open("w") as seen, ThreadPoolExecutor(1) as pool:
        fcntl.flock(seen, fcntl.LOCK_EX)
        entering = pool.submit(keeper_register.enter, tmp_path, entry.name)
        while not _is_wanted(entry):
            time.sleep(0.01)
        entry.unlink()
        fcntl.flock(seen, fcntl.LOCK_UN)
        lock = entering.result(5)
    assert os.fstat(lock).st_ino == entry.stat().st_ino
    keeper_register.end_orphans(tmp_path, wait=False)
    assert entry.exists()
    os.close(lock)
    keeper_register.end_orphans(tmp_path, wait=False)
    assert not entry.exists()


def test_nobody_gets_the_lock_of_an_orphan_until_its_file_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.close(keeper_register.enter(tmp_path, "old.1"))
    refused = list[str]()

    def end(owner: str) -> None:
        with (tmp_path / owner).open("r+b") as entry, pytest.raises(BlockingIOError):
            fcntl.flock(entry, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refused.append(owner)

    monkeypatch.setattr(keeper_register, "_end_marked", end)
    keeper_register.end_orphans(tmp_path, wait=False)
    assert refused == ["old.1"]
    assert not list(tmp_path.iterdir())


def _is_wanted(entry: Path) -> bool:
    """Returns True if somebody waits for the lock of the file."""
    waiting = [line for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return any(f":{entry.stat().st_ino} " in line for line in waiting)
