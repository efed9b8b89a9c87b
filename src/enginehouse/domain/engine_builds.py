"""Engine builds: the versions of an organization's engine, and which action leads to which status (contract §3.6)."""

from typing import Any, Final, NamedTuple

import msgspec

DELETED: Final = "deleted"
DEPLOYED: Final = "deployed"
PENDING: Final = "pending"
PAUSED: Final = "paused"

# action: the statuses from which it may be done, and the status to which it leads
_ACTIONS: Final[dict[str, tuple[frozenset[str], str]]] = {
    "upload": (frozenset({PENDING}), "uploaded"),
    "submit": (frozenset({PENDING, "uploaded", "disapproved"}), "available"),
    "approve": (frozenset({"available", "disapproved"}), "approved"),
    "disapprove": (frozenset({"available", "approved"}), "disapproved"),
    "deploy": (frozenset({"available", "approved"}), DEPLOYED),
    "pause": (frozenset({DEPLOYED}), PAUSED),
    "unpause": (frozenset({PAUSED}), DEPLOYED),
    "invalidate": (frozenset({PENDING, "uploaded", "available", "approved", "disapproved", PAUSED}), "invalid"),
    "delete": (
        frozenset({PENDING, "uploaded", "available", "approved", "disapproved", PAUSED, "invalid"}),
        DELETED,
    ),
}


class BuildDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What clients store with a build. This server starts no image."""

    docker_image: str | None = None
    manifest: Any = None
    runtime: Any = None
    created_by: str | None = None
    modified_by: str | None = None


class EngineBuild(NamedTuple):
    """A version of an engine; versions count from 1. At most one build of an engine is deployed."""

    id: str
    engine_id: str
    organization_id: int
    version: int
    status: str
    document: BuildDocument
    created_at: int
    modified_at: int


def actions(status: str) -> list[str]:
    """Returns the actions that may be done in this status."""
    return [action for action, (sources, _) in _ACTIONS.items() if status in sources]


def after(status: str, action: str) -> str | None:
    """Returns the status to which the action leads, None if it may not be done now."""
    sources, target = _ACTIONS[action]
    return target if status in sources else None
