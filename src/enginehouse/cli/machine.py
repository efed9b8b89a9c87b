"""The checks of the machine: engines, programs, disk, and whether every process of an engine can be ended."""

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, entry_points, requires
from pathlib import Path

from enginehouse.cli.doctor_checks import Finding, Verdict
from enginehouse.domain.engine import EngineSpec
from enginehouse.engine import ENTRY_POINT_GROUP
from enginehouse.engines import processes
from enginehouse.engines.native import ENGINES

_LITTLE, _TOO_LITTLE = 2 << 30, 200 << 20


def findings(data: Path | None) -> Iterator[Finding]:
    """Yields the finding of each check, in the order in which a person reads them."""
    yield Finding("native engines", Verdict.OK, f"{len(ENGINES)} in the server itself")
    yield from _entry_points()
    yield from _packages()
    yield _program("ffmpeg", "without it, media other than text and WAV cannot be cut into chunks.")
    if data is not None:
        yield _disk(data)
    if processes.become_subreaper():
        yield Finding("subreaper", Verdict.OK, "the server ends every process that an engine leaves behind")
    else:
        text = "this system has none; a process that leaves its group can outlive its engine."
        yield Finding("subreaper", Verdict.WARNING, text)


def _entry_points() -> Iterator[Finding]:
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        name = f"engine {entry.name}"
        try:
            spec = entry.load().spec
        except Exception as error:  # an engine is foreign code: any exception is a finding
            yield Finding(name, Verdict.WRONG, f"cannot be imported: {type(error).__name__}: {error}.")
            continue
        if isinstance(spec, EngineSpec):
            yield Finding(name, Verdict.OK, spec.name)
        else:
            yield Finding(name, Verdict.WRONG, f"{entry.value} has no EngineSpec.")


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
