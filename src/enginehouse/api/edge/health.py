"""The operations without a token: whether the server runs, and its version."""

from typing import Final

import msgspec

from enginehouse import __version__
from enginehouse.api.http.call import Reply, Request, json
from enginehouse.api.http.declaration import answers


class Ping(msgspec.Struct):
    success: bool


class Version(msgspec.Struct):
    """`version` is a small YAML document."""

    version: str


_BUILD: Final = {
    "build_date": "",
    "git_repo": "",
    "git_branch": "",
    "git_commit": "",
    "git_author": "",
    "build_url": "",
    "build_number": __version__,
}

_PING: Final = json({"success": True})
# One key whose value is a small YAML document (rest-contract §1.1).
_VERSION: Final = json({"version": "---\n" + "".join(f'{name}: "{value}"\n' for name, value in _BUILD.items())})


@answers(Ping)
async def ping(request: Request) -> Reply:
    """GET ping: the server runs."""
    return _PING


@answers(Version)
async def version(request: Request) -> Reply:
    """GET version: the version of the server."""
    return _VERSION
