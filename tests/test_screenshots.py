"""The pictures of the documentation: the command takes those that the pages show, and they are there and small."""

import re
import struct
import zlib
from pathlib import Path

import pytest
from docs.screenshots import LARGEST, PICTURES, SHOWN, WIDTH, Picture, smaller

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
    assert sorted(PICTURES.iterdir()) == sorted(taken)


@pytest.mark.parametrize("picture", SHOWN, ids=lambda picture: picture.name)
def test_a_picture_is_there_and_small(picture: Picture) -> None:
    content = picture.file.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert struct.unpack_from(">I", content, 16) == (WIDTH,)
    assert len(content) <= LARGEST
    assert smaller(content) == content, "it was not made by the command"


def test_a_picture_stays_the_same_when_it_becomes_smaller() -> None:
    pixels = bytes(101 * 100)  # a row is a filter and its pixels
    content = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", 100, 100, 8, 0, 0, 0, 0)),
            (b"tEXt", b"made by hand"),
            (b"IDAT", zlib.compress(pixels, 0)),
            (b"IEND", b""),
        )
    )
    made = smaller(b"\x89PNG\r\n\x1a\n" + content)
    assert len(made) < 200
    start = made.index(b"IDAT")
    assert zlib.decompressobj().decompress(made[start + 4 :]) == pixels
    assert b"made by hand" not in made
