"""Reads the head and the body of a response, within limits of bytes, time, headers and compression."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from email.message import Message
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote

import httpx

from enginehouse.domain.retry import FailureKind
from enginehouse.outgoing.failures import OutgoingFailed, answered, failed, too_large
from enginehouse.text.charset import declared_charset, with_charset

_MAX_HEADERS: Final = 100
_NOTHING_DONE: Final = frozenset({"", "identity", "none", "null", "binary", "8bit", "utf-8", "aws-chunked"})
_RATIO: Final = 100
_FREE: Final = 1 << 20  # bytes; a small text may be compressed by more than the ratio
_PART: Final = 1 << 18


def media_type(header: str | None) -> str:
    """Returns the media type in lower case with its charset and no other parameter.

    Returns application/octet-stream if there is none.
    """
    value = (header or "").partition(";")[0].strip().lower()
    if value.count("/") != 1 or not value.isascii() or not value.isprintable():
        return "application/octet-stream"
    return with_charset(value, declared_charset(header or ""))


def file_name(disposition: str | None, path: str) -> str:
    """Returns a plain file name of at most 200 characters, from Content-Disposition or the URL's path, or ""."""
    for name in (_disposed(disposition), unquote(path)):
        last = PurePosixPath((name or "").replace("\\", "/")).name
        plain = "".join(char for char in last if char.isprintable())[-200:]
        if plain not in ("", ".", ".."):
            return plain
    return ""


def _disposed(header: str | None) -> str | None:
    if header is None:
        return None
    message = Message()
    try:
        message["content-disposition"] = header
        return message.get_filename()
    except (ValueError, LookupError):
        return None


def checked_size(response: httpx.Response, limit: int) -> int | None:
    """Returns the size that an acceptable response declares, None if it declares none. Raises OutgoingFailed."""
    if len(response.headers.raw) > _MAX_HEADERS:
        raise OutgoingFailed(FailureKind.INVALID_DATA, f"url: the answer has more than {_MAX_HEADERS} headers.")
    if not response.is_success or response.status_code in (204, 205):
        raise answered(response)
    encodings = _encodings(response)
    if encodings not in ([], ["gzip"], ["x-gzip"]):
        text = f'url: content encoding "{", ".join(encodings)[:32]}" is not read.'
        raise OutgoingFailed(FailureKind.INVALID_DATA, text)
    length = response.headers.get("content-length", "")
    if encodings or not length.isdecimal():
        return None
    if int(length) > limit:
        raise too_large(limit)
    return int(length)


def _encodings(response: httpx.Response) -> list[str]:
    """Returns what was done to the body. Some servers write down that nothing was, in several words."""
    header = response.headers.get("content-encoding", "").lower()
    return [word for part in header.split(",") if (word := part.strip(" \t\"'")) not in _NOTHING_DONE]


async def read(response: httpx.Response, limit: int, deadline: float) -> AsyncIterator[bytes]:
    """Yields the decoded body in blocks. Raises OutgoingFailed past `limit` bytes or `deadline` (event loop time)."""
    decoder = _Gzip() if _encodings(response) else None
    size = 0
    blocks = response.aiter_raw()
    try:
        while True:
            async with asyncio.timeout_at(deadline):
                block = await anext(blocks, None)
            for part in decoder.parts(block) if decoder else (block or b"",):
                size += len(part)
                if size > limit:
                    raise too_large(limit)
                if part:
                    yield part
            if block is None:
                return
    except TimeoutError:
        raise OutgoingFailed(FailureKind.URL_TIMEOUT, "url: the answer took too long.") from None
    except httpx.TransportError as error:
        raise failed(error) from error
    except ValueError as error:
        raise OutgoingFailed(FailureKind.INVALID_DATA, f"url: {error}.") from None


class _Gzip:
    """Decompresses gzip block by block, in small parts. Raises ValueError if the data is damaged or a bomb."""

    def __init__(self) -> None:
        self._read = self._made = 0
        self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def parts(self, block: bytes | None) -> Iterator[bytes]:
        """Yields the parts that `block` adds. None means that the body has ended."""
        if block is None:
            if self._read and not self._gzip.eof:
                raise ValueError("the compressed answer ended early")
            return
        self._read += len(block)
        while block:
            if self._gzip.eof:  # a gzip file may consist of several, one after the other
                self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            part = self._decompress(block)
            while part:
                self._made += len(part)
                if self._made > _FREE and self._made > self._read * _RATIO:
                    raise ValueError(f"the compressed answer grows more than {_RATIO} times")
                yield part
                # After its end a stream would repeat its last part.
                part = b"" if self._gzip.eof else self._decompress(self._gzip.unconsumed_tail)
            block = self._gzip.unused_data.lstrip(b"\0")

    def _decompress(self, block: bytes) -> bytes:
        try:
            return self._gzip.decompress(block, _PART)
        except zlib.error:
            raise ValueError("the answer is not valid gzip") from None
