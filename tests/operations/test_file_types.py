"""Bytes that come in without a type get one while they are stored, however they arrive."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from enginehouse.operations.file_types import TypedSource
from enginehouse.text.file_type import HEAD, TAIL

LARGE_XLSX = b"PK\x03\x04" + bytes(HEAD + TAIL) + b"PK\x01\x02xl/workbook.xml" + bytes(40)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def stream(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


def in_file(data: bytes, folder: Path) -> Path:
    (folder / "bytes").write_bytes(data)
    return folder / "bytes"


@pytest.mark.parametrize(
    "source", [lambda data, _: data, in_file, lambda data, _: stream(data)], ids=["bytes", "file", "stream"]
)
@pytest.mark.parametrize(
    ("data", "declared", "name", "media_type"),
    [
        (LARGE_XLSX, "application/octet-stream", None, XLSX),
        (b"a,b\n", "application/octet-stream", "a.csv", "text/csv"),
        (b"%PDF-1.7", "no type", "a.txt", "application/pdf"),
        (b"%PDF-1.7", "text/plain", "a.txt", "text/plain"),  # what the client says is shown as it says it
        (b"\0\1\2", "", "a.txt", "application/octet-stream"),
        (b"", "", None, "application/octet-stream"),
    ],
)
async def test_bytes_without_a_type_get_one(
    tmp_path: Path,
    source: Callable[[bytes, Path], bytes | Path | AsyncIterator[bytes]],
    data: bytes,
    declared: str,
    name: str | None,
    media_type: str,
) -> None:
    typed = TypedSource(source(data, tmp_path), declared, name)
    content = typed.content
    if not isinstance(content, bytes | Path):
        assert b"".join([block async for block in content]) == data
    assert await typed.media_type() == media_type
