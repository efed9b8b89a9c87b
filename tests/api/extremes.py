"""The extremes of every kind of value, and requests that are sent to the application byte for byte."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from tests.thorough import THOROUGH

from enginehouse.api.asgi import application
from enginehouse.operations.house import House

T = TypeVar("T")

MOMENTS: Final[list[Any]] = [
    "9999-12-31", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:01Z", "9999-12-31T23:59:59-14:00", "0001-01-02",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59+14:00", "1969-12-31T23:59:59Z", "2400-12-31", "2401-01-01",
    "0001-01-01T00:00:00Z", 0, -1, 1, 253402300799, 253402300800, 253402300799999, 10**18, 1e300, 0.5, "", "now",
    "2026-02-30", "99999999999999999999", "2026-11-29T24:00:00Z", "2026-11-29T23:59:60Z",
]  # fmt: skip
ENDS: Final = MOMENTS[1:3]  # of the calendar: they are sent to every place that takes a moment
NUMBERS: Final[list[Any]] = [
    2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 0, -1, 1, 2**31, 2**63, 2**64, 10**400, 1e308, -1e308, 5e-324, -0.0, 0.5,
    True, "1", "9" * 400, 2**53 + 1,
]  # fmt: skip
TEXTS: Final[list[Any]] = [
    "", " ", "x" * 100_000, "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\U0010ffff", "\u202e\x1b[31m", "9" * 5000,
    "-1", "../../etc/passwd", "%00%ff", "0", "1e999", "\r\nSet-Cookie: a=b", "{{7*7}}", "\ufeff", "null", "é" * 300,
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-8fff-bfff-ffffffffffff", "99123199_ZZZZZZZZZZ", "1_aaaaaaaaaa", "9" * 30 + "_aaaaaaaaaa",
    "..\\..\\windows\\win.ini",
]  # fmt: skip
TIMES_OF_DAY: Final[list[Any]] = ["00:00", "23:59:59", "24:00", "", "99:99", "-1:00", 0]
NESTED: Final[Any] = json.loads("[" * 60 + "]" * 60)
ANYTHING: Final[list[Any]] = [
    None, {}, [], NESTED, {"": ""}, {"a\x00": 1}, {"\ud800": "\ud800"}, 10**400, 1e308, -0.0, "", "{", '{"a":' * 70,
    [[]] * 5000, {"__proto__": {}}, True, "NaN",
]  # fmt: skip
CRONS: Final[list[Any]] = [
    "* * * * *", "0 0 29 2 *", "0 0 31 2 *", "*/59 */23 */30 */11 */6", "60 24 32 13 8", "* " * 5000, "0 0 L * *",
    "0 0 * * 1#5", "@yearly", "59 59 23 31 12 7", "0 0 1 1 * 9999", "-1 * * * *", "0 0 ? * ?", "\x00",
]  # fmt: skip
ZONES: Final[list[Any]] = [
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC", "../../etc/passwd", "", "Africa/Monrovia", "x" * 10_000, "\x00",
    "America/Los_Angeles/..", "Etc/GMT-14",
]  # fmt: skip
HEADERS: Final[list[bytes]] = [
    b"", b" ", b"\xff\xfe", b"x" * 16_000, b"0", b"-1", b"9" * 4999, b"bytes=0-", b"bytes=-9999999999999999999",
    b"bytes=5-1", b"bytes=" + b"0-0," * 3000 + b"0-0", b"bytes=9223372036854775807-9223372036854775808", b"a;b;c;=",
    b"Bearer", b"Bearer ", b"Bearer: \xe9", b"multipart/form-data", b'multipart/form-data; boundary=""',
    b"multipart/form-data; boundary=" + b"b" * 8192, b"multipart/form-data; boundary*=utf-8''%ff%00",
    b"multipart/form-data; boundary=\xff", b"application/json; charset=utf-99", b'application/json; charset="',
    b"\xd9\xa3", b"\xb2", b"1_000", b"+1", b"0x10", b"text/event-stream;q=2", b"*/*;q=\xb2",
]  # fmt: skip


def some(values: Sequence[T], place: int, count: int) -> Iterator[T]:
    """Yields as many of the values, others at every place; all of them for `make chaos`."""
    if THOROUGH:
        yield from values
        return
    for number in range(min(count, len(values))):
        yield values[(place * count + number) % len(values)]


class Response(NamedTuple):
    """The status and the body of a response."""

    status: int
    body: bytes


# In a refusal of REST or of GraphQL. The description of REST has the word too, as a reason of failed tasks.
_FAILURE: Final = re.compile(rb'"(?:id|name)": ?"internal_error"')


class Door:
    """Sends requests to the application without a client that would refuse to send them."""

    def __init__(self, house: House, token: str | None) -> None:
        self._application = application(house)
        self._signature = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        self.sent = 0
        self.failed: list[str] = []

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: bytes = b"",
        body: bytes = b"",
        headers: Iterable[tuple[bytes, bytes]] = (),
        about: object = "",
    ) -> Response:
        """Returns the response, and remembers the request if the server failed."""
        named = dict(headers)
        signature = [] if b"authorization" in named else self._signature
        received, parts = [{"type": "http.request", "body": body, "more_body": False}], list[dict[str, Any]]()

        async def receive() -> dict[str, Any]:
            return received.pop() if received else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            parts.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "raw_path": b"", "query_string": query, "scheme": "http",
            "headers": [(b"host", b"h"), *signature, *named.items()], "client": ("192.0.2.1", 1), "http_version": "1.1",
            "root_path": "", "extensions": {},
        }  # fmt: skip
        self.sent += 1
        what = f"{method} {path[:100]!r} {query[:100]!r} {about!r:.300}"
        try:
            await self._application(scope, receive, send)
        except Exception as error:
            self.failed.append(f"{what}: {error!r:.200}")
            return Response(500, b"")
        status = parts[0]["status"] if parts else 499
        content = b"".join(part.get("body", b"") for part in parts[1:])
        if status == 500 or _FAILURE.search(content):
            self.failed.append(f"{what}: {status} {content[:200]!r}")
        return Response(status, content)

    async def post(self, path: str, body: Any, *, method: str = "POST", about: object = "") -> Response:
        """Sends the body as JSON."""
        raw = json.dumps(body).encode()
        return await self.send(method, path, body=raw, headers=[(b"content-type", b"application/json")], about=about)
