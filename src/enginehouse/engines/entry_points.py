"""The installed Python engines: the entry points in the group `enginehouse.engines`.

An engine's module is read in a child, as everything that an engine does: the server imports no engine.
"""

import asyncio
from importlib.metadata import EntryPoint, entry_points

import structlog
from msgspec import structs

from enginehouse.engine import ENTRY_POINT_GROUP, EngineFailure, EngineKind, EngineSpec
from enginehouse.engines.child_pool import ChildPool

log = structlog.get_logger(__name__)


def installed() -> list[EntryPoint]:
    """Returns the entry points of the installed engines, in the order of their names."""
    return sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name)


async def load_specs(children: ChildPool) -> list[EngineSpec]:
    """Returns the specs of the installed Python engines. One that cannot be read is left out and named in the log."""
    specs = []
    for entry, spec in await read_specs(children):
        match spec:
            case EngineSpec():
                specs.append(spec)
            case EngineFailure():
                log.warning("an installed engine cannot be read", engine=entry.name, exc_info=spec)
            case None:
                log.warning("an installed engine has no EngineSpec of kind python", engine=entry.name)
    return specs


async def read_specs(children: ChildPool) -> list[tuple[EntryPoint, EngineSpec | EngineFailure | None]]:
    """Returns the installed engines, each with its spec, or why it cannot be read, or None without a Python engine."""
    packages = await asyncio.gather(*(_read(children, package) for package in _packages()))
    return sorted((engine for package in packages for engine in package), key=lambda engine: engine[0].name)


async def _read(
    children: ChildPool, package: list[EntryPoint]
) -> list[tuple[EntryPoint, EngineSpec | EngineFailure | None]]:
    found = await children.read_specs([entry.name for entry in package])
    return [(entry, _python(entry, spec)) for entry, spec in zip(package, found, strict=True)]


def _packages() -> list[list[EntryPoint]]:
    """Returns the installed engines by package. Those of one package trust each other, so one child reads them."""
    packages: dict[str, list[EntryPoint]] = {}
    for entry in installed():
        packages.setdefault(entry.dist.name if entry.dist else entry.value, []).append(entry)
    return list(packages.values())


def _python(entry: EntryPoint, spec: EngineSpec | EngineFailure | None) -> EngineSpec | EngineFailure | None:
    if not isinstance(spec, EngineSpec):
        return spec
    return structs.replace(spec, entry_point=entry.name) if spec.kind is EngineKind.PYTHON else None
