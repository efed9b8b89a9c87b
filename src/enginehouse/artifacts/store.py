"""The store for the bytes of outputs, assets and logs. Nobody keeps a path into it: the bytes may be elsewhere."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """Durable bytes: their key, size, SHA-256 (hex) and MD5 (hex)."""

    key: str
    size: int
    sha256: str
    md5: str


class Stat(NamedTuple):
    """The number of bytes under a key, and the time of their last change (Unix seconds)."""

    size: int
    modified: float


class Listed(NamedTuple):
    """A key and the number of its bytes."""

    key: str
    size: int


class ArtifactStore(Protocol):
    """Bytes under a key. A key becomes visible only when it is whole and durable. Only a log may grow.

    `place` tells people where the bytes are. `logs_are_local`: other processes than the one that appends to a log see
    it as it was some seconds ago, until it is complete. Every verb raises StoreUnavailable if the store is elsewhere
    and does not answer.
    """

    @property
    def place(self) -> str: ...

    @property
    def logs_are_local(self) -> bool: ...

    async def put(
        self, key: str, source: bytes | Path | AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> Stored:
        """The bytes are durable under `key`. Raises TooLarge past `max_bytes`, Unavailable when the disk is full."""

    async def put_many(self, parts: list[tuple[str, bytes | Path]]) -> list[Stored]:
        """All parts are durable. Many cost little more than one."""

    async def create(self, key: str, data: bytes) -> bool:
        """The bytes are durable under `key`. Returns False, and changes nothing, if something was there already.

        Of several concurrent callers with different bytes, in any process, exactly one gets True.
        """

    async def append(self, key: str, offset: int, data: bytes) -> int:
        """The bytes under `key` from `offset` on are `data`. Returns where they end. A repeated call changes nothing.

        For logs: readers see the bytes at once, but a crash of the machine may lose them. At offset 0 the key is
        created. Raises NotFound if the key is gone, ValueError if bytes before `offset` are missing.
        """

    async def complete(self, key: str) -> None:
        """Nothing is appended to the log any more, and soon every process sees it. An unknown key is ignored."""

    async def flush(self) -> bool:
        """Complete logs that wait on this machine are in the store. Returns True if more of them wait."""

    async def show_logs(self) -> None:
        """Every process reads the logs that grow, at most some seconds old."""

    async def address(self, key: str, seconds: int) -> str | None:
        """Returns a URL from which anybody reads the bytes for so long; None if there is none. It is a secret."""

    async def upload_address(self, key: str, seconds: int) -> str | None:
        """Returns a URL to which anybody may PUT the bytes for so long; None if there is none. It is a secret."""

    def open(self, key: str) -> AbstractAsyncContextManager[Path]:
        """Yields a local file with the bytes. Read it only inside the context. Raises NotFound."""

    def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yields the bytes from `start` up to `stop`, or to the end. Raises NotFound."""

    async def read(self, key: str, *, limit: int | None = None) -> bytes:
        """Returns the bytes under `key`, at most the first `limit`. Raises NotFound."""

    async def stat(self, key: str) -> Stat:
        """Returns the size of the bytes and the time of their last change. Raises NotFound."""

    async def keys(self, folder: str) -> list[str]:
        """Returns the keys directly in this folder, in order."""

    def walk(self) -> AsyncIterator[list[Listed]]:
        """Yields all keys with their sizes, in pages."""

    async def missing(self, keys: list[str]) -> list[str]:
        """Returns the keys that have no bytes."""

    async def delete(self, keys: list[str]) -> None:
        """These keys are gone. Unknown keys are ignored."""

    def scratch(self) -> Path:
        """Returns a local folder for unfinished files of this process. To `put` a file from it costs little."""


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes that a key had when it was looked up, without later appends."""

    store: ArtifactStore
    key: str
    size: int
    modified: float

    def stream(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return self.store.stream(self.key, start, self.size if stop is None else stop)

    async def verify(self) -> None:
        """A part of the bytes may be sent. Raises IntegrityError if the bytes differ from those that were stored."""


async def content(store: ArtifactStore, key: str) -> Content:
    """Returns the content under the key now. Raises NotFound."""
    return Content(store, key, *await store.stat(key))
