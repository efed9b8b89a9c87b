"""Where a root task's data comes from: a URL, text in the payload, or the target's primary asset; as a local file."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from enginehouse.engine import Work
from enginehouse.engines.native import media
from enginehouse.engines.native.payload import invalid, text
from enginehouse.engines.native.protocol import Fetched, NativeContext
from enginehouse.engines.threads import in_thread

_BLOCK: Final = 1 << 20
_HEAD: Final = 4096


@dataclass(frozen=True, slots=True)
class Source:
    """A whole stream in a file below the item's directory."""

    path: Path
    media_type: str
    name: str


async def acquire(work: Work, context: NativeContext, payload: dict[str, Any]) -> Source:
    """The data that the payload points at. Raises EngineFailure, invalid_data when nothing does."""
    url, inline = text(payload, "url"), text(payload, "text")
    if url and inline is not None:
        raise invalid("payload: give url or text, not both.")
    target = work.directory / "stream"
    if url:
        context.log(f"reading {_without_query(url)}")
        async with context.fetch(url) as fetched:
            await save(fetched, target)
        return await in_thread(_described, target, fetched.media_type, fetched.name)
    if inline is not None:
        await in_thread(target.write_bytes, inline.encode("utf-8", "replace"))
        return Source(target, "text/plain", "text.txt")
    asset = await context.primary_asset()
    if asset is None:
        raise invalid(
            "payload.url: missing, and the job's target has no primary asset. "
            "Give payload.url or payload.text, or make the target with createTDOWithAsset."
        )
    context.log("reading the target's primary asset")
    await in_thread(borrow, asset.path, target)
    return await in_thread(_described, target, asset.media_type, asset.name)


def borrow(path: Path, target: Path) -> None:
    """The bytes of `path` are also at `target`, without copying where the file system can do that."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


async def save(fetched: Fetched, target: Path) -> None:
    """What is being read is in the file; the event loop waits for no disk."""
    with target.open("wb") as file:
        waiting = bytearray()
        async for block in fetched.body:
            waiting += block
            if len(waiting) >= _BLOCK:
                await in_thread(file.write, bytes(waiting))
                waiting.clear()
        await in_thread(file.write, bytes(waiting))


def _described(path: Path, told: str, name: str) -> Source:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return Source(path, media.recognised(told, name, head), name)


def _without_query(url: str) -> str:
    # Signed URLs carry their secret in the query.
    return url.partition("?")[0]
