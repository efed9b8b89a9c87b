"""The text of Word documents, presentations and workbooks (Office Open XML)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from enginehouse_engines.extraction.archive import Archive, open_archive
from enginehouse_engines.extraction.section import Section, paragraphs
from enginehouse_engines.extraction.table import Row, rows_as_text
from enginehouse_engines.extraction.xml import Attributes, Flow, read_xml

_SLIDE: Final = re.compile(r"ppt/slides/slide(\d{1,6})\.xml")
_SPACES: Final = {"tab": " ", "br": " ", "cr": " ", "noBreakHyphen": "-"}
# An AlternateContent holds the same text once more for older programs.
_SKIPPED: Final = frozenset({"Fallback", "instrText", "delText", "rPh"})
_MOST_COLUMNS: Final = 16_384  # of a sheet


def read_docx(path: Path) -> Iterator[Section]:
    """Yields the document's text with its notes, without what was deleted in it."""
    with open_archive(path, "DOCX") as archive:
        lines = []
        for name in ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml"):
            if name in archive.names or name == "word/document.xml":
                flow = Flow({"p"}, words={"t"}, spaces=_SPACES, skipped=_SKIPPED)
                read_xml(archive.blocks(name), flow.start, flow.end, flow.text)
                lines += flow.lines
        yield Section(paragraphs(lines))


def read_pptx(path: Path) -> Iterator[Section]:
    """Yields each slide with its notes."""
    with open_archive(path, "PPTX") as archive:
        found = sorted((int(match[1]), name) for name in archive.names if (match := _SLIDE.fullmatch(name)))
        for number, name in found:
            flow = Flow({"p"}, words={"t"}, spaces=_SPACES, skipped=_SKIPPED)
            read_xml(archive.blocks(name), flow.start, flow.end, flow.text)
            yield Section(paragraphs(flow.lines), {"slide": number})


def read_xlsx(path: Path) -> Iterator[Section]:
    """Yields each sheet, its rows as paragraphs."""
    with open_archive(path, "XLSX") as archive:
        strings = _strings(archive)
        places = _targets(archive)
        for name, relation in _sheets(archive):
            if (place := places.get(relation)) in archive.names and place is not None:
                sheet = _Sheet(strings)
                read_xml(archive.blocks(place), sheet.start, sheet.end, sheet.text)
                yield from rows_as_text(sheet.rows, {"sheet": name})


def _strings(archive: Archive) -> list[str]:
    """Returns the texts that cells share, by their numbers."""
    name = "xl/sharedStrings.xml"
    if name not in archive.names:
        return []
    found: list[str] = []
    parts: list[str] = []
    flow = Flow((), words={"t"}, skipped=_SKIPPED)

    def end(element: str) -> None:
        flow.end(element)
        if element == "si":
            flow.end_line()
            found.append("".join(flow.lines))
            flow.lines.clear()

    read_xml(archive.blocks(name), flow.start, end, flow.text)
    return found + parts


def _sheets(archive: Archive) -> list[tuple[str, str]]:
    """Returns the names of the sheets in their order, with the ids of their relations."""
    found: list[tuple[str, str]] = []

    def start(name: str, attributes: Attributes) -> None:
        if name == "sheet":
            found.append((attributes.get("name", ""), attributes.get("id", "")))

    read_xml(archive.blocks("xl/workbook.xml"), start, lambda name: None, lambda text: None)
    return found


def _targets(archive: Archive) -> dict[str, str]:
    found: dict[str, str] = {}

    def start(name: str, attributes: Attributes) -> None:
        if name == "Relationship" and "Id" in attributes:
            target = attributes.get("Target", "")
            found[attributes["Id"]] = target[1:] if target.startswith("/") else f"xl/{target}"

    read_xml(archive.blocks("xl/_rels/workbook.xml.rels"), start, lambda name: None, lambda text: None)
    return found


class _Sheet:
    """The rows of one sheet."""

    def __init__(self, strings: list[str]) -> None:
        self.rows: list[Row] = []
        self._strings = strings
        self._row: Row = []
        self._kind = ""
        self._column = 0
        self._parts: list[str] = []
        self._in_value = False

    def start(self, name: str, attributes: Attributes) -> None:
        match name:
            case "row":
                self._row = []
            case "c":
                self._kind = attributes.get("t", "n")
                self._column = _column(attributes.get("r", "")) or len(self._row)
                self._parts = []
            case "v" | "t":
                self._in_value = True

    def text(self, text: str) -> None:
        if self._in_value:
            self._parts.append(text)

    def end(self, name: str) -> None:
        match name:
            case "v" | "t":
                self._in_value = False
            case "c" if self._column < _MOST_COLUMNS:
                self._row += [""] * (self._column - len(self._row))
                self._row.append(self._value())
            case "row":
                self.rows.append(self._row)

    def _value(self) -> str:
        value = "".join(self._parts)
        if self._kind != "s":
            return value
        number = int(value) if value.isdecimal() and len(value) < 10 else len(self._strings)
        return self._strings[number] if number < len(self._strings) else ""


def _column(cell: str) -> int:
    """Returns the number of the column in the name of a cell: 27 for AB7, 0 for a name that is none."""
    number = 0
    for letter in cell[:3]:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    return number - 1 if number else 0
