"""What a native engine implements, and what the server gives it: an engine whose code runs in the server's process."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.engine import Chunk, EngineSpec, Output, Work


class NativeContext(Protocol):
    """What a native engine may reach outside its item."""

    def log(self, line: str) -> None:
        """The line is in the task's log."""

    def fetch(self, url: str, *, max_bytes: int | None = None) -> "AbstractAsyncContextManager[Fetched]":
        """GET through the guarded client. Raises EngineFailure (url_not_allowed, url_not_found, url_timeout …)."""

    async def primary_asset(self) -> Chunk | None:
        """The target's primary asset as a local file, fetched first when it is only a reference."""

    async def create_asset(self, output: Output, *, asset_type: str, as_primary: bool, replay_key: str) -> Asset | None:
        """The target has a new asset with these bytes; None where the job has no target. Once per `replay_key`."""

    async def artifacts(self) -> tuple[Artifact, ...]:
        """Every visible output of the job so far."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response being read: `media_type` without parameters, `name` from the URL or Content-Disposition."""

    media_type: str
    name: str
    size: int | None
    body: AsyncIterator[bytes]


class NativeEngine(Protocol):
    """An engine whose code runs in the server's process."""

    @property
    def spec(self) -> EngineSpec: ...

    async def process(self, work: Work, context: NativeContext) -> list[Output]: ...
