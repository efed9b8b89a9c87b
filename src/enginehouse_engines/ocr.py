"""Text in pictures and scans with RapidOCR: finds the paragraphs, their places, and how sure each is."""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from enginehouse.engine import Chunk, Output, Work
from enginehouse_engines.aion import fraction, output
from enginehouse_engines.layout import Line, Paragraph, paragraphs
from enginehouse_engines.spec import chunk_spec
from enginehouse_engines.text import invalid

if TYPE_CHECKING:
    from enginehouse_engines.scan import Picture

ID = "7c9e2f14-6b0d-4a58-93e1-f4d8a25b7c06"
PICTURES = ("image/png", "image/jpeg", "image/tiff", "image/webp", "image/bmp", "image/gif", "image/avif")
_TYPES = (*PICTURES, "application/pdf")


class Ocr:
    """Returns one AION document for each input: an `object` of type text for each paragraph, at its place.

    A page of a PDF that has text is not seen but read. `vendor` says which pages were pictures.
    """

    spec = chunk_spec(
        "ocr",
        engine_id=ID,
        name="Text in pictures (RapidOCR)",
        slug="ocr-rapidocr",
        description=(
            "Reads text in pictures and scanned PDFs: Latin letters, Chinese and Japanese. Good on clean print, with "
            "about one character in a hundred wrong; sometimes it joins two words."
        ),
        category="Text recognition",
        category_id="3b4ac603-9bfa-49d3-96b3-25ca3b502325",
        task_type="ocr",
        memory_mb=4096,
        timeout_seconds=3600,
        inputs=_TYPES,
        formats=_TYPES,
    )

    def process(self, work: Work) -> list[Output]:
        """Returns the text of every input. A picture without text has no objects.

        Raises EngineFailure (invalid_data) for what is no readable picture or PDF.
        """
        if not work.inputs:
            raise invalid(
                "Nothing to read: give payload.url, or a target with a primary asset, that is a picture or PDF."
            )
        return [output(_read(chunk), chunk) for chunk in work.inputs]


def _read(chunk: Chunk) -> dict[str, Any]:
    scan = import_module("enginehouse_engines.scan")
    objects: list[dict[str, Any]] = []
    pictures: list[int] = []
    count = 0
    try:
        for page in scan.pages(chunk.path, chunk.media_type):
            count += 1
            if page.picture is not None:
                pictures.append(page.number)
            found = page.text if page.picture is None else paragraphs(_lines(page.picture))
            objects += [_object(one, page.number, number) for number, one in enumerate(found, 1)]
    except scan.NotPicture as problem:
        raise invalid(f'"{chunk.name or chunk.path.name}" is {chunk.media_type}, and {problem}.') from None
    vendor = {"pages": count, "pictures": pictures}
    return {"validationContracts": ["text"], "object": objects, "vendor": vendor}


def _lines(picture: "Picture") -> list[Line]:
    height, width = picture.shape[:2]
    found = _engine()(picture)
    if not found.txts:
        return []
    return [
        Line(text, float(score), *_box(box.tolist(), width, height))
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
        if text.strip()
    ]


def _box(corners: list[list[float]], width: int, height: int) -> tuple[float, float, float, float]:
    across = [min(max(x / width, 0.0), 1.0) for x, _ in corners]
    down = [min(max(y / height, 0.0), 1.0) for _, y in corners]
    return min(across), min(down), max(across), max(down)


def _object(paragraph: Paragraph, page: int, number: int) -> dict[str, Any]:
    left, top, right, bottom = (round(edge, 4) for edge in paragraph.box)
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return {
        "type": "text",
        "text": paragraph.text,
        "confidence": fraction(paragraph.confidence),
        "page": page,
        "paragraph": number,
        "boundingPoly": [{"x": x, "y": y} for x, y in corners],
    }


@cache
def _engine() -> Any:
    """Returns the reader with the models of its package: nothing is downloaded."""
    return import_module("rapidocr").RapidOCR(params={"Global.log_level": "critical"})


engine = Ocr()
