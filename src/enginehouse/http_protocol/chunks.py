"""Finds the end of a chunked body, and bounds what it holds beside its data: sizes, extensions, trailers."""

import re
from typing import Final

from enginehouse.http_protocol.limits import ConnectionLimits
from enginehouse.http_protocol.refusal import RefusedRequestError

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_LONGEST_SIZE: Final = 15
_AVERAGE: Final = 64  # bytes of data in a chunk, beyond the first chunks


class ChunkScanner:
    """Where the chunked body of one request stands. Bytes come in pieces of any size."""

    __slots__ = ("_chunks", "_data", "_in_trailers", "_left", "_limits", "_trailer_bytes", "ended")

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._left = 0  # bytes of the current chunk with its line end
        self._chunks = 0
        self._data = 0
        self._in_trailers = False
        self._trailer_bytes = 0
        self.ended = False

    def consume(self, piece: bytes) -> int:
        """Returns how many bytes of the piece belong to the body and were understood.

        The rest must come again at the beginning of the next piece; if `ended`, it belongs to the next request.
        Raises RefusedRequestError.
        """
        at, end = 0, len(piece)
        while at < end and not self.ended:
            if self._left:
                step = min(self._left, end - at)
                self._left -= step
                at += step
                continue
            after = self._trailer(piece, at) if self._in_trailers else self._size(piece, at)
            if after == at:
                break
            at = after
        return at

    def _size(self, piece: bytes, at: int) -> int:
        limits = self._limits
        line = _SIZE.match(piece, at)
        if line is None:
            partial = len(piece) - at
            if piece.find(b"\n", at) >= 0 or partial > _LONGEST_SIZE + limits.chunk_extension_bytes + 2:
                raise RefusedRequestError(400, "The body is not chunked as HTTP says: a size is malformed or too long.")
            return at
        if line[2] is not None and len(line[2]) > limits.chunk_extension_bytes:
            text = f"The extension of a chunk is too long; at most {limits.chunk_extension_bytes} bytes are allowed."
            raise RefusedRequestError(400, text)
        size = int(line[1], 16)
        self._chunks += 1
        self._data += size
        if self._chunks > limits.small_chunks + self._data // _AVERAGE:
            raise RefusedRequestError(400, "The body has too many small chunks.")
        self._in_trailers = size == 0
        self._left = size + 2 if size else 0
        return line.end()

    def _trailer(self, piece: bytes, at: int) -> int:
        """Returns the place after one line of the trailers, or the same place if the line has not ended."""
        end = piece.find(b"\r\n", at)
        step = (len(piece) if end < 0 else end + 2) - at
        if self._trailer_bytes + step > self._limits.head_bytes:
            allowed = f"at most {self._limits.head_bytes} bytes are allowed"
            raise RefusedRequestError(431, f"The trailers of the request are too large; {allowed}.")
        if end < 0:
            return at
        self._trailer_bytes += step
        self.ended = end == at
        return end + 2
