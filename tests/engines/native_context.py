"""A small real house around one native engine: a store on disk, the guarded client, a target with assets."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.engine import Chunk, EngineFailure, Folder, FolderMode, FolderType, Output, Work
from enginehouse.engines.native.protocol import Fetched, NativeEngine
from enginehouse.outgoing.fetch import GuardedClient, OutgoingFailed

STREAM_IN = Folder("in", FolderMode.STREAM, FolderType.INPUT)
CHUNK_IN = Folder("in", FolderMode.CHUNK, FolderType.INPUT)
CHUNK_OUT = Folder("out", FolderMode.CHUNK, FolderType.OUTPUT)


@dataclass
class Bench:
    """Runs an engine: inputs go into the store, and outputs are read from the item's directory."""

    store: DiskStore
    client: GuardedClient
    root: Path
    primary: Chunk | None = None
    with_target: bool = True
    assets: dict[str, tuple[Asset, bytes]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    runs: int = 0
    inputs: int = 0

    async def chunk(self, data: bytes | Path, media_type: str, **fields: Any) -> Chunk:
        """Returns an input as the runner opens it: a file of the store."""
        self.inputs += 1
        path = self.store.kept / str(self.inputs)
        size = await asyncio.to_thread(_write, data, path)
        return Chunk(path=path, media_type=media_type, size=size, **fields)

    async def run(
        self, engine: NativeEngine, *inputs: Chunk, payload: Any = None, folders: tuple[Folder, ...] = ()
    ) -> list[Output]:
        self.runs += 1
        directory = self.store.scratch() / str(self.runs)
        directory.mkdir()
        work = Work(
            job_id="23041407_RORjiJw7te",
            task_id="23041407_RORjiJw7tea1b2c",
            organization_id=1,
            target_id=1 if self.with_target else None,
            engine_id=engine.spec.id,
            payload=payload,
            inputs=inputs,
            folders=folders,
            directory=directory,
        )
        outputs = await engine.process(work, self)
        for output in outputs:
            assert (output.data is None) != (output.path is None)
            if output.path is not None:
                assert output.path.resolve().is_relative_to(directory.resolve())
        return outputs

    def log(self, line: str) -> None:
        self.lines.append(line)

    @asynccontextmanager
    async def fetch(self, url: str, *, max_bytes: int | None = None) -> AsyncIterator[Fetched]:
        try:
            async with self.client.fetch(url, max_bytes=max_bytes) as found:
                yield Fetched(found.media_type, found.name, found.size, found.body)
        except OutgoingFailed as failed:
            raise EngineFailure(failed.message, failed.kind) from failed

    async def primary_asset(self) -> Chunk | None:
        return self.primary

    async def create_asset(self, output: Output, *, asset_type: str, as_primary: bool, replay_key: str) -> Asset | None:
        if not self.with_target:
            return None
        if replay_key not in self.assets:
            asset = Asset(
                id=f"1_{len(self.assets)}",
                target_id=1,
                organization_id=1,
                asset_type=asset_type,
                content_type=output.media_type,
                name=output.name,
                description=None,
                uri=None,
                key=None,
                size=len(data(output)),
                sha256=None,
                md5=None,
                is_primary=as_primary,
                job_id=1,
                ordinal=0,
                engine_id=None,
                details=None,
                created_at=0,
                modified_at=0,
            )
            self.assets[replay_key] = (asset, data(output))
        return self.assets[replay_key][0]

    async def artifacts(self) -> tuple[Artifact, ...]:
        return ()


def _write(data: bytes | Path, target: Path) -> int:
    return target.write_bytes(data if isinstance(data, bytes) else data.read_bytes())


@cache
def _tls() -> ssl.SSLContext:
    """Returns one context for all tests: it takes longer to make than most of them."""
    return httpx.create_ssl_context()


@asynccontextmanager
async def bench_at(root: Path) -> AsyncIterator[Bench]:
    store, client = DiskStore(root), GuardedClient(allow_private=True, verify=_tls())
    try:
        yield Bench(store, client, root)
    finally:
        await client.aclose()
        store.close()


def data(output: Output) -> bytes:
    """Returns the bytes of an output."""
    if output.data is not None:
        return output.data
    assert output.path is not None
    return output.path.read_bytes()
