"""The dashboard as an ASGI application: its pages by path, who may see them, and what every answer carries.

A handler calls operations and names a template. Every action is a form, so that each works without JavaScript.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import quote

import structlog
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route, Router, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from enginehouse.domain.audit import RequestOrigin, request_origin
from enginehouse.domain.errors import Refusal, TooLarge
from enginehouse.domain.identity import Role
from enginehouse.domain.request_notes import ORGANIZATION, ROUTE
from enginehouse.operations.house import House
from enginehouse.operations.oidc import IdentityProvider
from enginehouse.web import (
    account,
    audit,
    bulk_acts,
    engines,
    job,
    jobs,
    live,
    media,
    new_job,
    oidc,
    organizations,
    outputs,
    overview,
    people,
    reference,
    retry,
    schedule_changes,
    schedules,
    sign_in,
    static_files,
    task,
    tasks,
    tokens,
    webhooks,
    workers,
)
from enginehouse.web.error_pages import fault, missing
from enginehouse.web.html import render
from enginehouse.web.page_request import Answer, GoTo, Handler, HtmlPage, Page, PageRequest
from enginehouse.web.reference import Descriptions
from enginehouse.web.session import CSRF, Session, proof, refuse_forged, session_of
from enginehouse.web.streams import Streams

_log: Final = structlog.get_logger(__name__)
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *jobs.PAGES,
    *bulk_acts.PAGES,
    *new_job.PAGES,  # before the page of a job, whose address it would be
    *retry.PAGES,
    *job.PAGES,
    *tasks.PAGES,
    *task.PAGES,
    *outputs.PAGES,
    *media.PAGES,
    *live.PAGES,
    *engines.PAGES,
    *workers.PAGES,
    *schedule_changes.PAGES,
    *schedules.PAGES,
    *webhooks.PAGES,
    *audit.PAGES,
    *people.PAGES,
    *tokens.PAGES,
    *account.PAGES,
    *organizations.PAGES,
)
_SHOWN: Final = [compile_path(path)[0] for method, path, _ in PAGES if method == "GET" and not path.endswith("/live")]
_LARGEST_FORM: Final = 64  # fields
_LONGEST_FORM: Final = 1_000_000  # bytes

Endpoint = Callable[[Request], Awaitable[Response]]


def site(house: House, descriptions: Descriptions, provider: IdentityProvider | None = None) -> Router:
    """Returns the pages of this house. `descriptions` are those of its REST interfaces.

    `provider`: people may sign in there.
    """
    called = None if provider is None else provider.settings.name
    streams = Streams()
    ends = [(method, path, _endpoint(house, streams, handler)) for method, path, handler in PAGES]
    ends += [
        (method, path, _endpoint(house, streams, handler, reads_form=False))
        for method, path, handler in new_job.UPLOADS
    ]
    ends += [
        ("GET", "/sign-in", _guarded(house, partial(sign_in.show, called))),
        ("POST", "/sign-in", _guarded(house, partial(sign_in.enter, called))),
        ("POST", "/sign-in/key", _guarded(house, partial(sign_in.enter_with_key, called))),
        ("GET", "/docs", _guarded(house, partial(reference.show, descriptions))),
        ("GET", "/docs/{interface}", _guarded(house, partial(reference.show_one, descriptions))),
        ("POST", "/sign-out", _guarded(house, sign_in.leave)),
        ("GET", f"{static_files.PREFIX}/{{digest}}/{{name}}", static_files.send),
    ]
    if provider is not None:
        ends += [
            ("GET", "/sign-in/oidc", _guarded(house, partial(oidc.begin, provider))),
            ("GET", "/sign-in/oidc/back", _guarded(house, partial(oidc.come_back, provider))),
        ]
    routes = [Route(path, _named(path, endpoint), methods=[method]) for method, path, endpoint in ends]
    return Router(routes, default=_elsewhere(house))


def _elsewhere(house: House) -> ASGIApp:
    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await missing(house, Request(scope, receive))
        await _with_headers(answer)(scope, receive, send)

    return elsewhere


def _named(path: str, endpoint: Endpoint) -> Endpoint:
    """Returns the endpoint, which notes its template for the numbers and the log."""

    async def named(request: Request) -> Response:
        request.scope[ROUTE] = path
        return await endpoint(request)

    return named


def _guarded(house: House, answer: Callable[[House, Request], Awaitable[Response]]) -> Endpoint:
    """Returns the endpoint of a page that needs no session."""

    async def endpoint(request: Request) -> Response:
        _note_origin(request)
        return _with_headers(await _answered(house, request, None, answer(house, _bounded(request))))

    return endpoint


def _endpoint(house: House, streams: Streams, handler: Handler, *, reads_form: bool = True) -> Endpoint:
    """Returns the endpoint of a page. A handler for which no form is read here must refuse a forged one itself."""

    async def page(request: Request, session: Session) -> Response:
        form = await _form(house, request, session) if request.method == "POST" and reads_form else {}
        return _rendered(house, request, session, await handler(PageRequest(house, request, session, streams, form)))

    async def endpoint(request: Request) -> Response:
        _note_origin(request)
        try:
            session = await session_of(house, request)
        except Refusal as refusal:
            return _with_headers(fault(house, request, None, refusal.rest_status, refusal.message))
        if session is None:
            return _with_headers(_to_sign_in(request))
        request.scope[ORGANIZATION] = session.principal.organization_id
        return _with_headers(await _answered(house, request, session, page(request, session)))

    return endpoint


async def _answered(house: House, request: Request, session: Session | None, answer: Awaitable[Response]) -> Response:
    """Returns the answer, or the page that says why there is none."""
    try:
        return await answer
    except Refusal as refusal:
        return fault(house, request, session, refusal.rest_status, refusal.message)
    except MultiPartException as wrong:
        return fault(house, request, session, 400, wrong.message)
    except Exception:
        _log.exception("a page failed", method=request.method)
        return fault(house, request, session, 500, "The server made a mistake. Its log has the details.")


async def _form(house: House, request: Request, session: Session) -> dict[str, str]:
    given: FormData = await _bounded(request).form(max_files=0, max_fields=_LARGEST_FORM)
    form = {name: value for name, value in given.items() if isinstance(value, str)}
    refuse_forged(house, request, form.get(CSRF, ""), session.secret)
    return form


def _bounded(request: Request) -> Request:
    """Returns the same request, whose body raises TooLarge once it is longer than a form is."""
    left = _LONGEST_FORM

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge(f"The form is larger than {_LONGEST_FORM // 1_000_000} MB.")
        return message

    return Request(request.scope, receive)


def _rendered(house: House, request: Request, session: Session, answer: Answer) -> Response:
    match answer:
        case HtmlPage(template, values, status):
            body = render(
                template,
                session=session,
                csrf=proof(house, session.secret),
                path=request.url.path,
                may_create=session.principal.role.covers(Role.USER),
                **values,
            )
            return HTMLResponse(body, status)
        case GoTo(path):
            return RedirectResponse(path, 303)
        case Response():
            return answer


def _to_sign_in(request: Request) -> Response:
    back = request.url.path if request.method == "GET" else _page_of(request.url.path)
    if request.method == "GET" and request.url.query:
        back += f"?{request.url.query}"
    return RedirectResponse(f"/sign-in?next={quote(back)}", 303)


def _page_of(path: str) -> str:
    """Returns the page on which the form of this action stands: the nearest above it."""
    while path and not any(page.fullmatch(path) for page in _SHOWN):
        path = path.rpartition("/")[0]
    return path or "/"


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _note_origin(request: Request) -> None:
    agent = request.headers.get("user-agent")
    client = request.client
    request_origin.set(
        RequestOrigin(client.host if client else None, agent.encode("latin-1", "replace") if agent else None, None)
    )
