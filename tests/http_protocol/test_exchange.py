"""One request and its response: what reaches the transport, in how many writes, and what may not be sent."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from enginehouse.http_protocol.exchange import HttpExchange

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Wire:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def begin(wire: Wire, method: str = "GET", **more: Any) -> HttpExchange:
    known: dict[str, Any] = {"expects_continue": False, "keep_alive": True, "on_response": lambda: None}
    transport = cast(Any, wire)
    return HttpExchange({"method": method}, transport, FlowControl(transport), [(b"date", b"now")], **known | more)


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def sending(*messages: dict[str, Any]) -> Application:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return application


async def run(exchange: HttpExchange, application: Application) -> None:
    exchange.task = asyncio.current_task()
    await exchange.run(application, set())


async def test_a_response_of_known_length_is_one_write() -> None:
    wire = Wire()
    await run(begin(wire), sending(start((b"Content-Length", b"2")), piece(b"ok")))
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\n\r\nok"]
    assert not wire.closed


async def test_a_response_of_unknown_length_begins_before_its_body() -> None:
    wire = Wire()
    exchange = begin(wire)
    await exchange.send(start())
    assert wire.writes == [b"HTTP/1.1 200 OK\r\ndate: now\r\ntransfer-encoding: chunked\r\n\r\n"]
    await exchange.send(piece(b"a", more=True))
    await exchange.send(piece(b""))
    assert wire.writes[1:] == [b"1\r\na\r\n", b"0\r\n\r\n"]


@pytest.mark.parametrize(("method", "status", "written"), [
    ("HEAD", 200, b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 9\r\n\r\n"),
    ("GET", 204, b"HTTP/1.1 204 No Content\r\ndate: now\r\n\r\n"),
])  # fmt: skip
async def test_a_response_without_a_body_is_only_a_head(method: str, status: int, written: bytes) -> None:
    wire = Wire()
    headers = () if status == 204 else ((b"content-length", b"9"),)
    await run(
        begin(wire, method), sending(start(*headers, status=status), piece(b"" if status == 204 else b"123456789"))
    )
    assert wire.writes == [written]


@pytest.mark.parametrize("keep_alive", [True, False])
async def test_a_connection_ends_after_its_response_if_either_side_wants_it(keep_alive: bool) -> None:
    wire = Wire()
    headers = ((b"content-length", b"0"), *(((b"connection", b"Close"),) if keep_alive else ()))
    await run(begin(wire, keep_alive=keep_alive), sending(start(*headers), piece(b"")))
    assert wire.closed
    assert wire.writes[0].lower().count(b"connection: close\r\n") == 1


@pytest.mark.parametrize("header", [
    (b"a b", b"1"), (b"a:", b"1"), (b"", b"1"), (b"a\r\nb", b"1"), (b"a\x7f", b"1"),
    (b"a", b"1\r\nb: 2"), (b"a", b"1\nb"), (b"a", b"1\r"), (b"a", b"\x00"), (b"a", b"\x7f"),
])  # fmt: skip
async def test_no_header_holds_another_one(header: tuple[bytes, bytes]) -> None:
    wire = Wire()
    with pytest.raises(RuntimeError):
        await begin(wire).send(start(header))
    assert wire.writes == []


async def test_a_value_may_hold_a_tab_and_what_is_not_ascii() -> None:
    wire = Wire()
    await run(begin(wire), sending(start((b"a", b"x\ty \xe9"), (b"content-length", b"0")), piece(b"")))
    assert b"\r\na: x\ty \xe9\r\n" in wire.writes[0]


@pytest.mark.parametrize("body", [b"1", b"123"])
async def test_a_body_of_another_length_than_declared_ends_the_connection(body: bytes) -> None:
    wire = Wire()
    await run(begin(wire), sending(start((b"content-length", b"2")), piece(body)))
    assert wire.closed
    assert wire.writes == []


@pytest.mark.parametrize("messages", [[], [piece(b"")], [start((b"a", b"\n"))]])
async def test_an_application_without_an_answer_is_answered_with_a_500(messages: list[dict[str, Any]]) -> None:
    wire = Wire()
    await run(begin(wire), sending(*messages))
    [written] = wire.writes
    assert written.startswith(b"HTTP/1.1 500 ")
    assert written.endswith(b"Internal Server Error")
    assert wire.closed


async def test_an_application_that_fails_within_its_response_ends_the_connection() -> None:
    wire = Wire()

    async def failing(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start())
        await send(piece(b"a", more=True))
        raise ValueError

    await run(begin(wire), failing)
    assert wire.closed
    assert b"500" not in b"".join(wire.writes)


async def test_nothing_is_written_to_a_client_that_has_gone() -> None:
    wire = Wire()
    exchange = begin(wire)
    exchange.disconnected = True
    await run(exchange, sending(start((b"content-length", b"2")), piece(b"ok")))
    assert wire.writes == []
    assert (await exchange.receive())["type"] == "http.disconnect"


async def test_a_response_ends_once() -> None:
    ends: list[int] = []
    exchange = begin(Wire(), on_response=lambda: ends.append(1))
    await exchange.send(start((b"content-length", b"0")))
    await exchange.send(piece(b""))
    with pytest.raises(RuntimeError):
        await exchange.send(piece(b""))
    assert ends == [1]


async def test_the_client_that_waits_for_it_is_told_to_go_on_once() -> None:
    wire = Wire()
    exchange = begin(wire, expects_continue=True)
    exchange.body += b"ab"
    exchange.more_body = False
    exchange.message_event.set()
    assert await exchange.receive() == {"type": "http.request", "body": b"ab", "more_body": False}
    assert wire.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]


async def test_the_application_waits_for_the_body_and_is_told_of_the_end() -> None:
    exchange = begin(Wire())
    waiting = asyncio.ensure_future(exchange.receive())
    await asyncio.sleep(0)
    assert not waiting.done()
    exchange.disconnected = True
    exchange.message_event.set()
    assert await waiting == {"type": "http.disconnect"}


async def test_a_cancelled_application_is_no_longer_among_the_running_ones() -> None:
    exchange, running, forever = begin(Wire()), set[asyncio.Task[None]](), asyncio.Event()

    async def waiting(_scope: Any, _receive: Any, _send: Any) -> None:
        await forever.wait()

    task = exchange.task = asyncio.get_running_loop().create_task(exchange.run(waiting, running))
    running.add(task)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert running == set()


KEPT = ((b"x-version", b"1"), (b"Content-Type", b"text/plain"))
OWN = ((b"X-Correlation-ID", b"abc"),)


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("status", "body"), [(200, b"ok"), (404, b""), (204, b""), (304, b"")])
async def test_a_response_sent_whole_says_what_its_messages_say(
    method: str, status: int, body: bytes, keep_alive: bool
) -> None:
    whole, by_messages = Wire(), Wire()
    exchange = begin(whole, method, keep_alive=keep_alive)
    assert exchange.send_whole(status, KEPT, OWN, body)
    length = () if status in {204, 304} else ((b"content-length", b"%d" % len(body)),)
    await run(
        begin(by_messages, method, keep_alive=keep_alive),
        sending(start(*KEPT, *OWN, *length, status=status), piece(body)),
    )
    assert parsed(whole) == parsed(by_messages)
    assert len(whole.writes) == 1
    assert (whole.closed, exchange.response_complete) == (not keep_alive, True)
    assert not exchange.send_whole(status, KEPT, OWN, body), "a response ends once"


def parsed(wire: Wire) -> tuple[bytes, list[bytes], bytes]:
    head, _, body = b"".join(wire.writes).partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    return first, sorted(fields), body


@pytest.mark.parametrize("name", [b"Content-Length", b"Transfer-Encoding", b"Connection"])
async def test_what_frames_a_response_is_sent_by_messages(name: bytes) -> None:
    wire = Wire()
    assert not begin(wire).send_whole(200, KEPT, ((name, b"1"),), b"x")
    assert wire.writes == []


@pytest.mark.parametrize("header", [(b"a b", b"x"), (b"x", b"1\r\ny: 2"), (b"", b"x")])
async def test_no_header_of_a_whole_response_holds_another_one(header: tuple[bytes, bytes]) -> None:
    for kept, own in (((header,), ()), ((), (header,))):
        wire = Wire()
        with pytest.raises(RuntimeError):
            begin(wire).send_whole(200, kept, own, b"")
        assert wire.writes == []


async def test_a_client_that_reads_slowly_or_has_gone_gets_no_whole_response() -> None:
    wire = Wire()
    gone = begin(wire)
    gone.disconnected = True
    assert not gone.send_whole(200, KEPT, OWN, b"x")
    flow = FlowControl(cast(Any, wire))
    flow.pause_writing()
    slow = HttpExchange(
        {"method": "GET"}, cast(Any, wire), flow, [], expects_continue=False, keep_alive=True, on_response=lambda: None
    )
    assert not slow.send_whole(200, KEPT, OWN, b"x")
    assert wire.writes == []


async def test_the_way_to_send_whole_ends_with_the_request() -> None:
    exchange = begin(Wire())
    await run(exchange, sending(start(), piece(b"")))
    assert exchange.scope == {"method": "GET"}
