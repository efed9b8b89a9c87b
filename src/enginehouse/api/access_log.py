"""Counts every request by its route, and writes a line about it: the template of the path, and never the path itself.

A client can put anything into a path, so neither the numbers nor the log may hold it.
"""

import logging
from time import perf_counter
from typing import Any, Final, Protocol

import structlog

from enginehouse.api.http.cors import Application, Receive, Scope, Send
from enginehouse.domain.request_notes import CORRELATION, ORGANIZATION, ROUTE, STATUS
from enginehouse.domain.totals import REQUEST_TIME, Totals

OTHER: Final = "other"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log: Final = structlog.get_logger(__name__)
_writes: Final = logging.getLogger(__name__).isEnabledFor


class RequestSpan(Protocol):
    """The span of a request that is served now."""

    def end(self, *, method: str, route: str, status: int, organization: int | None) -> None: ...


class RequestTracer(Protocol):
    """Records spans. `begin` gets the header `traceparent`."""

    def begin(self, traceparent: bytes | None) -> RequestSpan: ...


def observed(application: Application, totals: Totals, tracer: RequestTracer | None = None) -> Application:
    """Returns the application with each of its requests counted, when the answer begins; a `tracer` gets a span too."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()

        async def noting(message: Any) -> None:
            if message["type"] == "http.response.start":
                _note(scope, message["status"], perf_counter() - began, totals)
            await send(message)

        await application(scope, receive, noting)
        if (status := scope.get(STATUS)) is not None:
            _note(scope, status, perf_counter() - began, totals)

    return serve if tracer is None else _traced(serve, tracer)


def _traced(application: Application, tracer: RequestTracer) -> Application:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await application(scope, receive, send)
        span, status = tracer.begin(next((v for n, v in scope["headers"] if n == b"traceparent"), None)), 0

        async def noting(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            return await application(scope, receive, noting)
        finally:
            route, method = scope.get(ROUTE, OTHER), scope["method"]
            span.end(
                method=method if method in _METHODS else OTHER,
                route=route,
                status=status or scope.get(STATUS, 0),
                organization=scope.get(ORGANIZATION),
            )

    return serve


def _note(scope: Scope, status: int, seconds: float, totals: Totals) -> None:
    route, method = scope.get(ROUTE, OTHER), scope["method"]
    if method not in _METHODS:
        method = OTHER
    totals.observe(REQUEST_TIME, seconds, method, route, str(status))
    # An outage has its own two lines, and what is not served is nobody's fault.
    level = logging.INFO if status == 500 else logging.DEBUG
    if _writes(level):
        correlation = scope.get(CORRELATION)
        _log.log(
            level,
            "a request was answered",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            organization=scope.get(ORGANIZATION),
            correlation_id=None if correlation is None else correlation.decode(),
        )
