"""Where the bytes of outputs, assets and logs are kept. Nobody keeps a path into it: the bytes may be elsewhere."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that are there to stay: their key, size and SHA-256 (hex), MD5 (hex)."""

    key: str
    size: int
    sha256: str
    md5: str


class Stat(NamedTuple):
    """How many bytes are under a key, and when they were last changed (Unix seconds)."""

    size: int
    modified: float


class ArtifactStore(Protocol):
    """Bytes under a key. A key is visible only once it is whole and durable; only a log may grow.

    `place` says where they are, for people.
    """

    @property
    def place(self) -> str: ...

    async def put(
        self, key: str, source: bytes | Path | AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> Stored:
        """The bytes are durable under `key`. Raises TooLarge past `max_bytes`, Unavailable when the disk is full."""

    async def put_many(self, parts: list[tuple[str, bytes | Path]]) -> list[Stored]:
        """All parts are durable, and cost little more than one."""

    async def create(self, key: str, data: bytes) -> bool:
        """The bytes are durable under `key`; False, with nothing changed, where something was there already.

        Of several callers at once, in whatever process, one gets True.
        """

    async def append(self, key: str, offset: int, data: bytes) -> int:
        """The bytes under `key` from `offset` on are `data`; returns where they end. Sent again they are there once.

        For logs: readers see the bytes at once, but a crash of the machine may lose them. At offset 0 the key is made.
        Raises NotFound where it is gone, ValueError where bytes before `offset` are missing.
        """

    def open(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A local file with the bytes, to read inside the context and not after it. Raises NotFound."""

    def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, or to the end. Raises NotFound."""

    async def read(self, key: str, *, limit: int | None = None) -> bytes:
        """The bytes under `key`, the first `limit` of them. Raises NotFound."""

    async def stat(self, key: str) -> Stat:
        """Raises NotFound."""

    async def keys(self, folder: str) -> list[str]:
        """The keys directly in this folder, in order."""

    async def missing(self, keys: list[str]) -> list[str]:
        """Those of the keys that nothing is under."""

    async def delete(self, keys: list[str]) -> None:
        """Nothing is under these keys any more; unknown ones are passed over."""

    def scratch(self) -> Path:
        """A local folder of this process for what is not finished; a file in it can be put at little cost."""


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes under a key as they were when it was looked up; what is appended later is not among them."""

    store: ArtifactStore
    key: str
    size: int
    modified: float

    def stream(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return self.store.stream(self.key, start, self.size if stop is None else stop)


async def content(store: ArtifactStore, key: str) -> Content:
    """What is under the key now. Raises NotFound."""
    return Content(store, key, *await store.stat(key))
