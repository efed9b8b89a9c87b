"""How long a client may take, how many of its connections may wait, and that it reads the response before the end."""

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest
from tests.http_protocol.raw import SOON, Bench, serving, statuses

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"


async def turn() -> None:
    """What is ready runs."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_silent_connection_is_closed_after_30_seconds() -> None:
    bench = Bench()
    _, transport = bench.connect()
    bench.clock.move(29.9)
    assert not transport.ended
    bench.clock.move(0.2)
    assert (transport.ended, transport.written) == ("closed", b"")


async def test_it_is_closed_30_seconds_after_its_last_response_too() -> None:
    bench = Bench()
    connection, transport = bench.connect()
    for _ in range(3):
        bench.clock.move(25)
        connection.data_received(GET)
        await turn()
    assert statuses(transport.written) == [200] * 3
    bench.clock.move(29.9)
    before = transport.ended
    bench.clock.move(0.2)
    assert (before, transport.ended) == ("", "closed")


@pytest.mark.parametrize("start", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n"])
async def test_a_head_has_10_seconds_however_often_a_byte_comes(start: bytes) -> None:
    bench = Bench()
    connection, transport = bench.connect()
    bench.clock.move(20)
    connection.data_received(start)
    for _ in range(9):
        bench.clock.move(1)
        connection.data_received(b"A" if start == b"G" else b"A: b\r\n")
    assert not transport.written
    bench.clock.move(1.1)
    assert statuses(transport.written) == [408]


@pytest.mark.parametrize(("bytes_each_second", "seconds"), [(0, 10), (1, 10.1), (100, 11.1), (512, 20), (1000, None)])
async def test_a_body_has_a_pace(bytes_each_second: int, seconds: float | None) -> None:
    bench = Bench()
    connection, transport = bench.connect()
    connection.data_received(POST)
    await turn()
    passed = 0
    while not transport.written and passed < 200:
        bench.clock.move(1)
        passed += 1
        if not transport.written and bytes_each_second:
            connection.data_received(b"b" * bytes_each_second)
            await turn()
    if seconds is None:
        assert passed == 200
    else:
        assert statuses(transport.written) == [408]
        assert seconds - 1 <= passed <= seconds + 2


async def test_a_fast_beginning_buys_no_long_silence() -> None:
    bench = Bench()
    connection, transport = bench.connect()
    connection.data_received(POST + b"b" * 900_000)
    await turn()
    bench.clock.move(10.1)
    assert statuses(transport.written) == [408]


async def test_chunks_of_nothing_are_no_pace() -> None:
    bench = Bench()
    connection, transport = bench.connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(12):
        bench.clock.move(1)
        connection.data_received(b"1\r\na\r\n")
        await turn()
    assert statuses(transport.written) == [408]


async def test_the_server_may_take_its_time() -> None:
    go = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    bench = Bench(slow)
    connection, transport = bench.connect()
    connection.data_received(GET)
    await turn()
    bench.clock.move(3600)
    assert not transport.ended
    go.set()
    await turn()
    assert statuses(transport.written) == [200]


async def test_a_client_that_waits_for_100_continue_is_not_too_slow() -> None:
    go = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await receive()

    bench = Bench(slow)
    connection, transport = bench.connect()
    connection.data_received(POST[:-2] + b"Expect: 100-continue\r\n\r\n")
    await turn()
    bench.clock.move(60)
    assert not transport.written
    go.set()
    await turn()
    assert transport.written.startswith(b"HTTP/1.1 100 ")


async def test_a_client_that_does_not_read_its_response_is_cut_off() -> None:
    bench = Bench()
    connection, transport = bench.connect()
    connection.data_received(GET)
    transport.unread = 500_000
    connection.pause_writing()
    for _ in range(5):
        transport.unread -= 40_000  # more than 1 KiB a second
        bench.clock.move(29.9)
        assert not transport.ended
    bench.clock.move(31)
    assert transport.ended == "aborted"
    connection.connection_lost(None)
    await turn()


async def test_silent_connections_of_one_address_are_few_and_the_oldest_makes_room() -> None:
    bench = Bench(silent_per_address=3)
    opened = [bench.connect() for _ in range(3)]
    elsewhere = [bench.connect(f"192.0.2.{n}") for n in range(2, 9)]
    opened[0][0].data_received(GET)  # its response makes it the youngest
    await turn()
    opened[1][0].data_received(b"GET /")  # half a head is silence
    opened += [bench.connect(), bench.connect()]
    assert [transport.ended for _, transport in opened] == ["", "closed", "closed", "", ""]
    assert not any(transport.ended for _, transport in elsewhere)


async def test_a_refused_connection_makes_room_too_and_gets_no_more_time() -> None:
    bench = Bench(silent_per_address=3)
    opened = [bench.connect() for _ in range(3)]
    for connection, _ in opened:
        connection.data_received(POST.replace(b"Host: h", b"Host: h h"))  # its body would still come
    opened.append(bench.connect())
    assert [statuses(transport.written) for _, transport in opened] == [[400], [400], [400], []]
    assert [transport.ended for _, transport in opened] == ["closed", "", "", ""]


async def test_connections_of_one_address_are_not_without_number() -> None:
    bench = Bench(per_address=3)
    opened = [bench.connect(f"2001:db8::{n}") for n in range(4)]  # one customer has the whole /64
    assert [statuses(transport.written) for _, transport in opened] == [[], [], [], [503]]
    for connection, _ in opened:
        connection.connection_lost(None)
    assert not statuses(bench.connect("2001:db8::9")[1].written)
    assert not statuses(bench.connect("2001:db8:0:1::9")[1].written)


@pytest.mark.parametrize(("proxy", "address"), [("192.0.2.0/24", "192.0.2.7"), ("2001:db8::7", "2001:db8::7")])
async def test_a_load_balancer_opens_any_number_of_connections(proxy: str, address: str) -> None:
    bench = Bench(per_address=2, silent_per_address=2, proxies=(ip_network(proxy),))
    opened = [bench.connect(address) for _ in range(5)]
    assert not any(transport.ended or transport.written for _, transport in opened)
    others = [bench.connect("198.51.100.1") for _ in range(3)]
    assert [transport.ended for _, transport in others] == ["", "", "closed"]


@pytest.mark.parametrize("path", [b"/refuse", b"/early"])
@pytest.mark.parametrize("framing", [b"Content-Length: 50000000", b"Transfer-Encoding: chunked"])
async def test_a_client_that_sends_all_of_a_refused_body_reads_the_response(path: bytes, framing: bytes) -> None:
    body = b"b" * 50_000_000
    if b"chunked" in framing:
        body = b"2faf080\r\n" + body + b"\r\n0\r\n\r\n"
    async with serving() as server, asyncio.timeout(SOON):
        reader, writer = await server.open()
        writer.write(b"POST %b HTTP/1.1\r\nHost: h\r\n%b\r\n\r\n" % (path, framing))
        for at in range(0, len(body), 1_000_000):
            writer.write(body[at : at + 1_000_000])
            await writer.drain()
        if path == b"/early":
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        received = await reader.read()
        writer.close()
    assert statuses(received) == ([413] if path == b"/refuse" else [200, 200])


@pytest.mark.parametrize("path", [b"/refuse", b"/early"])
async def test_what_is_dropped_has_an_end(path: bytes) -> None:
    bench = Bench(dropped_bytes=1_000_000)
    connection, transport = bench.connect()
    connection.data_received(b"POST %b HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n" % path)
    await turn()
    for _ in range(10):
        connection.data_received(b"b" * 99_000)
    before = transport.ended
    connection.data_received(b"b" * 99_000)
    assert (before, transport.ended) == ("", "closed")


async def test_a_refused_client_that_sends_on_slowly_is_cut_off() -> None:
    bench = Bench()
    connection, transport = bench.connect()
    connection.data_received(POST.replace(b" / ", b" /refuse "))
    await turn()
    for _ in range(29):
        bench.clock.move(1)
        connection.data_received(b"b" * 5_000)
    assert not transport.ended
    bench.clock.move(1.1)
    assert transport.ended


async def test_an_ended_connection_leaves_no_timer() -> None:
    bench = Bench()
    connection, transport = bench.connect()
    connection.data_received(GET)
    await turn()
    connection.connection_lost(None)
    assert (bench.clock.timers, statuses(transport.written)) == ([], [200])
