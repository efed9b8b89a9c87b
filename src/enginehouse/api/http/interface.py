"""A REST interface as an ASGI application: its operations by path and method, and what every response carries."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from enginehouse import __version__
from enginehouse.api.http import body, errors
from enginehouse.api.http import correlation as http_correlation
from enginehouse.api.http.answer import WITHOUT_BODY, send_answer
from enginehouse.api.http.call import Answer, Call, Handler, Headers, OpenHandler, Reply, Request
from enginehouse.api.http.paths import Paths
from enginehouse.domain.errors import Refusal
from enginehouse.domain.identity import Principal
from enginehouse.domain.request_notes import CORRELATION, ORGANIZATION, ROUTE
from enginehouse.operations.house import House

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Authenticate = Callable[[House, Headers], Awaitable[Principal]]
"""Returns the caller. Raises AuthenticationFailed, which it has recorded."""

_log: Final = structlog.get_logger(__name__)
_VERSION: Final = ((b"x-aiware-version", __version__.encode()),)


@dataclass(frozen=True, slots=True)
class ForCallers:
    """An operation that needs a token."""

    handler: Handler


@dataclass(frozen=True, slots=True)
class ForWorkers:
    """An operation that needs a token for workers."""

    handler: Handler


@dataclass(frozen=True, slots=True)
class ForAnybody:
    """An operation that needs no token."""

    handler: OpenHandler


Operations = Paths[ForCallers | ForWorkers | ForAnybody]


class Interface:
    """Serves everything under `base`. `house` is called for each request, because it opens after this is created.

    With `own` a refusal has the status of our own interface, if that differs from the documented one.
    """

    def __init__(
        self,
        house: Callable[[], House],
        authenticate: Authenticate,
        *,
        base: str,
        operations: Operations,
        own: bool = False,
        authenticate_worker: Authenticate | None = None,
    ) -> None:
        self._house = house
        self._authenticate = authenticate
        self._authenticate_worker = authenticate_worker or authenticate
        self._base = base
        self._own = own
        self._paths = operations

    async def __call__(self, scope: Scope, receive: body.Receive, send: Send) -> None:
        raw = dict(scope["headers"])
        correlation = scope[CORRELATION] = http_correlation.note(scope, raw)
        headers = Headers.of(raw)
        try:
            answer = await self._answer(scope, receive, headers)
        except Refusal as refusal:
            status = (self._own and refusal.own_status) or refusal.rest_status
            answer = Reply(errors.body(refusal), status, errors.headers(refusal))
        except body.DisconnectedError:
            return
        except Exception:
            # The path is not logged, because a client can put anything there. The traceback names the operation.
            _log.exception("a request failed", method=scope["method"], correlation_id=correlation.decode())
            answer = Reply(errors.unexpected(correlation.decode()), 500)
        if isinstance(answer, Reply):
            own = ((http_correlation.HEADER, correlation), *answer.headers)
            await send_answer(scope, send, answer.status, answer.body, _headers(answer), own)
        else:
            answer.raw_headers += [*_VERSION, (http_correlation.HEADER, correlation)]
            await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: body.Receive, headers: Headers) -> Answer:
        place = self._paths.find(scope["path"].removeprefix(self._base))
        if place is None:
            return Reply(errors.plain("not_found", "There is no such path."), 404)
        operations, ids, template = place
        scope[ROUTE] = self._base + template
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        match operations.get(method):
            case ForCallers(handler):
                house = self._house()
                principal = await self._authenticate(house, headers)
                scope[ORGANIZATION] = principal.organization_id
                receive = house.token_usage.received(principal, receive)
                return await handler(Call(house, ids, scope["query_string"], headers, receive, method, principal))
            case ForWorkers(handler):
                house = self._house()
                principal = await self._authenticate_worker(house, headers)
                scope[ORGANIZATION] = principal.organization_id
                return await handler(Call(house, ids, scope["query_string"], headers, receive, method, principal))
            case ForAnybody(open_handler):
                request = Request(self._house(), ids, scope["query_string"], headers, receive, scope["method"])
                return await open_handler(request)
            case None:
                return _other_method(method, sorted(operations))


def _other_method(method: str, allowed: list[str]) -> Reply:
    words = ", ".join(allowed)
    if method == "OPTIONS":
        return Reply(b"", 204, ((b"allow", words.encode()),))
    text = f"The method {method[:20]} is not allowed here; {words} is."
    return Reply(errors.plain("method_not_allowed", text), 405, ((b"allow", words.encode()),))


def _headers(reply: Reply) -> tuple[tuple[bytes, bytes], ...]:
    return _VERSION if reply.status in WITHOUT_BODY else (*_VERSION, (b"content-type", reply.media_type))
