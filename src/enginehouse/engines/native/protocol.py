"""The interface of a native engine, whose code runs in the server's process, and of the context that it gets."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.engine import Chunk, EngineSpec, Output, Work


class NativeContext(Protocol):
    """The access of a native engine to things outside its item."""

    def log(self, line: str) -> None:
        """The line is in the task's log."""

    def fetch(self, url: str, *, max_bytes: int | None = None) -> "AbstractAsyncContextManager[Fetched]":
        """Yields the response to a GET of the guarded client.

        Raises EngineFailure (url_not_allowed, url_not_found …).
        """

    async def primary_asset(self) -> Chunk | None:
        """Returns the target's primary asset as a local file. If it is only a reference, it is fetched first."""

    async def create_asset(self, output: Output, *, asset_type: str, as_primary: bool, replay_key: str) -> Asset | None:
        """The target has a new asset with these bytes, once per `replay_key`. Returns None if the job has no target."""

    async def artifacts(self) -> tuple[Artifact, ...]:
        """Returns every visible output of the job so far."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An open response: `media_type` with its charset at most, `name` from the URL or Content-Disposition."""

    media_type: str
    name: str
    size: int | None
    body: AsyncIterator[bytes]


class NativeEngine(Protocol):
    """An engine whose code runs in the server's process."""

    @property
    def spec(self) -> EngineSpec: ...

    async def process(self, work: Work, context: NativeContext) -> list[Output]: ...
