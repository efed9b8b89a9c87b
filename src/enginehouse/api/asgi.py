"""The ASGI application. It only sends each path to its interface."""

from collections.abc import Mapping, Sequence

from enginehouse.api import readiness, signatures
from enginehouse.api.access_log import RequestTracer, observed
from enginehouse.api.edge import routes as edge
from enginehouse.api.graphiql import page as graphiql
from enginehouse.api.graphql.transport import graphql
from enginehouse.api.http import cors
from enginehouse.api.http.call import Headers, Reply
from enginehouse.api.http.cors import Application, Receive, Scope, Send
from enginehouse.api.legacy import routes as legacy
from enginehouse.api.metrics.page import MetricsAccess, MetricsPage
from enginehouse.api.readiness import Check, Readiness
from enginehouse.api.v1 import routes as v1
from enginehouse.domain.request_notes import ROUTE
from enginehouse.operations.house import House

__all__ = ["Application", "application"]

_NOWHERE = (
    b'{"id":"not_found","description":"There is no such path.","detail":"Try /edge/v1/ping or POST /v3/graphql."}'
)


def application(
    house: House,
    *,
    origins: Sequence[str] = (cors.ANY,),
    pages: Application | None = None,
    metrics: MetricsAccess | None = None,
    checks: Mapping[str, Check] | None = None,
    tracer: RequestTracer | None = None,
) -> Application:
    """Returns the application of this house: `/edge/v1/…`, `/v3/graphql`, `/v1/job`, our `/api/v1/…` and `/signed/…`.

    Pages of these `origins` may call them. GraphiQL is at `/v3/graphiql`. `metrics`: who may read `/metrics`.
    `checks`: of what `/readyz` looks at besides the house. `tracer` records a span of each
    request. `pages` answers at every other path.
    """
    documented = cors.shared(edge.interface(lambda: house).__call__, origins)
    own = cors.shared(v1.interface(lambda: house).__call__, origins)
    old = cors.shared(legacy.interface(lambda: house).__call__, origins)
    signed = cors.shared(signatures.interface(lambda: house).__call__, origins)
    data = cors.shared(graphql(house), origins)
    page = graphiql.BrowserPage()
    for_operators = {
        "/livez": readiness.alive,
        "/readyz": Readiness(house, checks).reply,
        "/metrics": MetricsPage(house, metrics or MetricsAccess()).reply,
    }

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path.startswith(edge.BASE + "/"):
            await documented(scope, receive, send)
        elif path in ("/v3/graphql", "/v3/graphql/"):
            scope[ROUTE] = "/v3/graphql"
            if graphiql.wants_page(scope):
                await page(scope, send)
            else:
                await data(scope, receive, send)
        elif path.startswith(v1.BASE + "/"):
            await own(scope, receive, send)
        elif path.startswith(legacy.BASE + "/"):
            await old(scope, receive, send)
        elif path == graphiql.PATH or path.startswith(graphiql.PATH + "/"):
            scope[ROUTE] = graphiql.PATH
            await page(scope, send)
        elif path.startswith(signatures.BASE + "/"):
            await signed(scope, receive, send)
        elif path in for_operators:
            scope[ROUTE] = path
            await _send(send, await for_operators[path](Headers.of(dict(scope["headers"]))))
        elif pages is not None:
            await pages(scope, receive, send)
        else:
            await _send(send, Reply(_NOWHERE, 404))

    return observed(serve, house.commits.totals, tracer)


async def _send(send: Send, reply: Reply) -> None:
    length = b"%d" % len(reply.body)
    headers = [(b"content-type", reply.media_type), (b"content-length", length), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
