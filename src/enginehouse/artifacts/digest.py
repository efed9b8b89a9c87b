"""Computes the size and the digests of bytes while they pass by, and refuses too many of them."""

import hashlib

from enginehouse.artifacts.store import Stored
from enginehouse.domain.errors import TooLarge


class Digest:
    """The size, the SHA-256 and the MD5 of the blocks that were added."""

    def __init__(self, max_bytes: int | None) -> None:
        self._max_bytes = max_bytes
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0

    def add(self, block: bytes) -> None:
        """The block counts. Raises TooLarge if all blocks together are larger than the limit."""
        self.size += len(block)
        if self._max_bytes is not None and self.size > self._max_bytes:
            raise TooLarge(f"Larger than {self._max_bytes} bytes, the most that is kept here.")
        self._sha256.update(block)
        self._md5.update(block)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def stored(self, key: str) -> Stored:
        return Stored(key=key, size=self.size, sha256=self.sha256, md5=self._md5.hexdigest())
