"""What an engine is handed and what it gives back; the only module an engine author needs.

A Python engine is an entry point in the group `enginehouse.engines` naming an object with two attributes: `spec` (an
`EngineSpec` of kind python) and `process(work) -> list[Output]`, a plain blocking function that runs in a warm child
process of its own. What it prints goes to the task's log. It fails by raising `EngineFailure`, or anything else.

A native engine has the same `spec` and an `async def process(work, context) -> list[Output]` that runs in the server.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.job import Folder
from enginehouse.domain.retry import FailureKind


class EngineFailure(Exception):
    """The engine could not do its work; `kind` says whether trying again may help."""

    def __init__(self, message: str, kind: FailureKind = FailureKind.INTERNAL_ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One input: a local file to read.

    `start_ms`/`stop_ms` place it in its media; `folder` is the input folder's position.
    """

    path: Path
    media_type: str
    size: int
    index: int = 0
    folder: int = 0
    name: str = ""
    start_ms: int | None = None
    stop_ms: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    engine_id: str | None = None  # who made it
    task_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output, bytes or a file the engine wrote below `Work.directory`.

    `index` None takes the next free one: for chunk→chunk the input's own index. `folder` None means every output folder
    of the task, or the job's results when the task has none; `published` puts it among the job's results in any case.
    """

    media_type: str
    data: bytes | None = None
    path: Path | None = None
    name: str | None = None
    index: int | None = None
    folder: int | None = None
    published: bool = False
    start_ms: int | None = None
    stop_ms: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One work item as an engine sees it.

    `directory` is an empty folder of the item's own, removed afterwards. `job_id`/`task_id` are the public spellings.
    """

    job_id: str
    task_id: str
    organization_id: int
    target_id: int | None
    engine_id: str
    payload: Any
    inputs: tuple[Chunk, ...]
    folders: tuple[Folder, ...]
    directory: Path
    attempt: int = 1
    timeout_seconds: int = 1800


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


class PythonEngine(Protocol):
    """An engine whose code runs in a child process."""

    @property
    def spec(self) -> EngineSpec: ...

    def process(self, work: Work) -> list[Output]: ...
