"""What the machine has to offer a server: engines, programs, disk, and ways to keep processes in hand."""

import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, entry_points, requires
from pathlib import Path

from enginehouse.cli.finding import Finding, Verdict
from enginehouse.domain.engine import EngineSpec
from enginehouse.engine import ENTRY_POINT_GROUP
from enginehouse.engines import processes
from enginehouse.engines.native import ENGINES

_LITTLE, _TOO_LITTLE = 2 << 30, 200 << 20


def findings(data: Path | None) -> Iterator[Finding]:
    """Each thing that was looked at, in the order in which a person reads it."""
    yield Finding("native engines", Verdict.FINE, f"{len(ENGINES)} in the server itself")
    yield from _entry_points()
    yield from _packages()
    yield _program("ffmpeg", "media other than text and WAV cannot be cut into chunks without it.")
    if data is not None:
        yield _disk(data)
    if processes.become_subreaper():
        yield Finding("subreaper", Verdict.FINE, "what an engine leaves behind is found and ended")
    else:
        yield Finding(
            "subreaper", Verdict.DOUBTFUL, "not on this system; processes that leave their group may stay behind."
        )


def _entry_points() -> Iterator[Finding]:
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        try:
            spec = entry.load().spec
        except Exception as error:  # an engine is other people's code: whatever it raises is the finding
            yield Finding(
                f"engine {entry.name}", Verdict.WRONG, f"cannot be imported: {type(error).__name__}: {error}."
            )
            continue
        if isinstance(spec, EngineSpec):
            yield Finding(f"engine {entry.name}", Verdict.FINE, spec.name)
        else:
            yield Finding(f"engine {entry.name}", Verdict.WRONG, f"{entry.value} has no EngineSpec.")


def _packages() -> Iterator[Finding]:
    """What the shipped engines need and a server without them does not: the extra `engines`."""
    for line in requires("enginehouse") or ():
        requirement, _, marker = line.partition(";")
        if "extra" not in marker or "engines" not in marker:
            continue
        name = next(part for part in requirement.replace(">", " ").replace("=", " ").replace("<", " ").split())
        try:
            yield Finding(f"package {name}", Verdict.FINE, distribution(name).version)
        except PackageNotFoundError:
            yield Finding(
                f"package {name}", Verdict.DOUBTFUL, "not installed; pip install 'enginehouse[engines]' brings it."
            )


def _program(name: str, without: str) -> Finding:
    found = shutil.which(name)
    return Finding(name, Verdict.FINE, found) if found else Finding(name, Verdict.DOUBTFUL, f"not found; {without}")


def _disk(data: Path) -> Finding:
    place = data
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    text = f"{free / (1 << 30):.1f} GB free under {place}"
    if free < _TOO_LITTLE:
        return Finding("disk", Verdict.WRONG, f"{text}; make room before the database cannot grow.")
    return Finding("disk", Verdict.DOUBTFUL if free < _LITTLE else Verdict.FINE, text)
