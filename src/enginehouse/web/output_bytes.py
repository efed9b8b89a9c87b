"""The bytes of outputs as a response to a browser: always a file to save, and nothing that can act on this origin."""

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from enginehouse.artifacts.store import Content
from enginehouse.http_protocol.ranges import MalformedError, UnsatisfiableError, ranges

_HEADERS: Final = {
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


async def respond(request: Request, content: Content, *, media_type: str, name: str) -> Response:
    """Returns all bytes, or the one range that the browser requests. Elements of a page play what is an attachment."""
    headers = {**_headers(name), "accept-ranges": "bytes"}
    try:
        parts = ranges(request.headers["range"], content.size) if "range" in request.headers else []
    except MalformedError as wrong:
        return Response(f"{wrong}\n", 400, media_type="text/plain")
    except UnsatisfiableError:
        return Response(status_code=416, headers={"content-range": f"bytes */{content.size}"})
    start, stop = parts[0] if len(parts) == 1 else (0, content.size)
    headers["content-length"] = str(stop - start)
    if len(parts) != 1:
        return StreamingResponse(content.stream(0, content.size), 200, headers, media_type)
    await content.verify()
    headers["content-range"] = f"bytes {start}-{stop - 1}/{content.size}"
    return StreamingResponse(content.stream(start, stop), 206, headers, media_type)


def attachment(body: bytes, *, media_type: str, name: str) -> Response:
    """Returns the bytes as a file to save."""
    return Response(body, 200, _headers(name), media_type)


def _headers(name: str) -> dict[str, str]:
    return {**_HEADERS, "content-disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"}
