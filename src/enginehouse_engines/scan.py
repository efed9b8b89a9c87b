"""The pages of pictures and PDF files: as pictures to look at, or as text where a page has it."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enginehouse.text.media_types import bare
from enginehouse_engines.layout import Paragraph
from enginehouse_engines.prose import paragraphs

Picture = NDArray[np.uint8]

MOST_PAGES = 2000
MOST_PIXELS = 100_000_000
_DOTS_PER_INCH = 200
_LONGEST_SIDE = 5000  # of a page of a PDF, in dots


class NotPicture(ValueError):
    """The file cannot be looked at. The message says why."""


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """A page: a picture of it, or the paragraphs of a PDF that has its text."""

    number: int
    picture: Picture | None = None
    text: tuple[Paragraph, ...] = ()


def pages(path: Path, media_type: str) -> Iterator[ScannedPage]:
    """Yields the pages in order. Raises NotPicture."""
    return _of_pdf(path) if bare(media_type) == "application/pdf" else _of_picture(path)


def _of_picture(path: Path) -> Iterator[ScannedPage]:
    image: Any = import_module("PIL.Image")
    ops = import_module("PIL.ImageOps")
    image.MAX_IMAGE_PIXELS = MOST_PIXELS
    sequence = import_module("PIL.ImageSequence")
    try:
        with warnings.catch_warnings(), image.open(path) as opened:
            warnings.simplefilter("error", image.DecompressionBombWarning)
            is_film = opened.format in ("GIF", "WEBP", "PNG", "AVIF")  # their further frames are movements, no pages
            for number, frame in enumerate(sequence.Iterator(opened), 1):
                if number > MOST_PAGES:
                    raise NotPicture(f"it has more than {MOST_PAGES} pages")
                yield ScannedPage(number, _colours(ops.exif_transpose(frame)))
                if is_film:
                    break
    except NotPicture:
        raise
    except (image.DecompressionBombWarning, image.DecompressionBombError):
        raise NotPicture(f"it has more than {MOST_PIXELS // 1_000_000} million dots") from None
    except (OSError, SyntaxError, ValueError) as problem:
        raise NotPicture(f"it cannot be read: {str(problem).partition(' <')[0] or type(problem).__name__}") from None


def _colours(frame: Any) -> Picture:
    """Returns the picture on white paper, in the order of colours that the reader of text expects."""
    if "A" in frame.getbands() or "transparency" in frame.info:
        image = import_module("PIL.Image")
        seen = frame.convert("RGBA")
        paper = image.new("RGBA", seen.size, "white")
        paper.alpha_composite(seen)
        frame = paper
    return np.ascontiguousarray(np.asarray(frame.convert("RGB"))[:, :, ::-1])


def _of_pdf(path: Path) -> Iterator[ScannedPage]:
    pdfium = import_module("pypdfium2")
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as problem:
        raise NotPicture(f"it cannot be read: {problem}") from None
    try:
        if len(document) > MOST_PAGES:
            raise NotPicture(f"it has {len(document)} pages, at most {MOST_PAGES} are read")
        for number, page in enumerate(document, 1):
            text = page.get_textpage().get_text_range()
            if any(character.isalnum() for character in text):
                plain = text.replace("\r\n", "\n").replace("\ufffe", "")
                yield ScannedPage(number, text=tuple(Paragraph(one, 1.0) for one in paragraphs(plain)))
            else:
                yield ScannedPage(number, _rendered(page))
            page.close()
    except pdfium.PdfiumError as problem:
        raise NotPicture(f"it is broken: {problem}") from None
    finally:
        document.close()


def _rendered(page: Any) -> Picture:
    scale = min(_DOTS_PER_INCH / 72, _LONGEST_SIDE / max(*page.get_size(), 1.0))
    picture: Picture = page.render(scale=scale, may_draw_forms=False).to_numpy()
    return np.ascontiguousarray(picture[:, :, :3] if picture.ndim == 3 and picture.shape[2] > 1 else picture)
