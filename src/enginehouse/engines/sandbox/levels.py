"""What the process of an engine may do, as the server tells it to the child."""

from dataclasses import dataclass, field
from enum import StrEnum


class SandboxLevel(StrEnum):
    """How an engine is kept from everything that is not its own, the strictest first."""

    BWRAP = "bwrap"  # bubblewrap: own namespaces and a file system with only what it needs
    LANDLOCK = "landlock"  # rules of the kernel about files, signals and connections
    UID = "uid"  # a user id of its own; needs a server that is root
    NONE = "none"  # only limits of resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """The rules of one child. It applies them before it loads its engine, and nothing takes them back.

    They must hold before anything that is installed is imported, so this needs only the standard library.
    """

    level: SandboxLevel
    read: list[str] = field(default_factory=list)
    write: list[str] = field(default_factory=list)
    network: bool = False
    user: int | None = None
