"""The page that says why something did not work."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from enginehouse.domain.errors import Refusal
from enginehouse.operations.house import House
from enginehouse.web.html import render
from enginehouse.web.session import Session, proof, session_of

_TITLES: Final = {
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too large",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not now",
}
_PASSES: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_NOWHERE: Final = (
    '{"id":"not_found","description":"There is no such path.","detail":"Try /edge/v1/ping or POST /v3/graphql."}'
)


def fault(house: House, request: Request, session: Session | None, status: int, text: str) -> Response:
    """Returns the page. What passes by itself can be tried again."""
    body = render(
        "fault.html",
        title=_TITLES.get(HTTPStatus(status), "That did not work"),
        text=text,
        session=session,
        csrf="" if session is None else proof(house, session.secret),
        path=request.url.path,
        again=_address(request) if status in _PASSES and request.method == "GET" else None,
    )
    return HTMLResponse(body, status)


async def missing(house: House, request: Request) -> Response:
    """Answers at an address that is no page: with a page for a browser, and else in the words of the interfaces."""
    if "text/html" not in request.headers.get("accept", "").lower():
        return Response(_NOWHERE, 404, media_type="application/json")
    try:
        session = await session_of(house, request)
    except Refusal:
        session = None  # the page is not there in any case
    return fault(house, request, session, 404, "There is no such page.")


def _address(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
