"""Where the bytes of outputs, assets and logs are kept."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that are on disk to stay: their key, size and SHA-256 (hex), MD5 (hex)."""

    key: str
    size: int
    sha256: str
    md5: str


class ArtifactStore(Protocol):
    """Bytes under a key. A key is visible only once it is whole: temporary name, fsync, rename, fsync of the folder."""

    async def put(
        self, key: str, source: bytes | Path | AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> Stored:
        """The bytes are durable under `key`. Raises TooLarge past `max_bytes`, Unavailable when the disk is full."""

    async def put_many(self, parts: list[tuple[str, bytes | Path]]) -> list[Stored]:
        """All parts are durable; one thread hop and one fsync of each folder for all of them."""

    def local(self, key: str) -> Path:
        """A local file with the bytes, to hand to an engine or to a response."""

    async def read(self, key: str, *, limit: int | None = None) -> bytes: ...

    async def missing(self, keys: list[str]) -> list[str]:
        """Those of the keys that nothing is under."""

    async def delete(self, keys: list[str]) -> None:
        """Nothing is under these keys any more; unknown ones are passed over."""

    def scratch(self) -> Path:
        """A folder on the same file system, for work that ends in a rename."""
