"""The paths of the operations of a server."""

from urllib.parse import quote


def v1(*parts: str) -> str:
    """Returns the path of an operation of `/api/v1`; each part is quoted."""
    return _path("/api/v1", parts)


def edge(*parts: str) -> str:
    """Returns the path of an operation of `/edge/v1/proc`; each part is quoted."""
    return _path("/edge/v1/proc", parts)


def _path(base: str, parts: tuple[str, ...]) -> str:
    return "/".join((base, *(quote(part, safe="") for part in parts)))
