"""The text of documents, presentations and spreadsheets in OpenDocument."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from enginehouse_engines.extraction.archive import open_archive
from enginehouse_engines.extraction.section import MOST_SECTIONS, Section, Unreadable, paragraphs
from enginehouse_engines.extraction.table import Row, rows_as_text
from enginehouse_engines.extraction.xml import Attributes, Flow, read_xml

_SPACES: Final = {"s": " ", "tab": " ", "line-break": " "}
_SKIPPED: Final = frozenset({"annotation", "tracked-changes", "settings", "forms"})
_MOST_REPEATS: Final = 1_000  # of one cell; editors repeat an empty one to the end of the sheet


def read_opendocument(path: Path) -> Iterator[Section]:
    """Yields the document's text; each slide or each sheet by itself."""
    with open_archive(path, "OpenDocument file") as archive:
        content = _Content()
        read_xml(archive.blocks("content.xml"), content.start, content.end, content.text)
        yield from content.sections
        yield Section(paragraphs(content.flow.lines))


class _Content:
    def __init__(self) -> None:
        self.flow = Flow({"p", "h"}, words=(), spaces=_SPACES, skipped=_SKIPPED)
        self.sections: list[Section] = []
        self._in_words = 0
        self._slides = 0
        self._rows: list[Row] = []
        self._sheet = ""
        self._is_spreadsheet = False
        self._repeats = 1

    def start(self, name: str, attributes: Attributes) -> None:
        self.flow.start(name, attributes)
        self._in_words += name in ("p", "h")
        match name:
            case "spreadsheet":
                self._is_spreadsheet = True
            case "page":
                self.flow.lines.clear()
            case "table" if self._is_spreadsheet:
                self._sheet, self._rows = attributes.get("name", ""), []
            case "table-row" if self._is_spreadsheet:
                self._rows.append([])
            case "table-cell" | "covered-table-cell" if self._is_spreadsheet:
                self.flow.lines.clear()
                told = attributes.get("number-columns-repeated", "1")
                self._repeats = min(int(told), _MOST_REPEATS) if told.isdecimal() and len(told) < 8 else 1

    def text(self, text: str) -> None:
        if self._in_words:
            self.flow.text(text)

    def end(self, name: str) -> None:
        self.flow.end(name)
        self._in_words -= name in ("p", "h")
        match name:
            case "page":
                self._slides += 1
                self._add([Section(paragraphs(self.flow.lines), {"slide": self._slides})])
                self.flow.lines.clear()
            case "table-cell" | "covered-table-cell" if self._is_spreadsheet and self._rows:
                value = " ".join(self.flow.lines)
                self._rows[-1] += [value] * (self._repeats if value else 1)
                self.flow.lines.clear()
            case "table" if self._is_spreadsheet:
                self._add([*rows_as_text(self._rows, {"sheet": self._sheet})])

    def _add(self, sections: list[Section]) -> None:
        self.sections += sections
        if len(self.sections) > MOST_SECTIONS:
            raise Unreadable(f"has more than {MOST_SECTIONS} slides or sheets, which is the most that is read")
