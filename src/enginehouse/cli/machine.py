"""The checks of the machine: engines, programs, disk, and whether every process of an engine can be ended."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

from enginehouse.cli.verdict import Finding, Verdict
from enginehouse.domain.engine import EngineSpec
from enginehouse.engine import EngineFailure
from enginehouse.engines import environments, processes
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.entry_points import BrokenEnvironment, InstalledEngine, read_engines
from enginehouse.engines.environments import EnvironmentList, PythonEnvironment
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.native import ENGINES, decoder
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import AUTO, Sandbox, choose, missing

_LITTLE, _TOO_LITTLE = 2 << 30, 200 << 20


def findings(data: Path | None, engines: Path | None = None) -> Iterator[Finding]:
    """Yields the finding of each check, in the order in which a person reads them.

    `engines` is the file that names further environments, if somebody has named one.
    """
    yield Finding("native engines", Verdict.OK, f"{len(ENGINES)} in the server itself")
    level = choose(AUTO)
    yield _sandbox(level)
    sandbox = Sandbox(level, hidden=() if data is None else (data,))
    file = engines or (None if data is None else data / environments.FILE)
    known = EnvironmentList() if file is None else environments.read(file, named=engines is not None)
    yield from _entry_points(sandbox, known)
    yield from _packages()
    if decoder.is_installed():
        yield Finding("PyAV", Verdict.OK, "decodes sound and video")
    else:
        without = "sound and video need it or PyAV (pip install 'enginehouse[media]'), except WAV files."
        yield _program("ffmpeg", without)
    if data is not None:
        yield _disk(data)
    if processes.become_subreaper():
        yield Finding("subreaper", Verdict.OK, "the server ends every process that an engine leaves behind")
    else:
        text = "this system has none; a process that leaves its group can outlive its engine."
        yield Finding("subreaper", Verdict.WARNING, text)


def _sandbox(level: SandboxLevel) -> Finding:
    """What a server with `--engine-sandbox auto` uses here, and why nothing stricter."""
    levels = list(SandboxLevel)
    lacks = [f"{stricter}: {missing(stricter)}" for stricter in levels[: levels.index(level)]]
    because = f" ({'; '.join(lacks)})" if lacks else ""
    if level is not SandboxLevel.NONE:
        return Finding("sandbox", Verdict.OK, f"engines are kept apart by {level}{because}")
    text = f"engines can read and change everything that the server can{because}. Install bubblewrap."
    return Finding("sandbox", Verdict.WARNING, text)


def _entry_points(sandbox: Sandbox, known: EnvironmentList) -> Iterator[Finding]:
    """The installed engines, also those in the environments that a file names."""
    for problem in known.problems:
        yield Finding("environments", Verdict.WRONG, problem)
    keeper = Keeper.start()
    try:
        with tempfile.TemporaryDirectory(prefix="enginehouse-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o711)
            found = asyncio.run(_engines(keeper, Path(folder), sandbox, known.environments))
    finally:
        keeper.close()
    for each in found:
        match each:
            case BrokenEnvironment(environment, failure):
                yield Finding(f"environment {environment.name}", Verdict.WRONG, failure.message)
            case InstalledEngine(_, _, EngineSpec(name=name)):
                yield Finding(each.place, Verdict.OK, name)
            case InstalledEngine(_, _, EngineFailure(message=message)):
                yield Finding(each.place, Verdict.WRONG, f"cannot be used: {message}")


async def _engines(
    keeper: Keeper, folder: Path, sandbox: Sandbox, own: Sequence[PythonEnvironment]
) -> list[InstalledEngine | BrokenEnvironment]:
    children = ChildPool(keeper, folder, slots=4, sandbox=sandbox)
    try:
        return await read_engines(children, own)
    finally:
        await children.close()


def _packages() -> Iterator[Finding]:
    """The packages of the extra `engines`, which the reference engines need and the server does not."""
    for line in requires("enginehouse") or ():
        requirement, _, marker = line.partition(";")
        if "extra" not in marker or "engines" not in marker:
            continue
        name = next(part for part in requirement.replace(">", " ").replace("=", " ").replace("<", " ").split())
        try:
            yield Finding(f"package {name}", Verdict.OK, distribution(name).version)
        except PackageNotFoundError:
            text = "is not installed. Install it with: pip install 'enginehouse[engines]'"
            yield Finding(f"package {name}", Verdict.WARNING, text)


def _program(name: str, without: str) -> Finding:
    path = shutil.which(name)
    return Finding(name, Verdict.OK, path) if path else Finding(name, Verdict.WARNING, f"was not found; {without}")


def _disk(data: Path) -> Finding:
    folder = data
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / (1 << 30):.1f} GB free under {folder}"
    if free < _TOO_LITTLE:
        return Finding("disk", Verdict.WRONG, f"{text}. Make room, or the database cannot grow.")
    return Finding("disk", Verdict.WARNING if free < _LITTLE else Verdict.OK, text)
