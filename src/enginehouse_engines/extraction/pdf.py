"""The text of PDF files, page by page."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from enginehouse_engines.extraction.section import MOST_SECTIONS, Section, Unreadable

_SECONDS: Final = 100.0  # for one file; an engine has somewhat longer


def read_pdf(path: Path) -> Iterator[Section]:
    """Yields the pages with text. Raises Unreadable for a scan: pages that are pictures of text."""
    from pypdf import PdfReader  # noqa: PLC0415 -- it takes long, and most inputs are no PDF

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        with path.open("rb") as file:
            reader = PdfReader(file)
            if reader.is_encrypted and not reader.decrypt(""):
                raise Unreadable("is a PDF that is encrypted with a password")
            yield from _pages(reader)
    except (Unreadable, MemoryError):
        raise
    except ImportError as error:
        if error.name in (None, "pypdf"):
            raise
        raise Unreadable(f"is an encrypted PDF, and the package {error.name} to read it is not installed") from None
    except Exception as problem:  # pypdf raises many kinds for broken bytes
        raise Unreadable(f"is a broken PDF: {problem or type(problem).__name__}") from None


def _pages(reader: Any) -> Iterator[Section]:
    """Yields the pages of an open file."""
    pages = len(reader.pages)
    if pages > MOST_SECTIONS:
        raise Unreadable(f"has {pages} pages, at most {MOST_SECTIONS} are read")
    until = time.monotonic() + _SECONDS
    pictures: list[int] = []
    written = 0
    for number, page in enumerate(reader.pages, start=1):
        if time.monotonic() > until:
            raise Unreadable(
                f"is a PDF whose first {number - 1} of {pages} pages took {_SECONDS:g} s, so it is not read"
            )
        text = page.extract_text()
        if any(character.isalnum() for character in text):
            written += 1
            yield Section(text, {"page": number})
        elif _has_picture(page):
            pictures.append(number)
    if pictures and not written:
        many = "its page is a picture" if pages == 1 else f"its {pages} pages are pictures"
        raise Unreadable(
            f"is a scanned PDF: {many} without text. The engine ocr-rapidocr reads text in pictures (OCR; "
            "pip install 'enginehouse[ocr]')"
        )
    if pictures:
        print(f"warning: pages without text, only pictures: {', '.join(map(str, pictures[:50]))}")  # noqa: T201


def _has_picture(page: Any) -> bool:
    resources = page.get("/Resources")
    objects = resources.get_object().get("/XObject") if resources is not None else None
    found = objects.get_object().values() if objects is not None else ()
    return any(one.get_object().get("/Subtype") in ("/Image", "/Form") for one in found)
