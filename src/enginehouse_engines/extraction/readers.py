"""The reader of each media type. This is the one list of documents whose text can be read."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from enginehouse.text.captions import CAPTIONS, caption_text
from enginehouse.text.charset import NotText, decode
from enginehouse.text.media_types import bare
from enginehouse.text.page import html_text
from enginehouse_engines.extraction.json import read_json, read_lines
from enginehouse_engines.extraction.mail import read_mail
from enginehouse_engines.extraction.office import read_docx, read_pptx, read_xlsx
from enginehouse_engines.extraction.opendocument import read_opendocument
from enginehouse_engines.extraction.pdf import read_pdf
from enginehouse_engines.extraction.section import Reader, Section, Unreadable, bounded, read_whole
from enginehouse_engines.extraction.table import read_csv
from enginehouse_engines.markup import from_markdown

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_OPEN: Final = "application/vnd.oasis.opendocument."
_BINARY: Final[dict[str, Reader]] = {
    "application/pdf": read_pdf,
    f"{_OFFICE}wordprocessingml.document": read_docx,
    f"{_OFFICE}presentationml.presentation": read_pptx,
    f"{_OFFICE}spreadsheetml.sheet": read_xlsx,
    f"{_OPEN}text": read_opendocument,
    f"{_OPEN}presentation": read_opendocument,
    f"{_OPEN}spreadsheet": read_opendocument,
    "message/rfc822": read_mail,
}
_WRITTEN: Final[dict[str, Callable[[Path, str], Iterator[Section]]]] = {
    "text/csv": read_csv,
    "text/tab-separated-values": read_csv,
    "application/json": read_json,
    "application/x-ndjson": read_lines,
}
DOCUMENTS: Final = (*_BINARY, *_WRITTEN)
"""The media types, besides those that begin with `text/`."""


def is_readable(media_type: str) -> bool:
    """Returns True if text can be read from files of this type."""
    kind = bare(media_type)
    return kind.startswith("text/") or kind.endswith("+json") or kind in DOCUMENTS


def sections(path: Path, media_type: str) -> Iterator[Section]:
    """Yields the parts of a document with their text. Raises Unreadable, which says what is wrong with the file."""
    kind = bare(media_type)
    try:
        if (reader := _BINARY.get(kind)) is not None:
            yield from bounded(reader(path))
        elif (written := _WRITTEN.get(kind) or (read_json if kind.endswith("+json") else None)) is not None:
            yield from bounded(written(path, media_type))
        else:
            yield from bounded([Section(_prose(decode(read_whole(path), media_type), kind))])
    except NotText as problem:
        raise Unreadable(f"is not text: {problem}") from None
    except RecursionError:
        raise Unreadable("has too many parts in one another") from None


def _prose(text: str, kind: str) -> str:
    if kind == "text/markdown":
        return from_markdown(text)
    if kind == "text/html":
        return html_text(text)
    return caption_text(text) if kind in CAPTIONS else text
