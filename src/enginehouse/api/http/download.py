"""Stored bytes as a response: all, or the ranges that a client requests (RFC 9110 §14), streamed from the store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from email.utils import formatdate
from hashlib import md5
from secrets import token_hex
from typing import Any, Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response

from enginehouse.api.http import body, errors
from enginehouse.artifacts.store import Content
from enginehouse.domain.errors import Refusal
from enginehouse.http_protocol.ranges import MalformedError, UnsatisfiableError, ranges

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Pieces = AsyncIterator[bytes]

# A browser must not run data of a client or an engine.
_NOT_SNIFFED: Final = (b"x-content-type-options", b"nosniff")


class Download:
    """The response to a GET or HEAD of stored bytes. With a file name it is an attachment."""

    def __init__(self, content: Content, *, media_type: str, filename: str | None = None) -> None:
        self._content = content
        self._media_type = media_type  # nobody knows more: a charset that was not declared may be any
        self._modified = formatdate(content.modified, usegmt=True)
        tag = md5(f"{content.modified}-{content.size}".encode(), usedforsecurity=False).hexdigest()
        self._etag = f'"{tag}"'
        self.raw_headers: list[tuple[bytes, bytes]] = [
            _NOT_SNIFFED,
            (b"accept-ranges", b"bytes"),
            (b"last-modified", self._modified.encode()),
            (b"etag", self._etag.encode()),
        ]
        if filename is not None:
            self.raw_headers.append((b"content-disposition", _disposition(filename)))

    async def __call__(self, scope: Scope, receive: body.Receive, send: Send) -> None:
        try:
            parts = self._ranges(Headers(scope=scope))
        except MalformedError as wrong:
            await PlainTextResponse(str(wrong), 400)(scope, receive, send)
            return
        except UnsatisfiableError:
            known = {"Content-Range": f"bytes */{self._content.size}"}
            await PlainTextResponse(status_code=416, headers=known)(scope, receive, send)
            return
        if parts:
            try:
                await self._content.verify()
            except Refusal as refusal:
                await Response(errors.body(refusal), refusal.rest_status, media_type="application/json")(
                    scope, receive, send
                )
                return
        status, headers, pieces = self._answer(parts)
        await send({"type": "http.response.start", "status": status, "headers": [*self.raw_headers, *headers]})
        if scope["method"] == "HEAD" or await _sent(pieces, receive, send):
            await send({"type": "http.response.body", "body": b""})

    def _ranges(self, headers: Headers) -> list[tuple[int, int]]:
        """Returns the ranges to send, none for everything.

        If the bytes have changed since, the client needs all of them.
        """
        header, unless_changed = headers.get("range"), headers.get("if-range")
        if header is None or unless_changed not in (None, self._modified, self._etag):
            return []
        return ranges(header, self._content.size)

    def _answer(self, parts: list[tuple[int, int]]) -> tuple[int, list[tuple[bytes, bytes]], Pieces]:
        size, stream = self._content.size, self._content.stream
        match parts:
            case []:
                return 200, _about(self._media_type, size), stream(0, size)
            case [(start, stop)]:
                place = (b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, size))
                return 206, [*_about(self._media_type, stop - start), place], stream(start, stop)
            case _:
                boundary = token_hex(13)
                heads = [self._head_of_part(boundary, *part) for part in parts]
                end = f"--{boundary}--".encode()
                length = sum(map(len, heads)) + sum(stop - start + 2 for start, stop in parts) + len(end)
                headers = _about(f"multipart/byteranges; boundary={boundary}", length)
                return 206, headers, self._multipart(parts, heads, end)

    def _head_of_part(self, boundary: str, start: int, stop: int) -> bytes:
        place = f"Content-Range: bytes {start}-{stop - 1}/{self._content.size}"
        return f"--{boundary}\r\nContent-Type: {self._media_type}\r\n{place}\r\n\r\n".encode("latin-1")

    async def _multipart(self, parts: list[tuple[int, int]], heads: list[bytes], end: bytes) -> Pieces:
        for head, (start, stop) in zip(heads, parts, strict=True):
            yield head
            async for piece in self._content.stream(start, stop):
                yield piece
            yield b"\r\n"
        yield end


async def _sent(pieces: Pieces, receive: body.Receive, send: Send) -> bool:
    """Everything was sent. Returns False if the client disconnected before."""

    async def send_all() -> None:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    sending, leaving = asyncio.create_task(send_all()), asyncio.create_task(body.gone(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sent = sending.done()
        leaving.cancel()
        sending.cancel()
        await asyncio.wait({sending, leaving})
    if sent:
        sending.result()
    return sent


def _about(media_type: str, length: int) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", media_type.encode("latin-1")), (b"content-length", b"%d" % length)]


def _disposition(filename: str) -> bytes:
    quoted = quote(filename)
    name = f'filename="{filename}"' if quoted == filename else f"filename*=utf-8''{quoted}"
    return f"attachment; {name}".encode("latin-1")
