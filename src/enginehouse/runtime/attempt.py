"""What a native engine may reach from inside its attempt: the log, guarded fetching, the target's assets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Lease
from enginehouse.engine import Chunk, EngineFailure, Output
from enginehouse.engines.native.files import save
from enginehouse.engines.native.protocol import Fetched
from enginehouse.operations import artifacts, targets
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.house import House
from enginehouse.outgoing.fetch import OutgoingFailed, Response

LOG_BYTES = 1_048_576


class Fetch(Protocol):
    """GET through the guarded client."""

    def __call__(self, url: str, *, max_bytes: int | None = None) -> AbstractAsyncContextManager[Response]: ...


class AttemptContext:
    """The `NativeContext` of one attempt."""

    def __init__(
        self,
        house: House,
        lease: Lease,
        spec: EngineSpec,
        fetch: Fetch,
        directory: Callable[[], Path],
        log_path: Callable[[], Path],
    ) -> None:
        self._house = house
        self._lease = lease
        self._spec = spec
        self._fetch = fetch
        self._directory = directory
        self._log_path = log_path
        self._logged = 0
        # An attempt acts for the organization of its job, and for nobody in particular.
        self._principal = Principal(lease.organization_id, None, "attempt", Role.USER)

    def log(self, line: str) -> None:
        """The line is in the log with the time before it, for as long as there is room."""
        text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {line}\n".encode("utf-8", "replace")
        if room := LOG_BYTES - self._logged:
            path = self._log_path()
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                self._logged += file.write(text[:room])

    @asynccontextmanager
    async def fetch(self, url: str, *, max_bytes: int | None = None) -> AsyncIterator[Fetched]:
        try:
            async with self._fetch(url, max_bytes=max_bytes) as response:
                yield Fetched(response.media_type, response.name, response.size, response.body)
        except OutgoingFailed as failed:
            raise EngineFailure(failed.message, failed.kind) from failed

    async def _download(self, url: str) -> Chunk:
        """The bytes at the URL as a local file of the attempt."""
        async with self.fetch(url) as fetched:
            path = self._directory() / "download"
            await save(fetched, path)
            return Chunk(path=path, media_type=fetched.media_type, size=path.stat().st_size, name=fetched.name)

    async def primary_asset(self) -> Chunk | None:
        if self._lease.target_id is None:
            return None
        asset = await targets.primary_asset(self._house, self._principal, Ref.of(self._lease.target_id))
        if asset is None:
            return None
        path = None if asset.key is None else self._house.store.local(asset.key)
        if path is not None:
            size = path.stat().st_size
            return Chunk(path=path, media_type=asset.content_type, size=size, name=asset.name or "")
        if asset.uri is None:
            raise EngineFailure(f'Asset "{asset.id}" has no bytes.', FailureKind.INVALID_DATA)
        return await self._download(asset.uri)

    async def create_asset(self, output: Output, *, asset_type: str, as_primary: bool, replay_key: str) -> Asset | None:
        if self._lease.target_id is None:
            return None
        new = AssetRequest(
            target=Ref.of(self._lease.target_id),
            asset_type=asset_type,
            content_type=output.media_type,
            name=output.name,
            source=output.data if output.data is not None else output.path,
            set_as_primary=as_primary,
            job_id=self._lease.key.job_id,
            ordinal=self._lease.key.ordinal,
            engine_id=self._spec.id,
        )
        return await targets.record_asset(self._house, self._lease.organization_id, new, replay_key=replay_key)

    async def artifacts(self) -> tuple[Artifact, ...]:
        return await artifacts.of_job(self._house, self._principal, Ref.of(self._lease.key.job_id))
