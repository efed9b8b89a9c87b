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
    found = await asyncio.gather(*(_load(children, entry.name) for entry in installed()))
    return [spec for spec in found if spec is not None]


async def read_spec(children: ChildPool, name: str) -> EngineSpec | None:
    """Returns the spec of an installed engine, None if it has none for a Python engine. Raises EngineFailure."""
    spec = await children.read_spec(name)
    if spec is None or spec.kind is not EngineKind.PYTHON:
        return None
    return structs.replace(spec, entry_point=name)


async def _load(children: ChildPool, name: str) -> EngineSpec | None:
    try:
        spec = await read_spec(children, name)
    except EngineFailure as failure:
        log.warning("an installed engine cannot be read", engine=name, exc_info=failure)
        return None
    if spec is None:
        log.warning("an installed engine has no EngineSpec of kind python", engine=name)
    return spec
