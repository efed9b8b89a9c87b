"""Reads the head of a request: the parts of it that decide where the request ends and whom it is for.

The parser behind it (llhttp) refuses malformed lines. Here is refused what it accepts and what two servers in a row
could read in two ways.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

import httptools

from enginehouse.http_protocol.limits import ConnectionLimits
from enginehouse.http_protocol.refusal import RefusedRequestError

END: Final = b"\r\n\r\n"

_LINE: Final = re.compile(rb"([A-Z][A-Z-]{0,31}) ([\x21-\x7e]+) HTTP/([0-9]\.[0-9])\r\n")
_HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._~!$&'()*+,;=%-]{1,255})(?::[0-9]{0,5})?")
_AUTHORITY: Final = re.compile(rb"(?i:https?)://([^/?]*)")
_BARE_LINE_END: Final = re.compile(rb"(?<!\r)\n|\r(?=[^\n])")
_UPGRADE: Final = re.compile(rb"(?i)(?<=\r\n)upgrade:[^\r\n]*\r\n")
# Headers whose second occurrence would make it unclear where a request ends, whose it is, or what it asks.
_SINGLE: Final = frozenset({
    b"authorization", b"api_key", b"content-length", b"content-type", b"expect", b"host", b"idempotency-key",
    b"transfer-encoding",
})  # fmt: skip

NO_BODY: Final = 0
CHUNKED: Final = -1


class Framing(NamedTuple):
    """How a request goes on after its head: `length` bytes, or CHUNKED."""

    length: int
    expects_continue: bool


def check_size(head: bytes | bytearray, limits: ConnectionLimits) -> None:
    """The head, which may not have ended yet, is within the limits. Raises RefusedRequestError."""
    lines = head.count(b"\n")
    if len(head) > limits.head_bytes or lines > limits.head_lines + 2:  # with the request line and the empty one
        if not lines:
            raise _long_address(limits)
        allowed = f"{limits.head_bytes} bytes and {limits.head_lines} headers"
        raise RefusedRequestError(431, f"The head of the request is too large; at most {allowed} are allowed.")


def check_incomplete(head: bytes | bytearray, new: int) -> None:
    """A head that has not ended yet may still become one. What is `new` begins there. Raises RefusedRequestError."""
    if _BARE_LINE_END.search(head, max(0, new - 1)):
        raise RefusedRequestError(400, "The request is not HTTP: a line ends without CRLF.")


def check_line(head: bytes, limits: ConnectionLimits) -> None:
    """The head begins with a request line of HTTP/1.0 or 1.1. Raises RefusedRequestError."""
    line = _LINE.match(head)
    if line is None:
        raise RefusedRequestError(400, "The request is not HTTP: its first line is malformed.")
    if line[3] not in {b"1.0", b"1.1"}:
        raise RefusedRequestError(505, "This server speaks HTTP/1.0 and HTTP/1.1.")
    if len(line[2]) > limits.target_bytes:
        raise _long_address(limits)


def _long_address(limits: ConnectionLimits) -> RefusedRequestError:
    longest = min(limits.target_bytes, limits.head_bytes)
    return RefusedRequestError(414, f"The address is too long; at most {longest} bytes are allowed.")


def without_upgrade(head: bytes) -> bytes:
    """Returns the head without the wish for another protocol. This server has none, and a parser would stop there."""
    return _UPGRADE.sub(b"", head) if b"pgrade" in head or b"PGRADE" in head else head


def path_and_query(target: bytes) -> tuple[bytes, bytes]:
    """Returns the two parts of a request's address that an application sees. Raises RefusedRequestError.

    `check_line` has let through visible ASCII only, so that of a path with a query nothing is left to check.
    """
    if target[:1] == b"/" and b"#" not in target:
        path, _, query = target.partition(b"?")
        return path, query
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise RefusedRequestError(400, "The address of the request is malformed.") from None
    return url.path or b"/", url.query or b""


def framing(version: str, target: bytes, headers: list[tuple[bytes, bytes]]) -> Framing:
    """Returns how the request goes on. The names of the headers are in lower case. Raises RefusedRequestError."""
    single = dict(headers)
    if len(single) < len(headers):
        _check_repeated(name for name, _ in headers)
    host = single.get(b"host")
    if host is None and version == "1.1":
        raise RefusedRequestError(400, "Host: required.")
    if host is not None:
        _check_host(host)
    if target[:1] != b"/":
        _check_authority(target, host)
    expectation = single.get(b"expect")
    if expectation is not None and expectation.lower() != b"100-continue":
        raise RefusedRequestError(417, "Expect: only 100-continue is understood.")
    return Framing(_length(version, single), expectation is not None and version == "1.1")


def _check_repeated(names: Iterable[bytes]) -> None:
    for name, count in Counter(names).items():
        if count > 1 and name in _SINGLE:
            raise RefusedRequestError(400, f"The header {name.decode()} is given {count} times.")


@lru_cache(64)
def _check_host(host: bytes) -> None:
    if not _HOST.fullmatch(host):
        raise RefusedRequestError(400, "Host: a name or an address, with or without a port.")


def _check_authority(target: bytes, host: bytes | None) -> None:
    """The address has the same host as the header Host, or is `*`. Raises RefusedRequestError."""
    authority = _AUTHORITY.match(target)
    if authority is None and target != b"*":
        raise RefusedRequestError(400, "The address of a request begins with a slash.")
    if authority is not None and host is not None and _name(authority[1]) != _name(host):
        raise RefusedRequestError(400, "The address of the request and its Host differ.")


def _name(authority: bytes) -> bytes:
    return authority.lower().removesuffix(b":80")


def _length(version: str, single: dict[bytes, bytes]) -> int:
    coding, length = single.get(b"transfer-encoding"), single.get(b"content-length")
    if coding is None:
        if length is None:
            return NO_BODY
        if not length.isdigit() or len(length) > 18:
            raise RefusedRequestError(400, "Content-Length: a whole number.")
        return int(length)
    if length is not None or version == "1.0":
        raise RefusedRequestError(400, "Transfer-Encoding is not allowed here.")
    if coding.lower() != b"chunked":
        raise RefusedRequestError(400, "Transfer-Encoding: only chunked is understood.")
    return CHUNKED
