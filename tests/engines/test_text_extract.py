"""The text of documents: what is read of each type, with its place; and every file, however broken, gets an answer."""

import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.engines import files
from tests.engines.reference import chunk, work

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.text.file_type import type_of_file
from enginehouse_engines import extract
from enginehouse_engines.extraction import archive, section
from enginehouse_engines.extraction.table import rows_as_text
from enginehouse_engines.text import documents

Parts = list[tuple[str, dict[str, Any]]]

TABLE = "id,date,comment,city\n1,2026-01-02,The food was lovely,Bonn\n2,2026-01-03,The soup was cold!,Köln\n"
TABLE_TEXT = "The food was lovely.\n\nThe soup was cold!"
GUESTS = {"rows": [2, 3], "columns": ["Comment"]}
PAGE = (
    "<!doctype html><header><a href=/>Home</a></header><nav>Menu</nav>"
    "<main><h1>News</h1><p>It is warm.</p></main><footer>©</footer>"
)
CUES = "1\n00:00:01,000 --> 00:00:02,000\n<i>Hello</i>\n\n2\n00:00:03,000 --> 00:00:04,000\nthere.\n"
CASES: dict[str, tuple[str, bytes, Parts]] = {
    "pdf": (
        "application/pdf",
        files.pdf("First page.", "", "Third page."),
        [("First page.", {"page": 1}), ("Third page.", {"page": 3})],
    ),
    "docx": (files.DOCX, files.docx(), [("The harbour is old.\n\nIn a cell.\n\nOnce.\n\nA note.", {})]),
    "pptx": (files.PPTX, files.pptx(), [(f"Slide {n}.", {"slide": n}) for n in range(1, 12)]),
    "xlsx": (
        files.XLSX,
        files.xlsx(),
        [
            (
                "Very lovely food here.\n\nAwful cold soup today!",
                {"sheet": "Guests", "rows": [2, 4], "columns": ["Comment"]},
            )
        ],
    ),
    "odt": (files.ODT, files.odt(), [("Title\n\nOne two three.", {})]),
    "odp": (files.ODP, files.odp(), [("Slide 1.", {"slide": 1}), ("Slide 2.", {"slide": 2})]),
    "ods": (
        files.ODS,
        files.ods(),
        [("Very lovely food here.\n\nAwful cold soup today!", {"sheet": "Guests"} | GUESTS)],
    ),
    "html": ("text/html", PAGE.encode(), [("News\n\nIt is warm.", {})]),
    "markdown": (
        "text/markdown",
        b"# Title\n\nSee [it](http://a.b).\n\n```\ncode\n```\n\n|a|b|\n|-|-|\n|1|2|\n",
        [("Title\n\nSee it.", {})],
    ),
    "csv": ("text/csv", TABLE.encode(), [(TABLE_TEXT, {"rows": [2, 3], "columns": ["comment"]})]),
    "csv in latin-1": (
        "text/csv",
        TABLE.replace(",", ";").encode("latin-1"),
        [(TABLE_TEXT, {"rows": [2, 3], "columns": ["comment"]})],
    ),
    "tsv": (
        "text/tab-separated-values",
        TABLE.replace(",", "\t").encode("utf-16"),
        [(TABLE_TEXT, {"rows": [2, 3], "columns": ["comment"]})],
    ),
    "json": (
        "application/json",
        b'[{"id": "a1", "url": "x", "says": "It is warm.", "n": 1}, {"says": "It rains."}]',
        [("It is warm.\n\nIt rains.", {})],
    ),
    "json lines": (
        "application/x-ndjson",
        b'{"says": "It is warm."}\n\n{"says": "It rains.", "by": "Mr X"}\n',
        [("It is warm.\n\nIt rains. Mr X", {"lines": [1, 4]})],
    ),
    "mail": ("message/rfc822", files.mail(), [("Grüße\n\nSchön hier.\r\n\r\nBis bald.", {})]),
    "srt": ("text/srt", CUES.encode(), [("Hello\nthere.", {})]),
    "vtt": ("text/vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello", [("Hello", {})]),
    "utf-8 with a mark": ("text/plain", b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe", [("Grüße", {})]),
    "cp1252": ("text/plain", "“Schöne” Grüße für 5 €".encode("cp1252"), [("“Schöne” Grüße für 5 €", {})]),
}


def read(path: Path, data: bytes, media_type: str) -> Parts:
    outputs = extract.engine.process(work(chunk(path, data, media_type)))
    assert [output.index for output in outputs] == [*range(len(outputs))]
    return [((output.data or b"").decode(), output.metadata) for output in outputs]


@pytest.mark.parametrize(("media_type", "data", "parts"), CASES.values(), ids=CASES)
def test_each_type_is_read_in_its_parts(tmp_path: Path, media_type: str, data: bytes, parts: Parts) -> None:
    assert read(tmp_path / "input", data, media_type) == parts


@pytest.mark.parametrize(("media_type", "data", "parts"), CASES.values(), ids=CASES)
def test_an_engine_that_takes_text_reads_the_same(tmp_path: Path, media_type: str, data: bytes, parts: Parts) -> None:
    [document] = documents(work(chunk(tmp_path / "input", data, media_type)))
    assert document.text == "\n\n".join(text.replace("\r\n", "\n") for text, _ in parts)


@pytest.mark.parametrize("name", ["pdf", "docx", "pptx", "xlsx", "odt", "odp", "ods", "html", "mail", "srt", "vtt"])
def test_what_is_read_is_known_by_its_bytes_alone(tmp_path: Path, name: str) -> None:
    media_type, data, _ = CASES[name]
    (tmp_path / "upload").write_bytes(data)
    assert type_of_file(tmp_path / "upload", "text/plain" if name == "pdf" else "") == media_type


def test_the_sections_of_a_chunk_follow_those_of_the_chunks_before_it(tmp_path: Path) -> None:
    given = chunk(tmp_path / "a", files.pdf("One.", "Two."), "application/pdf", index=3, metadata={"of": "mail"})
    first, second = extract.engine.process(work(given))
    assert (first.index, second.index) == (3 * section.MOST_SECTIONS, 3 * section.MOST_SECTIONS + 1)
    assert second.metadata == {"of": "mail", "page": 2}


DTD = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
ENTITIES = files.archive({"word/document.xml": f"{DTD}<a>&b;&c;</a>"})
DEEP = files.docx("<w:p>" * 1000)


@pytest.mark.parametrize(
    ("media_type", "data", "says"),
    [
        (
            "application/pdf",
            files.pdf("", "", pictures=True),
            "is a scanned PDF: its 2 pages are pictures without text. The engine ocr-rapidocr reads",
        ),
        ("application/pdf", files.pdf("secret", password="x"), "is a PDF that is encrypted with a password."),
        ("application/pdf", b"%PDF-1.7\nnothing", "is a broken PDF: "),
        (files.DOCX, b"PK\3\4nothing", "is a broken DOCX: File is not a zip file."),
        (
            files.DOCX,
            files.archive({"other.xml": "<a/>"}),
            "is a broken DOCX: There is no item named 'word/document.xml' in the archive.",
        ),
        (
            files.DOCX,
            files.archive({"word/document.xml": "<a>"}),
            "is a broken DOCX: no element found: line 1, column 3.",
        ),
        (files.DOCX, ENTITIES, "has an XML document type declaration, which no such document has."),
        (files.DOCX, DEEP, "has more than 200 XML elements in one another."),
        ("message/rfc822", b"\n\nno headers", "is no e-mail message: it has no headers."),
        ("application/json", b"{", "is not JSON: "),
        ("application/json", b"[" * 100_000, "has too many lists and objects in one another."),
        ("text/plain", b"\0\1\2", "is not text: it holds zero bytes"),
        ("application/octet-stream", b"\0\1\2", "is not text: it holds zero bytes"),
        ("image/png", b"\x89PNG", "is image/png; this engine takes text (text/plain"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, media_type: str, data: bytes, says: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        read(tmp_path / "input", data, media_type)
    assert caught.value.message.startswith(f'"input" {says}')
    assert caught.value.kind is FailureKind.INVALID_DATA


def test_an_archive_is_unpacked_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("word/document.xml", "<a>" + " " * (8 << 20) + "</a>")
    with pytest.raises(EngineFailure, match="unpacks to more than 1 MiB"):
        read(tmp_path / "input", (tmp_path / "bomb").read_bytes(), files.DOCX)


def test_a_document_has_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(section, "MOST_SECTIONS", 2)
    with pytest.raises(EngineFailure, match="has more than 2 pages, slides or sheets"):
        read(tmp_path / "input", files.pptx(), files.PPTX)
    monkeypatch.setattr(section, "MOST_CHARACTERS", 5)
    with pytest.raises(EngineFailure, match="has more than 5 characters"):
        read(tmp_path / "input", b"Six and more", "text/plain")
    monkeypatch.setattr(section, "MOST_BYTES", 5)
    with pytest.raises(EngineFailure, match="is larger than 0 MiB"):
        read(tmp_path / "input", b"Six and more", "text/plain")


def test_pages_of_pictures_are_named_beside_those_with_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [text for text, _ in read(tmp_path / "input", files.pdf("Text.", "", pictures=True), "application/pdf")] == [
        "Text."
    ]
    assert capsys.readouterr().out == "warning: pages without text, only pictures: 2\n"


@pytest.mark.parametrize(
    ("rows", "text", "columns"),
    [
        ([["Name", "Note"], ["Ann", "came by train"]], "came by train.", ["Note"]),
        ([["Name", "Age"], ["Ann", "7"], ["Ben", "8"]], "Ann.\n\nBen.", ["Name"]),
        ([["1", "so it is"], ["2", "so it was"]], "so it is.\n\nso it was.", None),  # no names
        (
            [["Text", "Site"], ["See there", "http://a.b/c"], ["", ""], ["And here", ""]],
            "See there.\n\nAnd here.",
            ["Text"],
        ),
        (
            [["A", "B"], ["one two three"], ["one more word", "four five six", "7"]],
            "one two three.\n\none more word. four five six.",
            ["A", "B"],
        ),
    ],
)
def test_the_columns_of_a_table_that_hold_text_are_read(
    rows: list[list[str]], text: str, columns: list[str] | None
) -> None:
    [only] = rows_as_text(rows, {})
    assert only.text == text
    assert only.place.get("columns") == columns


@pytest.mark.parametrize("name", CASES)
def test_every_broken_file_ends_in_an_answer(tmp_path: Path, name: str) -> None:
    """Cut short, bytes changed, and pieces repeated: there is text, or a sentence that says why not."""
    media_type, data, _ = CASES[name]
    chance = random.Random(name)
    for _ in range(40):
        broken = bytearray(data[: chance.randrange(len(data))] if chance.random() < 0.4 else data)
        for _ in range(chance.randrange(1, 12)):
            place = chance.randrange(len(broken) + 1)
            broken[place : place + chance.randrange(4)] = chance.randbytes(chance.randrange(5))
        match answer(tmp_path / "input", bytes(broken), media_type):
            case EngineFailure() as failure:
                assert failure.kind is FailureKind.INVALID_DATA
                assert failure.message.startswith('"input" ')
            case parts:
                assert not any("\0" in text for text, _ in parts)


def answer(path: Path, data: bytes, media_type: str) -> Parts | EngineFailure:
    try:
        return read(path, data, media_type)
    except EngineFailure as failure:
        return failure
