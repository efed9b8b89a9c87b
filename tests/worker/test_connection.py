"""A refusal over HTTP is the same exception as inside the server; everything else is a server that is away."""

import httpx
import pytest

from enginehouse.api.http import errors
from enginehouse.domain.errors import IntegrityError, InvalidInput, NotFound, StaleAttempt, TooLarge, Unavailable
from enginehouse.domain.store_errors import StoreUnavailable
from enginehouse.worker.connection import Connection, ResultBody, ServerAway, TokenRefused, parse


def answering(status: int, code: str = "", **headers: str) -> Connection:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer secret"
        body = {"id": code, "description": "short", "detail": "at length"} if code else {"other": 1}
        return httpx.Response(status, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return Connection("http://server", "secret", transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "authentication_error", TokenRefused),
        (403, "not_allowed", TokenRefused),
        (404, "not_found", NotFound),
        (409, "stale_attempt", StaleAttempt),
        (413, "too_large", TooLarge),
        (400, "invalid_input", InvalidInput),
        (500, "integrity_error", IntegrityError),
        (500, "internal_error", ServerAway),
        (503, "service_unavailable", ServerAway),
        (502, "", ServerAway),
    ],
)
async def test_each_refusal_is_its_exception(status: int, code: str, kind: type[Exception]) -> None:
    async with answering(status, code) as connection:
        with pytest.raises(kind) as raised:
            await connection.send("POST", "/x", b"{}")
        assert type(raised.value) is kind or issubclass(type(raised.value), kind)
        if code and kind is not ServerAway:
            assert "at length" in str(raised.value)
        with pytest.raises(kind):
            async with connection.stream("/x") as blocks:
                await anext(blocks)


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("soon", None), ("1" * 20, None)])
async def test_the_wish_of_the_server_is_read(text: str, seconds: float | None) -> None:
    async with answering(503, retry_after=text) as connection:
        with pytest.raises(ServerAway) as raised:
            await connection.send("GET", "/x")
        assert raised.value.retry_after == seconds


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [(StoreUnavailable(reason="it answers 503", retry_after=7), StoreUnavailable), (Unavailable("later"), ServerAway)],
)
async def test_a_store_that_is_away_is_not_the_server(refusal: Unavailable, kind: type[Unavailable]) -> None:
    told = {name.decode(): value.decode() for name, value in errors.headers(refusal)}
    async with answering(503, refusal.code, **told) as connection:
        with pytest.raises(ServerAway) as raised:
            await connection.send("PUT", "/x")
        found = raised.value.for_attempt()
        assert type(found) is kind
        assert not isinstance(found, StoreUnavailable) or found.data == {"retry_after": 7}


async def test_who_does_not_answer_is_away() -> None:
    def drop(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone", request=request)

    async with Connection("http://server", "secret", transport=httpx.MockTransport(drop)) as connection:
        with pytest.raises(ServerAway) as raised:
            await connection.send("GET", "/x")
        assert raised.value.reason == "ReadError"
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize("raw", [b"<html>Sign in to the network</html>", b'{"other": 1}', b"", b'"\xff"'])
def test_what_another_program_answers_is_a_server_that_is_away(raw: bytes) -> None:
    with pytest.raises(ServerAway, match="not one of an Enginehouse server"):
        parse(raw, ResultBody[str])
