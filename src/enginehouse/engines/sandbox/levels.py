"""What the process of an engine may do, as the server tells it to the child."""

from enum import StrEnum

import msgspec


class SandboxLevel(StrEnum):
    """How an engine is kept from everything that is not its own, the strictest first."""

    BWRAP = "bwrap"  # bubblewrap: own namespaces and a file system with only what it needs
    LANDLOCK = "landlock"  # rules of the kernel about files, signals and connections
    UID = "uid"  # a user id of its own; needs a server that is root
    NONE = "none"  # only limits of resources


class Confinement(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one child. It applies them before it loads its engine, and nothing takes them back."""

    level: SandboxLevel
    read: list[str] = []
    write: list[str] = []
    network: bool = False
    user: int | None = None
