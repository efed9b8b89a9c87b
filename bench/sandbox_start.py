"""Measures what a sandbox costs: milliseconds from the spawn of a child until its engine is loaded, and for an item.

python bench/sandbox_start.py [starts]
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from enginehouse.engine import EngineKind, EngineSpec, Work
from enginehouse.engines.child import Child
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.outcome import ChildLimits
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import Sandbox, missing

ENGINE = """
class Empty:
    def process(self, work):
        return []

engine = Empty()
"""


async def measure(keeper: Keeper, level: SandboxLevel, starts: int, folder: Path) -> str:
    sandbox = Sandbox(level, read=(folder / "engine",))
    loads, items = [], []
    for number in range(starts):
        begun = time.perf_counter()
        child = Child.spawn(keeper, folder, ChildLimits(512, 64), sandbox=sandbox)
        await child.load("empty:engine")
        loads.append(time.perf_counter() - begun)
        for item in range(20):
            directory = folder / f"{level}-{number}-{item}"
            directory.mkdir()
            begun = time.perf_counter()
            await child.run(_work(directory), seconds=10, memory_mb=512)
            items.append(time.perf_counter() - begun)
        await child.stop()
    return f"{level:<9} start {1000 * median(loads[1:]):6.1f} ms   item of a warm child {1000 * median(items):5.2f} ms"


def _work(directory: Path) -> Work:
    spec = EngineSpec(id="empty", name="empty", category_id="x", kind=EngineKind.PYTHON)
    return Work(
        job_id="j",
        task_id="t",
        organization_id=1,
        target_id=None,
        engine_id=spec.id,
        payload=None,
        inputs=(),
        folders=(),
        directory=directory,
    )


def main(keeper: Keeper, starts: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "engine").mkdir()
        (folder / "engine" / "empty.py").write_text(ENGINE)
        sys.path.append(str(folder / "engine"))
        for level in reversed(SandboxLevel):
            why = missing(level)
            print(f"{level:<9} {why}" if why else asyncio.run(measure(keeper, level, starts, folder)), flush=True)


if __name__ == "__main__":
    started = Keeper.start()
    try:
        main(started, int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    finally:
        started.close()
