"""The folder of a host on a node is there as long as the host, and no longer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from enginehouse.engines import processes
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.ray import node_folder

HOST = """
import sys, time
from pathlib import Path
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.ray import node_folder
root = node_folder.root(sys.argv[1])
keeper = Keeper.start(register=root / node_folder.KEEPERS)
print(keeper.pid, node_folder.enter(root, keeper), flush=True)
time.sleep(60)
"""


@pytest.fixture
def enter(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Yields what a new host does: it returns the folder of the host."""
    keepers = list[Keeper]()

    def enter() -> Path:
        root = node_folder.root(str(tmp_path / "node"))
        keepers.append(Keeper.start(register=root / node_folder.KEEPERS))
        return node_folder.enter(root, keepers[-1])

    yield enter
    for keeper in keepers:
        keeper.close()


def test_a_host_that_has_lost_its_keeper_keeps_its_folder(tmp_path: Path, enter: Callable[[], Path]) -> None:
    with subprocess.Popen([sys.executable, "-c", HOST, tmp_path / "node"], stdout=subprocess.PIPE) as host:
        try:
            assert host.stdout is not None
            keeper, folder = host.stdout.readline().decode().split()
            os.kill(int(keeper), signal.SIGKILL)
            _until_gone(int(keeper))
            others = [enter(), enter()]
            assert Path(folder).is_dir()
        finally:
            host.kill()
    others.append(enter())
    assert not Path(folder).exists()
    assert all(other.is_dir() for other in others)


def _until_gone(pid: int) -> None:
    while (seen := processes.stat(pid)) is not None and seen.alive:
        time.sleep(0.01)
