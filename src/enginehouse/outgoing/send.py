"""Sends a message to an address of a client, and returns the answer. No redirect is followed."""

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from http.client import responses
from pathlib import Path
from typing import Final

import httpx

from enginehouse.domain.webhooks.retry import Answer
from enginehouse.outgoing.failures import OutgoingFailed, wait_of
from enginehouse.outgoing.fetch import GuardedClient

SECONDS: Final = 15.0  # for the whole attempt
_BLOCK: Final = 1 << 18
_LONGEST_ANSWER: Final = 300  # bytes that are kept for the owner


class Sender:
    """Sends over a guarded client, within limits of time and size."""

    def __init__(self, client: GuardedClient, *, seconds: float = SECONDS) -> None:
        self._client = client
        self._seconds = seconds

    async def send(self, url: str, headers: dict[str, str], body: bytes | Path) -> Answer:
        """Returns the receiver's answer, or why there is none. Only the start of its body is read.

        A body in a file is sent block by block.
        """
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._client.post(url, *_content(headers, body))
                try:
                    return Answer(response.status_code, await _text(response), wait_of(response))
                finally:
                    await response.aclose()
        except TimeoutError:
            return Answer(None, f"There was no answer within {self._seconds:g} s.")
        except OutgoingFailed as failed:
            return Answer(None, _sentence(failed.message))


def _content(headers: dict[str, str], body: bytes | Path) -> tuple[dict[str, str], bytes | AsyncIterator[bytes]]:
    if isinstance(body, bytes):
        return headers, body
    return headers | {"content-length": str(body.stat().st_size)}, _blocks(body)


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block
    finally:
        file.close()


async def _text(response: httpx.Response) -> str:
    said = f"{response.status_code} {responses.get(response.status_code, '')}".rstrip()
    if 300 <= response.status_code < 400:
        return f"{said}: redirects are not followed."
    start = b""
    try:
        async for block in response.aiter_raw():
            start += block
            if len(start) >= _LONGEST_ANSWER:
                break
    except httpx.TransportError:
        pass  # the status is the answer
    text = "".join(c if c.isprintable() else " " for c in start[:_LONGEST_ANSWER].decode("utf-8", "replace")).strip()
    return f"{said}: {text}" if text else said


def _sentence(message: str) -> str:
    text = message.removeprefix("url: ")
    return text[:1].upper() + text[1:]


def url_fault(url: str, *, allow_private: bool) -> str | None:
    """Returns what is wrong with an address to which messages shall be sent; None if it can be used."""
    try:
        _judge(allow_private).refuse(url)
    except OutgoingFailed as refused:
        return refused.message.removeprefix("url: ")
    return None


@cache
def _judge(allow_private: bool) -> GuardedClient:
    return GuardedClient(allow_private=allow_private)
