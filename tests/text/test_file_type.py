"""What a file is: its bytes count first, then the declared type, then its name; and nothing binary is ever text."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enginehouse.text.charset import NotText, decode
from enginehouse.text.file_type import HEAD, TAIL, file_type, is_text, type_of_file
from enginehouse.text.media_types import is_written

OCTETS = "application/octet-stream"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0"
MP3 = b"\xff\xfb\x90\x64\0\0\0\3Info" + bytes(40)
EML = b"Received: from a\n\tby b\nFrom: a@b.example\nDate: Mon, 30 Nov 2026 00:00:00 +0000\nSubject: Hi\n\nHello.\n"


def archive(*names: str, filling: int = 0) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        if "content.xml" in names:
            file.writestr("mimetype", ODT)
        file.writestr("docProps/filling", bytes(filling))
        for name in names:
            file.writestr(name, "<x/>")
    return written.getvalue()


@pytest.mark.parametrize(
    ("told", "name", "head", "found"),
    [
        # The bytes prove it, whatever else is said.
        ("text/plain", "a.txt", b"%PDF-1.7\n", "application/pdf"),
        ("text/plain; charset=utf-8", "notes.txt", PNG, "image/png"),
        ("image/jpeg", "a.jpg", PNG, "image/png"),
        (OCTETS, "a.txt", b"RIFF1234WAVEfmt ", "audio/wav"),
        (OCTETS, "", b"RIFF1234AVI LIST", "video/x-msvideo"),
        (OCTETS, "", b"RIFF1234WEBPVP8 ", "image/webp"),
        ("text/html", "", MP4, "video/mp4"),
        ("", "", b"\0\0\0\x20ftypM4A \0\0\2\0", "audio/mp4"),
        ("", "", b"\0\0\0\x20ftypqt  \0\0\2\0", "video/quicktime"),
        ("", "", b"\0\0\0\x20ftypavif\0\0\2\0", "image/avif"),
        ("", "", b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\x82\x84webmB\x87", "video/webm"),
        ("", "", b"\x1aE\xdf\xa3\xa3B\x86\x81\1B\x82\x88matroskaB\x87", "video/x-matroska"),
        ("", "", b"FORM\0\0\0\0AIFCCOMM", "audio/aiff"),
        ("", "", b"OggS\0\2" + bytes(20), "audio/ogg"),
        ("", "", b"fLaC\0\0\0\x22", "audio/flac"),
        ("text/plain", "", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "application/x-ole-storage"),
        ("", "", archive("word/document.xml"), DOCX),
        (OCTETS, "", archive("xl/workbook.xml"), XLSX),
        ("application/zip", "a.zip", archive("content.xml"), ODT),
        (DOCX, "a.docx", archive("readme"), DOCX),  # nothing in it says more than the client does
        ("text/plain", "a.txt", archive("readme"), "application/zip"),
        # They are of a family, and the declared type or the name says which member.
        ("audio/mp4", "", MP4, "audio/mp4"),
        (OCTETS, "a.weba", b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\x82\x84webm", "audio/webm"),
        ("application/msword", "", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
        ("", "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/vnd.ms-excel"),
        # Too short for a proof, but not text, so it is what it looks like.
        ("", "", MP3, "audio/mpeg"),
        ("text/plain", "", MP3, "audio/mpeg"),
        ("", "", b"\xff\xf1\x50\x80\2\x1f\xfc" + bytes(20), "audio/aac"),
        ("", "", b"ID3\4\0\0\0\0\0\x23TSSE\0\0\0\x0f\0\0\3", "audio/mpeg"),
        ("", "", b"G\x40\0\x10" + bytes(184) + b"G\x40", "video/mp2t"),
        ("", "", b"BM\x9a\0\0\0\0\0\0\0\x36\0\0\0", "image/bmp"),
        ("", "", b"\0\0\0\1\xff" + b"%PDF-1.4", "application/pdf"),
        # Binary of no known kind is what is declared, if that is no text.
        ("audio/L16", "", b"\0\1\0\2\xff\xfe", "audio/l16"),
        ("text/plain", "a.txt", b"\0\1\2\3", OCTETS),
        ("application/json", "", b"\0\1\2\3", OCTETS),
        (OCTETS, "a", b"\xff\xfe\xfd", OCTETS),
        ("", "a.mp3", b"\xff\xfb\x90", "audio/mpeg"),
        # Text begins like binary here and there.
        ("", "", b"BMW builds cars.", "text/plain"),
        ("", "", b"ID3 tags are in MP3 files.", "text/plain"),
        ("", "", b"BZhang wrote this.", "text/plain"),
        ("", "", b"The mark of a PDF is %PDF-.", "text/plain"),
        # Text is never a picture, sound or archive.
        ("image/png", "a.png", b"hello", "text/plain"),
        ("audio/mpeg", "", b"<html><body>404</body></html>", "text/html"),
        ("application/pdf", "a.pdf", b"<!DOCTYPE html><p>Log in first.", "text/html"),
        (DOCX, "", b"hello", "text/plain"),
        ("image/svg+xml", "", b"<svg/>", "image/svg+xml"),
        # Between written types the more specific one counts.
        ("text/html", "a.txt", b"<p>", "text/html"),
        ("text/html; charset=latin-1", "", b"\xfc", "text/html; charset=latin-1"),
        ("text/plain", "notes.md", b"# a", "text/markdown"),
        ("text/plain", "table.csv", b"a,b\n1,2\n", "text/csv"),
        ("text/plain", "page.html", b"a", "text/html"),
        (OCTETS, "a.MD", b"# a", "text/markdown"),
        ("", "", b"\n<!-- x --><!doctype HTML>", "text/html"),
        ("text/plain", "", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi", "text/vtt"),
        ("", "", b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHi", "text/srt"),
        ("", "", b'{"a": [1]}', "application/json"),
        ("", "", b'[{"a": 1}]', "application/json"),
        ("", "", b'{"a": 1}\n{"a": 2}\n', "application/x-ndjson"),
        ("", "", b"[1] A footnote.", "text/plain"),
        ("", "", EML, "message/rfc822"),
        ("", "", b"Note: one\nDear: two\n", "text/plain"),
        ("", "", b"{\\rtf1 a}", "application/rtf"),
        ("text/vnd.own", "a.md", b"a", "text/vnd.own"),
        ("application/vnd.own", "", b"a", "application/vnd.own"),
        ("binary/octet-stream", "a", "tichý přístav".encode(), "text/plain"),
        ("binary/octet-stream", "a", ("x" + "ř" * 4000).encode()[:4096], "text/plain"),
        ("", "", "grüne Bäume".encode("utf-16"), "text/plain"),
        # Nothing is in it.
        ("audio/x-wav", "", b"", "audio/wav"),
        ("audio/wave; codec=1", "", b"", "audio/wav"),
        ("text/plain", "a.md", b"", "text/markdown"),
        (OCTETS, "a", b"", OCTETS),
        ("", "a.pdf", b"", "application/pdf"),
    ],
)  # fmt: skip
def test_the_bytes_count_then_the_declared_type_then_the_name(told: str, name: str, head: bytes, found: str) -> None:
    assert file_type(head[:HEAD], told, name, tail=head[-TAIL:]) == found


def test_the_names_at_the_end_of_a_large_archive_count(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(archive("xl/workbook.xml", filling=HEAD * 10))
    assert type_of_file(path) == XLSX
    assert file_type(path.read_bytes()[:HEAD]) == "application/zip"  # the beginning alone does not tell


NAMES = ["", "a.txt", "a.md", "a.csv", "a.json", "a.eml", "a.pdf", "a.wav"]
TYPES = ["", OCTETS, "text/plain", "text/html; charset=utf-8", "application/json", "application/xml", "text/csv"]
BINARY = [
    PNG, MP4, MP3, b"%PDF-1.7", archive("word/document.xml"), b"\x1f\x8b\x08\0", b"\x7fELF\2\1\1", b"fLaC\0\0",
    b"OggS\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"SQLite format 3\0", b"RIFF\0\0\0\0WAVEfmt ", b"\0asm\1\0\0\0",
    b"",
]  # fmt: skip


@given(st.sampled_from(BINARY), st.binary(max_size=400), st.sampled_from(TYPES), st.sampled_from(NAMES))
@example(b"", b"MZ\x90\0\3\0\0\0\4", "text/plain", "a.txt")
def test_nothing_that_is_not_text_is_of_a_written_type(mark: bytes, rest: bytes, told: str, name: str) -> None:
    head = mark + rest
    kind = file_type(head, told, name)
    if mark:
        assert not is_written(kind)
        assert not is_text(head)
    elif head and is_written(kind):
        decode(head, kind)  # else it raises NotText


@given(st.binary(min_size=64, max_size=2000).filter(lambda data: len(set(data)) > 40 and b"\0" in data))
def test_bytes_with_zeros_are_text_only_if_all_of_them_decode(data: bytes) -> None:
    try:
        text = decode(data)
    except NotText:
        assert not is_written(file_type(data, "text/plain", "a.txt"))
    else:
        assert "\0" not in text
