"""The files that pages load. Their addresses have a digest of their content, so that browsers keep them for ever."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

PREFIX: Final = "/static"
FOLDERS: Final = {
    "page.css": "static",
    "page.js": "static",
    "upload.js": "static",
    "chart.js": "static",
    "mark.svg": "static",
    "htmx.min.js": "vendored",
    "hx-sse.min.js": "vendored",
    "uPlot.iife.min.js": "vendored",
    "uPlot.min.css": "vendored",
}
_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


def address(name: str) -> str:
    """Returns the address of a file."""
    return f"{PREFIX}/{_digest(name)}/{name}"


async def send(request: Request) -> Response:
    """GET /static/{digest}/{name}: a file, if the address has its digest."""
    name = request.path_params["name"]
    if name not in FOLDERS or request.path_params["digest"] != _digest(name):
        return Response("There is no such file.\n", 404, media_type="text/plain")
    headers = {"cache-control": _FOR_EVER, "x-content-type-options": "nosniff"}
    return Response(_content(name), headers=headers, media_type=_TYPES[name.rpartition(".")[2]])


@cache
def _content(name: str) -> bytes:
    return files("enginehouse.web").joinpath(FOLDERS[name], name).read_bytes()


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_content(name)).hexdigest()[:16]
