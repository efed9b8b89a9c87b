"""What a call to an engine needs of an HTTP client, and how such a call can fail."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from enginehouse.engine import EngineFailure, FailureKind

Content = Callable[[], AsyncIterator[bytes]]
"""Begins the body of a request from the start; a second try needs it again."""


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """The open answer of an engine. `media_type` is None if the engine names none; reading `blocks` may raise Broken.

    `retry_after`: the seconds that the engine asks to wait.
    """

    status: int
    media_type: str | None
    blocks: AsyncIterator[bytes]
    retry_after: float | None = None


class NotReached(Exception):
    """The engine did not take the connection, so it has not seen the request. The text says why, without an address."""


class Broken(Exception):
    """The connection ended early. The engine may have done the work, or a part of it."""


class AddressRefused(Exception):
    """This server does not call the address. Nothing was sent."""


class EngineTrouble(EngineFailure):
    """A failure that says something about the engine itself, not only about this piece of work."""

    def __init__(self, message: str, kind: FailureKind, *, retry_after: float | None = None) -> None:
        super().__init__(message, kind, retry_after=retry_after)


class HttpClient(Protocol):
    """An HTTP client that follows no redirect. `private`: the address may be that of a private machine.

    Both methods raise NotReached, Broken or AddressRefused.
    """

    def get(self, url: str, *, private: bool) -> AbstractAsyncContextManager[CallAnswer]: ...

    def post(
        self, url: str, headers: Mapping[str, str], content: Content, *, private: bool
    ) -> AbstractAsyncContextManager[CallAnswer]: ...
