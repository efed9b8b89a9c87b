"""The installed Python engines: the entry points in the group `enginehouse.engines`."""

from importlib.metadata import entry_points

import structlog
from msgspec import structs

from enginehouse.engine import ENTRY_POINT_GROUP, EngineKind, EngineSpec

log = structlog.get_logger(__name__)


def load_specs() -> list[EngineSpec]:
    """Returns the specs of the installed Python engines. One that cannot be read is left out and named in the log."""
    specs = []
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            spec = entry.load().spec
        except Exception as error:
            log.warning("an installed engine cannot be read", engine=entry.name, exc_info=error)
            continue
        if not isinstance(spec, EngineSpec) or spec.kind is not EngineKind.PYTHON:
            log.warning("an installed engine has no EngineSpec of kind python", engine=entry.name)
            continue
        specs.append(structs.replace(spec, entry_point=entry.name))
    return specs
