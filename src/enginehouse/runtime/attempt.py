"""One attempt at an item: its folder, its log, its open files, and the context of its native engine."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Protocol, Self

from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.domain.engine import EngineKind, EngineSpec
from enginehouse.domain.ids import job_graphql, task_graphql
from enginehouse.domain.job import TaskPlan
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Lease
from enginehouse.engine import Chunk, EngineFailure, Output, Work
from enginehouse.engines.native.files import save
from enginehouse.engines.native.protocol import Fetched
from enginehouse.engines.threads import run_to_end
from enginehouse.outgoing.fetch import OutgoingFailed, Response
from enginehouse.runtime.attempt_log import AttemptLog
from enginehouse.runtime.download_quota import DownloadQuota
from enginehouse.runtime.source import WorkSource

_NO_FOLDER = Path("/nonexistent")


class Fetch(Protocol):
    """GET through the guarded client."""

    def __call__(self, url: str, *, max_bytes: int | None = None) -> AbstractAsyncContextManager[Response]: ...


class AttemptRun:
    """A context manager. After it the log is complete, the files are closed, and the folder is gone.

    The attempt creates its own folder below `folder` when something needs it.
    """

    def __init__(
        self,
        source: WorkSource,
        lease: Lease,
        spec: EngineSpec,
        *,
        folder: Path,
        fetch: Fetch,
        downloads: DownloadQuota | None = None,
    ) -> None:
        self.source = source
        self.lease = lease
        self.spec = spec
        self.fetch = fetch
        self.downloads = downloads or DownloadQuota()
        self.timeout_seconds = self.task.timeout_seconds or spec.timeout_seconds
        self._log: AttemptLog | None = None  # most attempts have none
        self._folder = folder
        self._made = False
        self._may_have_files = False  # a child may have brought the engine's files here
        self._open: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        # Most attempts of native engines have nothing to close, and another asyncio task is not cheap.
        if self._open is not None or self._has_files() or not (self._log is None or self._log.is_complete):
            await run_to_end(self._close())

    @property
    def log(self) -> AttemptLog:
        """What the engine says. It is complete when the attempt ends."""
        if self._log is None:
            self._log = AttemptLog(partial(self.source.log, self.lease), partial(self.source.end_log, self.lease))
        return self._log

    @property
    def context(self) -> "AttemptContext":
        """The context of a native engine. If the attempt kept it, only the collector of cycles could free both."""
        return AttemptContext(self)

    @property
    def task(self) -> TaskPlan:
        return self.lease.plan.tasks[self.lease.key.ordinal]

    @property
    def _directory(self) -> Path:
        key = self.lease.key
        return self._folder / f"{key.job_id}-{key.ordinal}-{key.item}-{self.lease.token}"

    def work(self, inputs: Sequence[Chunk]) -> Work:
        """Returns the item in the form that its engine gets."""
        lease = self.lease
        return Work(
            job_id=job_graphql(lease.key.job_id),
            task_id=task_graphql(lease.key.job_id, lease.key.ordinal),
            organization_id=lease.organization_id,
            target_id=lease.target_id,
            engine_id=self.spec.id,
            payload=self.task.payload,
            inputs=tuple(inputs),
            folders=self.task.folders,
            directory=self._directory_for(inputs),
            attempt=lease.attempt,
            timeout_seconds=self.timeout_seconds,
        )

    def directory(self) -> Path:
        """Returns the attempt's own folder. The first call creates it."""
        if not self._made:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._made = True
        return self._directory

    async def open(self, stored: Artifact | Asset) -> Path:
        """Returns a local file with the bytes, which exists until the attempt ends. Raises NotFound."""
        if self._open is None:
            self._open = AsyncExitStack()
        return await self._open.enter_async_context(self.source.open(self.lease, stored))

    def _directory_for(self, inputs: Sequence[Chunk]) -> Path:
        """Returns the folder for the engine's files. A child makes it for the files that its engine returns."""
        if self.spec.kind is EngineKind.PYTHON:
            self._may_have_files = True
            return self._directory
        if self.spec.kind is EngineKind.NATIVE and not inputs and not self.spec.outputs:
            return _NO_FOLDER  # it writes no files
        return self.directory()

    def has_no_outputs(self) -> None:
        """The engine has returned nothing, so no child has made the folder."""
        self._may_have_files = False

    def _has_files(self) -> bool:
        return self._made or (self._may_have_files and self._directory.exists())

    async def _close(self) -> None:
        if self._log is not None:
            await self._log.close()
        if self._open is not None:
            await self._open.aclose()
        if self._has_files():
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)


class AttemptContext:
    """The `NativeContext` of one attempt."""

    def __init__(self, attempt: AttemptRun) -> None:
        self._attempt = attempt

    def log(self, line: str) -> None:
        self._attempt.log.line(line)

    @asynccontextmanager
    async def fetch(self, url: str, *, max_bytes: int | None = None) -> AsyncIterator[Fetched]:
        try:
            async with self._attempt.fetch(url, max_bytes=max_bytes) as response:
                body = self._attempt.downloads.metered(self._attempt.lease.organization_id, response.body)
                yield Fetched(response.media_type, response.name, response.size, body)
        except OutgoingFailed as failed:
            raise EngineFailure(
                failed.message, failed.kind, is_final=failed.is_final, retry_after=failed.retry_after
            ) from failed

    async def primary_asset(self) -> Chunk | None:
        asset = await self._attempt.source.primary_asset(self._attempt.lease)
        if asset is None:
            return None
        if asset.key is not None:
            path = await self._attempt.open(asset)
            size = path.stat().st_size
            return Chunk(path=path, media_type=asset.content_type, size=size, name=asset.name or "")
        if asset.uri is None:
            raise EngineFailure(f'Asset "{asset.id}" has no bytes.', FailureKind.INVALID_DATA)
        return await self._download(asset.uri)

    async def create_asset(self, output: Output, *, asset_type: str, as_primary: bool, replay_key: str) -> Asset | None:
        return await self._attempt.source.create_asset(
            self._attempt.lease, output, asset_type=asset_type, as_primary=as_primary, replay_key=replay_key
        )

    async def artifacts(self) -> tuple[Artifact, ...]:
        return await self._attempt.source.artifacts(self._attempt.lease)

    async def _download(self, url: str) -> Chunk:
        """Returns the bytes at the URL as a local file of the attempt."""
        async with self.fetch(url) as fetched:
            path = self._attempt.directory() / "download"
            await save(fetched, path)
            return Chunk(path=path, media_type=fetched.media_type, size=path.stat().st_size, name=fetched.name)
