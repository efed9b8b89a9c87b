"""The type of bytes that come in without one: decided while they are stored."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from enginehouse.domain.artifact import is_media_type
from enginehouse.text.file_type import HEAD, TAIL, file_type, type_of_file
from enginehouse.text.media_types import OCTETS, UNSPECIFIC, bare


class TypedSource:
    """The source of bytes to store. Afterwards `media_type` is the declared type, or what the bytes are.

    A declared type that says something stays as its client wrote it. Whoever reads the bytes decides again.
    """

    def __init__(self, source: bytes | Path | AsyncIterator[bytes], declared: str, name: str | None = None) -> None:
        self._source = source
        self._declared = declared
        self._name = name or ""
        self._head = self._tail = b""

    @property
    def content(self) -> bytes | Path | AsyncIterator[bytes]:
        """The source, to be stored once."""
        if isinstance(self._source, bytes | Path):
            return self._source
        return self._seen(self._source)

    async def media_type(self) -> str:
        """Returns the type, after the bytes were stored."""
        if is_media_type(self._declared) and bare(self._declared) not in UNSPECIFIC:
            return self._declared
        if isinstance(self._source, Path):
            return await asyncio.to_thread(type_of_file, self._source, OCTETS, self._name)
        if isinstance(self._source, bytes):
            return file_type(self._source[:HEAD], OCTETS, self._name, tail=self._source[-TAIL:])
        return file_type(self._head, OCTETS, self._name, tail=self._tail)

    async def _seen(self, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for block in source:
            if len(self._head) < HEAD:
                self._head += block[: HEAD - len(self._head)]
            self._tail = block[-TAIL:] if len(block) >= TAIL else (self._tail + block)[-TAIL:]
            yield block
