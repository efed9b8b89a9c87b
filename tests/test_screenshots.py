"""The pictures of the documentation: the command takes those that the pages show, and they are there and small."""

import random
import re
import struct
import zlib
from pathlib import Path

import pytest
from docs.png import smaller
from docs.screenshots import LARGEST, PICTURES, SHOWN, WIDTH, Picture

ROOT = Path(__file__).parent.parent
_PICTURE = re.compile(r"!\[([^]]*)\]\(([^)\s]+)\)")


def shown(page: Path) -> list[Path]:
    """Returns the pictures on a page. Each has words for whoever does not see it."""
    found = _PICTURE.findall(page.read_text())
    assert all(len(words) > 5 for words, _ in found)
    return [(page.parent / place).resolve() for _, place in found]


def test_the_command_takes_the_pictures_that_the_pages_show() -> None:
    taken = [picture.file for picture in SHOWN]
    assert sorted(shown(ROOT / "docs/how-to/use-the-pages.md")) == sorted(taken)
    assert shown(ROOT / "README.md") == [PICTURES / "overview.png"]
    assert sorted(PICTURES.glob("*.png")) == sorted(taken)


@pytest.mark.parametrize("picture", SHOWN, ids=lambda picture: picture.name)
def test_a_picture_is_there_and_small(picture: Picture) -> None:
    content = picture.file.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert struct.unpack_from(">I", content, 16) == (WIDTH,)
    assert len(content) <= LARGEST
    assert smaller(content) == content, "it was not made by the command"


def written(pixels: list[list[tuple[int, int, int]]], how: int) -> bytes:
    """Returns a picture whose rows have this filter."""
    raw, above = b"", bytes(3 * len(pixels[0]))
    for row in pixels:
        flat = bytes(value for pixel in row for value in pixel)
        left = bytes(3) + flat[:-3]
        corner = bytes(3) + above[:-3]
        match how:
            case 1:
                expected = left
            case 2:
                expected = above
            case 3:
                expected = bytes((a + b) // 2 for a, b in zip(left, above, strict=True))
            case 4:
                expected = bytes(
                    min((a, b, c), key=lambda each: abs(a + b - c - each))
                    for a, b, c in zip(left, above, corner, strict=True)
                )
            case _:
                expected = bytes(len(flat))
        raw += bytes([how]) + bytes((value - guess) & 255 for value, guess in zip(flat, expected, strict=True))
        above = flat
    header = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"tEXt", b"made by hand"), (b"IDAT", zlib.compress(raw, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def read(png: bytes) -> list[list[tuple[int, ...]]]:
    """Returns the pixels of a picture with a palette and without filters."""
    width, height = struct.unpack_from(">II", png, 16)
    palette = png[png.index(b"PLTE") + 4 :]
    raw = zlib.decompressobj().decompress(png[png.index(b"IDAT") + 4 :])
    rows = [raw[n * (width + 1) + 1 : (n + 1) * (width + 1)] for n in range(height)]
    return [[tuple(palette[3 * n : 3 * n + 3]) for n in row] for row in rows]


@pytest.mark.parametrize("how", range(5))
def test_a_picture_of_few_colours_stays_the_same_when_it_becomes_smaller(how: int) -> None:
    chance = random.Random(how)
    colours = [(chance.randrange(256), chance.randrange(256), chance.randrange(256)) for _ in range(200)]
    pixels = [[chance.choice(colours) for _ in range(40)] for _ in range(30)]
    made = smaller(written(pixels, how))
    assert read(made) == pixels
    assert b"made by hand" not in made
    assert smaller(made) == made


def test_a_rare_colour_becomes_the_nearest_one() -> None:
    pixels = [[(n, n, n) for n in range(256)], [(n, n, n) for n in range(256)], [(7, 7, 8)] + [(9, 9, 9)] * 255]
    assert read(smaller(written(pixels, 0)))[2][0] == (7, 7, 7)
