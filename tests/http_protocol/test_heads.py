"""What a client may send as a request: each malformed or ambiguous form is refused, and the connection ends."""

import asyncio

import pytest
from tests.http_protocol.raw import SOON, serving, statuses

from enginehouse.http_protocol import head

GET = b"GET / HTTP/1.1\r\nHost: h\r\n"
POST = b"POST / HTTP/1.1\r\nHost: h\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"

HOSTS = ["", "h/p", "u@h", "a b", "h:80a", "a, b"]
LENGTHS = ["1, 1", "+1", "-1", "0x1", "", f"{2**64}", f"{2**63}"]
CODINGS = ["xchunked", "chunked, identity", "gzip, chunked", "identity"]
TWICE = ["Authorization", "Api_Key", "Content-Length", "Content-Type", "Expect", "Host", "Idempotency-Key",
         "Transfer-Encoding"]  # fmt: skip
LINES = {
    "HTTP/0.9": (400, b"GET /\r\n\r\n"),
    "HTTP/0.9 by number": (505, b"GET / HTTP/0.9\r\nHost: h\r\n\r\n"),
    "HTTP/1.2": (505, b"GET / HTTP/1.2\r\nHost: h\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
    "HTTP/2 from the start": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/1.10": (400, b"GET / HTTP/1.10\r\nHost: h\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    "a small method": (400, b"get / HTTP/1.1\r\nHost: h\r\n\r\n"),
    "two spaces": (400, b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
    "CONNECT": (400, b"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"),
    "an address without a slash": (400, b"GET x HTTP/1.1\r\nHost: h\r\n\r\n"),
    "another Host in the address": (400, b"GET http://other/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    "no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "an address without an end": (414, b"GET /" + b"a" * 70_000),
    "a long address": (414, b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n" % (b"a" * 9_000)),
}
SIZES = {
    "one giant header": (431, GET + b"X: " + b"x" * 64_000_000),
    "a giant header without an end of line": (431, b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000),
    "a head over 16 KiB": (431, GET + b"X: " + b"x" * 16_384 + b"\r\n\r\n"),
    "a head over 16 KiB in small headers": (431, GET + b"Abc: %b\r\n" % (b"d" * 200) * 90 + b"\r\n"),
    "101 headers": (431, GET + b"A: b\r\n" * 100 + b"\r\n"),
    "10 000 headers": (431, GET + b"A: b\r\n" * 10_000 + b"\r\n"),
}
HEADERS = {
    "bare line feeds": (400, b"GET / HTTP/1.1\nHost: h\n\n"),
    "a bare line feed": (400, GET + b"A: b\nC: d\r\n\r\n"),
    "a bare carriage return": (400, GET + b"A: b\rC: d\r\n\r\n"),
    "a NUL": (400, GET + b"A: \x00\r\n\r\n"),
    "a folded header": (400, GET + b"A: b\r\n c\r\n\r\n"),
    "a space before the colon": (400, GET + b"A : b\r\n\r\n"),
    "a header without a name": (400, GET + b": b\r\n\r\n"),
    "a header without a colon": (400, GET + b"A\r\n\r\n"),
    "an unknown expectation": (417, GET + b"Expect: a-miracle\r\n\r\n"),
    **{f"Host: {host}": (400, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()) for host in HOSTS},
    **{f"{name} twice": (400, GET + f"{name}: 1\r\n{name.lower()}: 1\r\n\r\n".encode()) for name in TWICE},
    "two Hosts with HTTP/1.0": (400, b"GET / HTTP/1.0\r\nHost: h\r\nHost: i\r\n\r\n"),
}
FRAMINGS = {
    **{f"Content-Length: {length}": (400, POST + f"Content-Length: {length}\r\n\r\na".encode()) for length in LENGTHS},
    **{f"Transfer-Encoding: {coding}": (400, POST + f"Transfer-Encoding: {coding}\r\n\r\n".encode() + END)
       for coding in CODINGS},
    "two lengths": (400, POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na"),
    "chunked twice": (400, POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + END),
    "a length and chunks": (400, POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + END),
    "chunks and a length": (400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + END),
    "chunks in HTTP/1.0": (400, b"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + END),
}  # fmt: skip
CHUNKS = {
    **{f"a chunk of {size} bytes": (400, CHUNKED + f"{size}\r\na\r\n".encode() + END)
       for size in ("0x1", "+1", "10000000000000000")},
    "a chunk with bare line feeds": (400, CHUNKED + b"1\na\n0\n\n"),
    "a chunk without its end": (400, CHUNKED + b"1\r\nab\r\n" + END),
    "a long chunk extension": (400, CHUNKED + b"1;" + b"a" * 257 + b"\r\na\r\n" + END),
    "a chunk extension of 10 MB": (400, CHUNKED + b"1;" + b"a" * 10_000_000),
    "a chunk extension without an end": (400, CHUNKED + b"1;" + b"a" * 400),
    "a hundred thousand chunks of a byte": (400, CHUNKED + b"1\r\na\r\n" * 100_000 + END),
    "giant trailers": (431, CHUNKED + b"0\r\nA: " + b"a" * 20_000 + b"\r\n\r\n"),
    "trailers without an end": (431, CHUNKED + b"0\r\n" + b"A: b\r\n" * 5_000),
}  # fmt: skip
REFUSED = {**LINES, **SIZES, **HEADERS, **FRAMINGS, **CHUNKS}


def test_every_header_that_may_come_once_is_sent_twice() -> None:
    assert {name.lower().encode() for name in TWICE} == head._SINGLE


@pytest.mark.parametrize("form", REFUSED)
async def test_a_form_is_refused_and_the_client_reads_why(form: str) -> None:
    status, request = REFUSED[form]
    async with serving() as server:
        received = await server.exchange(request)
    assert statuses(received) == [status]
    assert b"connection: close" in received


@pytest.mark.parametrize("form", [form for form, (_, request) in REFUSED.items() if len(request) < 2_000])
async def test_it_is_refused_also_if_it_comes_byte_by_byte_behind_another_request(form: str) -> None:
    status, request = REFUSED[form]
    async with serving() as server, asyncio.timeout(SOON):
        reader, writer = await server.open()
        writer.write(GET + b"\r\n")
        first = await reader.readuntil(b"GET / ")
        for at in range(len(request)):
            writer.write(request[at : at + 1])
            await asyncio.sleep(0)
        rest = await reader.read()
        writer.close()
    assert statuses(first) + statuses(rest) == [200, status]


CLOSING = GET + b"Connection: close\r\n\r\n"
SERVED = {
    "100 headers": [GET + b"A: b\r\n" * 98 + b"Connection: close\r\n\r\n"],
    "HTTP/1.0 without a Host": [b"GET / HTTP/1.0\r\n\r\n"],
    "HTTP/1.0 with a Host": [b"GET / HTTP/1.0\r\nHost: h:80\r\n\r\n"],
    "a Host that is IPv6": [b"GET / HTTP/1.0\r\nHost: [::1]:9000\r\n\r\n"],
    "the address with its host": [b"GET http://H:80/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"],
    "empty lines before it": [b"\r\n\r\n" + CLOSING],
    "a tab before chunked": [POST + b"Connection: close\r\nTransfer-Encoding:\tchunked\r\n\r\n" + END],
    "byte by byte": [CLOSING[at : at + 1] for at in range(len(CLOSING))],
    "the wish for HTTP/2": [POST + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"],
}


@pytest.mark.parametrize("form", SERVED)
async def test_a_form_is_served(form: str) -> None:
    async with serving() as server:
        received = await server.exchange(*SERVED[form])
    assert statuses(received) == [200]
    assert received.endswith(b"abc") or form != "the wish for HTTP/2"


BODY = b"3;name=value\r\nabc\r\n2\r\nde\r\n0\r\nAuthorization: Bearer x\r\n\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 64, 10_000])
async def test_requests_one_behind_the_other_are_answered_in_order(size: int) -> None:
    several = CHUNKED + BODY + GET + b"\r\n" + POST + b"Content-Length: 4\r\n\r\nwxyz" + CLOSING
    async with serving() as server:
        received = await server.exchange(*(several[at : at + size] for at in range(0, len(several), size)))
    assert statuses(received) == [200, 200, 200, 200]
    assert [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 ")[1:]] == [
        b"POST / abcde", b"GET / ", b"POST / wxyz", b"GET / ",
    ]  # fmt: skip
