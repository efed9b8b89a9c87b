"""`POST /v3/graphql`: reads the request, and sends a JSON body (graphql-contract §1)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Final

from graphql import GraphQLError

from enginehouse.api import auth
from enginehouse.api.graphql.context import Context
from enginehouse.api.graphql.errors import describe
from enginehouse.api.graphql.execution import body as bodies
from enginehouse.api.graphql.execution.answer_cache import encode
from enginehouse.api.graphql.execution.rejection import RejectedError
from enginehouse.api.graphql.execution.upload import read_form
from enginehouse.api.graphql.executor import GraphQLRequest, RequestExecutor, Response, rejection
from enginehouse.api.graphql.schema import answers, schema
from enginehouse.api.http import correlation as http_correlation
from enginehouse.api.http import errors
from enginehouse.api.http.answer import send_answer
from enginehouse.api.http.upload import Form
from enginehouse.domain.errors import AuthenticationFailed, CapacityExceeded, Refusal, Unavailable
from enginehouse.domain.identity import Principal
from enginehouse.domain.request_notes import CORRELATION, ORGANIZATION
from enginehouse.operations.house import House

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Endpoint = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

_LATER: Final = {CapacityExceeded.rest_status, Unavailable.rest_status}
_JSON: Final = ((b"content-type", b"application/json"),)
_REPLAYED: Final = (b"idempotent-replayed", b"true")


class ClientGoneError(Exception):
    """The client disconnected before its whole request had arrived. Nobody waits for a response."""


def graphql(house: House) -> Endpoint:
    """Returns an ASGI endpoint for GraphQL requests to this house."""
    executor = RequestExecutor(schema(), answers())

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        scope[CORRELATION] = http_correlation.note(scope, headers)
        correlation = (http_correlation.HEADER, scope[CORRELATION])
        if scope["method"] != "POST":
            message = "This address answers GraphQL requests sent with POST. The page for browsers is /v3/graphiql."
            await _send(
                scope,
                send,
                rejection(RejectedError.because(message), "", None)[1],
                405,
                correlation,
                (b"allow", b"POST"),
            )
            return
        more = [correlation]
        try:
            context = await _context(house, scope, headers)
            if context.known_principal is not None:
                scope[ORGANIZATION] = context.known_principal.organization_id
                receive = house.token_usage.received(context.known_principal, receive)
            status, body = await _respond(executor, context, headers, receive)
            if context.replayed:
                more.append(_REPLAYED)
        except ClientGoneError:
            return
        except Exception as error:
            status = error.rest_status if isinstance(error, Refusal) else 500
            body = {"errors": [describe(GraphQLError(str(error), original_error=error))]}
        await _send(scope, send, body, status, *more)

    return endpoint


async def _respond(
    executor: RequestExecutor, context: Context, headers: dict[bytes, bytes], receive: Receive
) -> Response:
    form: Form | None = None
    try:
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"multipart/form-data":
            request = _request(bodies.parts(await _whole(receive, _length(headers)), kind))
        else:
            chunks = _chunks(receive)
            first = await anext(chunks, b"")
            chunks = _joined(first, chunks)
            if bodies.begins_json(first):
                request = _request(bodies.parts(await bodies.read(chunks, _length(headers)), kind))
            else:
                form = await _read_form(context, headers, chunks)
                request = _request(dict(form.texts))
    except RejectedError as rejected:
        return rejection(rejected, "")
    try:
        context.upload = form.upload if form else None
        response = await executor.execute(request, context)
        if context.refused_caller is not None:
            await auth.record_refusal(context.house, context.refused_caller)
        return response
    finally:
        if form is not None:
            form.discard()


async def _context(house: House, scope: Scope, headers: dict[bytes, bytes]) -> Context:
    """Returns the context of the fields.

    The fields that need a token refuse a missing or wrong one, so that a login works. Raises RateLimited.
    """
    caller: Principal | AuthenticationFailed
    try:
        caller = await auth.principal(house, headers.get(b"authorization"), headers.get(b"api_key"))
    except AuthenticationFailed as failed:
        caller = failed
    else:
        house.request_rates.take(caller)
        await house.token_usage.take(caller, headers.get(b"content-length"))
    origin = f"{scope.get('scheme', 'http')}://{headers[b'host'].decode('latin-1')}" if b"host" in headers else ""
    key = headers.get(b"idempotency-key")
    return Context(house, caller, origin=origin, key=None if key is None else key.decode("latin-1"))


def _request(parts: dict[str, Any]) -> GraphQLRequest:
    query, variables, name = parts.get("query"), parts.get("variables"), parts.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise RejectedError.because("query: required, the text of a GraphQL document.", field="query")
    if isinstance(variables, str):
        variables = bodies.variables(variables)
    if variables is not None and not isinstance(variables, dict):
        raise RejectedError.because("variables: an object, or the text of one.", field="variables")
    if name is not None and not isinstance(name, str):
        raise RejectedError.because("operationName: text, the name of an operation in query.", field="operationName")
    return GraphQLRequest(query, variables or {}, name or None)


async def _read_form(context: Context, headers: dict[bytes, bytes], chunks: AsyncIterator[bytes]) -> Form:
    house = context.house
    # An unknown caller may log in with a form, but must not fill the disk with a file.
    allowed = house.limits.upload_bytes if context.known_principal else None
    folder = house.store.scratch()
    return await read_form(chunks, headers[b"content-type"], folder, allowed, _length(headers))


def _length(headers: dict[bytes, bytes]) -> str | None:
    length = headers.get(b"content-length", b"")
    return length.decode() if length.isdigit() and len(length) < 19 else None


async def _whole(receive: Receive, declared: str | None) -> bytes:
    """Returns the whole body, which is usually here already. Raises BodyTooLargeError over 10 MB."""
    bodies.check_size(declared, 0)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    first: bytes = message.get("body", b"")
    if message.get("more_body"):
        return await bodies.read(_joined(first, _chunks(receive)), declared)
    bodies.check_size(declared, len(first))
    return first


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        more = message.get("more_body", False)
        if chunk := message.get("body", b""):
            yield chunk


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _send(scope: Scope, send: Send, body: dict[str, Any], status: int, *own: tuple[bytes, bytes]) -> None:
    later = (_retry_after(body),) if status in _LATER else ()
    await send_answer(scope, send, status, encode(body), _JSON, (*own, *later))


def _retry_after(body: dict[str, Any]) -> tuple[bytes, bytes]:
    """Returns the header that says after how many seconds the request may succeed."""
    for error in body["errors"]:
        if seconds := error["data"].get("retry_after"):
            return b"retry-after", b"%d" % seconds
    return errors.RETRY_LATER
