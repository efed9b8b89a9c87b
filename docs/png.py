"""Makes the picture of a page small: at most 256 colours, each pixel one byte. Nobody sees the difference."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_COLOURS: Final = 256
_BYTES: Final = {2: 3, 6: 4}  # of a pixel, by the type of its colour
_OF_A_PALETTE: Final = 3


def smaller(png: bytes) -> bytes:
    """Returns the picture with a palette, without what only describes it. A picture that has one stays as it is."""
    chunks = list(_chunks(png))
    [header] = [content for kind, content in chunks if kind == b"IHDR"]
    width, height, _, colour = struct.unpack_from(">IIBB", header)
    if colour == _OF_A_PALETTE:
        return png
    packed = b"".join(content for kind, content in chunks if kind == b"IDAT")
    size = _BYTES[colour]
    rows = [
        [row[at : at + 3] for at in range(0, len(row), size)]
        for row in _rows(zlib.decompress(packed), width * size, height, size)
    ]
    counts = Counter(pixel for row in rows for pixel in row)
    palette = [pixel for pixel, _ in counts.most_common(_COLOURS)]
    place = {pixel: _nearest(pixel, palette) for pixel in counts} | {pixel: n for n, pixel in enumerate(palette)}
    pixels = b"".join(b"\0" + bytes(place[pixel] for pixel in row) for row in rows)
    return _SIGNATURE + b"".join((
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _OF_A_PALETTE, 0, 0, 0)),
        _chunk(b"PLTE", b"".join(palette)),
        _chunk(b"IDAT", zlib.compress(pixels, 9)),
        _chunk(b"IEND", b""),
    ))  # fmt: skip


def _nearest(pixel: bytes, palette: list[bytes]) -> int:
    return min(range(len(palette)), key=lambda n: sum((a - b) ** 2 for a, b in zip(pixel, palette[n], strict=True)))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        yield kind, png[at + 8 : at + 8 + length]
        at += 12 + length


def _rows(raw: bytes, stride: int, height: int, size: int) -> Iterator[bytes]:
    """Yields the rows without their filters. Each refers to the pixel on its left, to the row above, or to both."""
    above = bytes(stride)
    for number in range(height):
        start = number * (stride + 1)
        row = bytearray(raw[start + 1 : start + 1 + stride])
        match raw[start]:
            case 1:
                for at in range(size, stride):
                    row[at] = (row[at] + row[at - size]) & 255
            case 2:
                row = bytearray((one + other) & 255 for one, other in zip(row, above, strict=True))
            case 3:
                for at in range(stride):
                    row[at] = (row[at] + ((row[at - size] if at >= size else 0) + above[at]) // 2) & 255
            case 4:
                for at in range(stride):
                    left, corner = (row[at - size], above[at - size]) if at >= size else (0, 0)
                    row[at] = (row[at] + _predicted(left, above[at], corner)) & 255
        above = bytes(row)
        yield above


def _predicted(left: int, up: int, corner: int) -> int:
    """Returns the one of the three that is nearest to left + up - corner."""
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
