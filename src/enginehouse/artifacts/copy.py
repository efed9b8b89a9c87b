"""Copies everything from one store to another. What is there already is left, so a copy goes on where it stopped."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from enginehouse.artifacts.store import ArtifactStore, Listed
from enginehouse.domain.errors import NotFound

_AT_ONCE: Final = 8  # keys
_NAMED: Final = 20


@dataclass(slots=True)
class CopyReport:
    """How far a copy is: the keys and bytes that were looked at and copied, and the first keys that are wrong."""

    keys: int = 0
    bytes: int = 0
    copied: int = 0
    copied_bytes: int = 0
    gone: int = 0  # deleted while they were copied
    wrong: list[str] = field(default_factory=list)
    wrong_keys: int = 0

    def find(self, key: str) -> None:
        """The bytes under the key are not those of the source."""
        self.wrong_keys += 1
        if len(self.wrong) < _NAMED:
            self.wrong.append(key)


async def copy(
    source: ArtifactStore,
    target: ArtifactStore,
    *,
    besides: Collection[str],
    verify: bool = False,
    tell: Callable[[CopyReport], None] = lambda report: None,
) -> CopyReport:
    """Every key of the source but `besides` is in the target, durable, and was read there again and compared.

    A key with the same size in the target counts as copied; with `verify` its bytes are compared too. `tell` is called
    after every page of keys.
    """
    report = CopyReport()
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def one(listed: Listed) -> None:
        async with at_once:
            await _copy_one(source, target, listed, report, verify=verify)

    async for page in source.walk():
        async with asyncio.TaskGroup() as group:
            for listed in page:
                if listed.key not in besides:
                    group.create_task(one(listed))
        tell(report)
    return report


async def compare(source: ArtifactStore, target: ArtifactStore, *, besides: Collection[str]) -> CopyReport:
    """Returns which keys of the source but `besides` the target has not, or with another size."""
    report = CopyReport()
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def one(listed: Listed) -> None:
        async with at_once:
            report.keys += 1
            report.bytes += listed.size
            if await _size(target, listed.key) != listed.size:
                report.find(listed.key)

    async for page in source.walk():
        async with asyncio.TaskGroup() as group:
            for listed in page:
                if listed.key not in besides:
                    group.create_task(one(listed))
    return report


async def _copy_one(
    source: ArtifactStore, target: ArtifactStore, listed: Listed, report: CopyReport, *, verify: bool
) -> None:
    report.keys += 1
    report.bytes += listed.size
    try:
        if await _size(target, listed.key) == listed.size and not (
            verify and await _differs(source, target, listed.key)
        ):
            return
        stored = await target.put(listed.key, source.stream(listed.key))
    except NotFound:
        report.gone += 1
        return
    if await _sha256(target.stream(listed.key)) != stored.sha256:
        report.find(listed.key)
    report.copied += 1
    report.copied_bytes += stored.size


async def _differs(source: ArtifactStore, target: ArtifactStore, key: str) -> bool:
    return await _sha256(source.stream(key)) != await _sha256(target.stream(key))


async def _size(store: ArtifactStore, key: str) -> int | None:
    try:
        return (await store.stat(key)).size
    except NotFound:
        return None


async def _sha256(blocks: AsyncIterator[bytes]) -> str:
    digest = hashlib.sha256()
    async for block in blocks:
        await asyncio.to_thread(digest.update, block)
    return digest.hexdigest()
