"""Text in pictures and scans is found, with its packages in an environment of its own. Pillow draws what is read."""

import subprocess
from typing import Any

import pytest
from tests.engines import extras, files
from tests.engines.aion import problems

from enginehouse_engines.layout import Line, paragraphs

DRAW = """
import sys
from pathlib import Path
from PIL import Image, ImageDraw, ImageFont
folder = Path(sys.argv[1])
def page(*lines, size=(600, 420)):
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for across, down, text in lines:
        pen.text((across, down), text, fill="black", font=ImageFont.load_default(26))
    return image
first, second = (30, 20, "The engine house keeps its pumps in"), (30, 54, "order, day and night.")
prose = page(first, second, (30, 160, "Nobody admires it."))
prose.save(folder / "prose.png")
two = page((30, 20, "Left hand"), (30, 54, "side."), (400, 20, "Right hand"), (400, 54, "side."))
two.copy().save(folder / "scan.pdf", resolution=100, save_all=True, append_images=[prose.copy()])
two.copy().save(folder / "fax.tiff", save_all=True, append_images=[prose.copy()])
page(size=(400, 400)).save(folder / "blank.jpg")
clear = Image.new("RGBA", (500, 200), (0, 0, 0, 0))
ImageDraw.Draw(clear).text((30, 30), "Black letters on nothing", fill=(0, 0, 0, 255), font=ImageFont.load_default(26))
clear.save(folder / "clear.png")
turned = prose.transpose(Image.Transpose.ROTATE_90)
tag = turned.getexif()
tag[0x0112] = 6
turned.save(folder / "phone.jpg", exif=tag)
Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
"""

TYPES = {
    "prose.png": "image/png",
    "clear.png": "image/png",
    "phone.jpg": "image/jpeg",
    "blank.jpg": "image/jpeg",
    "fax.tiff": "image/tiff",
    "scan.pdf": "application/pdf",
    "mixed.pdf": "application/pdf",
    "bomb.png": "image/png",
    "broken.png": "image/png",
    "broken.pdf": "application/pdf",
    "locked.pdf": "application/pdf",
}
PROSE = ["The engine house keeps its pumps in order, day and night.", "Nobody admires it."]
SIDES = ["Left hand side.", "Right hand side."]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("ocr")
    subprocess.run([extras.python(), "-c", DRAW, folder], check=True)
    (folder / "mixed.pdf").write_bytes(files.pdf("Written, not drawn.", "", pictures=True))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing")
    (folder / "locked.pdf").write_bytes(files.pdf("secret", password="x"))
    works: dict[str, Any] = {
        name: ([{"path": str(folder / name), "media_type": kind, "name": name}], None) for name, kind in TYPES.items()
    }
    return extras.call("ocr", works | {"nothing": ([], None)}, folder)


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("prose.png", [(1, one) for one in PROSE]),
        ("phone.jpg", [(1, one) for one in PROSE]),
        ("clear.png", [(1, "Black letters on nothing")]),
        ("blank.jpg", []),
        ("fax.tiff", [*((1, one) for one in SIDES), *((2, one) for one in PROSE)]),
        ("scan.pdf", [*((1, one) for one in SIDES), *((2, one) for one in PROSE)]),
        ("mixed.pdf", [(1, "Written, not drawn.")]),
    ],
)
def test_the_paragraphs_of_each_page_are_read(answers: dict[str, Any], name: str, texts: list[tuple[int, str]]) -> None:
    [document] = answers[name]
    assert problems(document, "text") == []
    assert [(item["page"], item["text"]) for item in document["object"]] == texts
    assert all(item["confidence"] > 0.8 for item in document["object"])


def test_a_paragraph_has_its_place_on_the_page(answers: dict[str, Any]) -> None:
    first, second = answers["prose.png"][0]["object"]
    across, down = zip(*((point["x"], point["y"]) for point in first["boundingPoly"]), strict=True)
    assert 0.01 < min(across) < 0.06
    assert 0.02 < min(down) < 0.1
    assert 0.15 < max(down) < 0.25
    assert second["boundingPoly"][0]["y"] > 0.33


def test_it_says_which_pages_it_has_looked_at(answers: dict[str, Any]) -> None:
    assert answers["scan.pdf"][0]["vendor"] == {"pages": 2, "pictures": [1, 2]}
    assert answers["mixed.pdf"][0]["vendor"] == {"pages": 2, "pictures": [2]}


REFUSALS = {
    "bomb.png": '"bomb.png" is image/png, and it has more than 100 million dots.',
    "broken.png": '"broken.png" is image/png, and it cannot be read: ',
    "broken.pdf": '"broken.pdf" is application/pdf, and it cannot be read: ',
    "locked.pdf": '"locked.pdf" is application/pdf, and it cannot be read: ',
    "nothing": "Nothing to read: give payload.url, or a target with a primary asset, that is a picture or PDF.",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_read_says_why(answers: dict[str, Any], name: str) -> None:
    assert answers[name]["kind"] == "invalid_data"
    assert answers[name]["message"].startswith(REFUSALS[name])


@pytest.mark.parametrize(
    ("lines", "texts"),
    [
        ([("one", 0.1, 0.1), ("two", 0.1, 0.14)], ["one two"]),
        ([("one", 0.1, 0.1), ("two", 0.1, 0.2)], ["one", "two"]),  # a gap
        ([("left", 0.1, 0.1), ("right", 0.6, 0.1)], ["left", "right"]),
        ([("right", 0.6, 0.099), ("left", 0.1, 0.1)], ["left", "right"]),
        ([("near", 0.1, 0.1), ("by", 0.42, 0.1)], ["near by"]),
        ([("by", 0.42, 0.101), ("near", 0.1, 0.1)], ["near by"]),
        ([("ma-", 0.1, 0.1), ("chine", 0.1, 0.14)], ["machine"]),
        ([("co-", 0.1, 0.1), ("Owner", 0.1, 0.14)], ["co- Owner"]),
        ([("Title", 0.1, 0.05, 0.08), ("one", 0.1, 0.14)], ["Title", "one"]),
    ],
)
def test_lines_become_paragraphs(lines: list[tuple[Any, ...]], texts: list[str]) -> None:
    seen = [
        Line(text, 0.9, left, top, left + 0.3, top + (more[0] if more else 0.03)) for text, left, top, *more in lines
    ]
    assert [one.text for one in paragraphs(seen)] == texts
