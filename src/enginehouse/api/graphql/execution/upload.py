"""A multipart request: its text parts, and one file, which goes to disk while it arrives (graphql-contract §1.2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from graphql import GraphQLError
from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from enginehouse.api.graphql.execution.rejection import (
    MAX_JSON_BYTES,
    RejectedError,
    file_too_large,
    json_too_large,
)
from enginehouse.api.http.json.reader import refuse_nul
from enginehouse.domain.errors import AuthenticationFailed, InvalidInput, excerpt

_MAX_PARTS: Final = 16
_LONGEST_BOUNDARY: Final = 70  # RFC 2046
_MAX_HEADER: Final = 8 * 1024
_WRITE_AT: Final = 1024 * 1024
_TEXT_PARTS: Final = frozenset({"query", "variables", "operationName", "filename"})


@dataclass(slots=True)
class Upload:
    """The file of a multipart request: its path here, the client's name for it, and its size."""

    path: Path
    name: str | None
    content_type: str | None
    size: int
    taken: bool = False


@dataclass(slots=True)
class Form:
    """The parts of a multipart request."""

    texts: dict[str, str]
    upload: Upload | None = None

    def discard(self) -> None:
        """The uploaded file is gone. If an operation has put it into the store, it stays there."""
        if self.upload is not None:
            self.upload.path.unlink(missing_ok=True)


class _Parts:
    """Collects the parts. The parser calls its methods while it reads a chunk of the body."""

    def __init__(self, *, takes_files: bool) -> None:
        self._takes_files = takes_files
        self.count = 0
        self.name = ""
        self.file_name: str | None = None
        self.content_type: str | None = None
        self.texts: dict[str, bytearray] = {}
        self.has_file = False
        self.pending = bytearray()
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._text: bytearray | None = None
        self.ended = False

    def on_part_begin(self) -> None:
        self.count += 1
        if self.count > _MAX_PARTS:
            raise RejectedError.because(f"The request has more than {_MAX_PARTS} parts.")
        self._headers = {}

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self.name = options.get(b"name", b"").decode("utf-8", "replace")
        self._text = None
        if self.name in _TEXT_PARTS:
            if self.name in self.texts:
                raise RejectedError.because(f'The part "{self.name}" is given twice.')
            self._text = self.texts[self.name] = bytearray()
        elif self.name == "file":
            self._begin_file(options.get(b"filename"))
        elif self.name in {"operations", "map"}:
            message = "Send the parts query, variables and file; the parts operations and map are another protocol's."
            raise RejectedError.because(message)
        else:
            raise RejectedError.because(
                f"The part {excerpt(self.name)} is none of query, variables, operationName, filename, file."
            )

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._text is None:
            self.pending += data[start:end]
            return
        self._text += data[start:end]
        if sum(map(len, self.texts.values())) > MAX_JSON_BYTES:
            raise json_too_large(None, sum(map(len, self.texts.values())))

    def on_end(self) -> None:
        self.ended = True

    def _begin_file(self, file_name: bytes | None) -> None:
        if not self._takes_files:
            unknown = AuthenticationFailed()
            raise RejectedError([GraphQLError(unknown.message, original_error=unknown)], status=200)
        if self.has_file:
            raise RejectedError.because("One file may be sent in a request.")
        self.has_file = True
        self.file_name = file_name.decode("utf-8", "replace") if file_name else None
        self.content_type = self._headers.get(b"content-type", b"").decode("latin-1") or None

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > _MAX_HEADER:
            raise RejectedError.because("A part's headers are too long.")


async def read_form(
    body: AsyncIterator[bytes], content_type: bytes, folder: Path, max_bytes: int | None, declared: str | None
) -> Form:
    """Returns the parts of the request. Its file is in `folder` under its own name, and is at most `max_bytes` long.

    `max_bytes` None means that this caller may not send a file. Raises RejectedError: 413 for a file or texts over
    their limits, else 400. Then no file is left.
    """
    parts = _Parts(takes_files=max_bytes is not None)
    upload = Upload(folder / f"upload-{uuid4().hex}", None, None, 0)
    try:
        boundary = _boundary(content_type)
        await _receive(body, boundary, parts, upload, max_bytes=max_bytes or 0, declared=declared)
        texts = _texts(parts)
    except BaseException:
        upload.path.unlink(missing_ok=True)
        raise
    if not parts.has_file:
        return Form(texts)
    upload.name = texts.get("filename") or parts.file_name
    upload.content_type = parts.content_type
    return Form(texts, upload)


def _boundary(content_type: bytes) -> bytes:
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise RejectedError.because("Content-Type multipart/form-data needs a boundary.")
    if len(boundary) > _LONGEST_BOUNDARY:
        raise RejectedError.because(f"The boundary is too long; at most {_LONGEST_BOUNDARY} characters are allowed.")
    return boundary


async def _receive(
    body: AsyncIterator[bytes], boundary: bytes, parts: _Parts, upload: Upload, *, max_bytes: int, declared: str | None
) -> None:
    calls = {
        "on_part_begin": parts.on_part_begin,
        "on_part_data": parts.on_part_data,
        "on_header_field": parts.on_header_field,
        "on_header_value": parts.on_header_value,
        "on_header_end": parts.on_header_end,
        "on_headers_finished": parts.on_headers_finished,
        "on_end": parts.on_end,
    }
    parser = MultipartParser(boundary, calls)  # type: ignore[arg-type]
    async for chunk in body:
        try:
            parser.write(chunk)
        except MultipartParseError as error:
            raise RejectedError.because(f"The multipart body cannot be read: {error}.") from None
        if upload.size + len(parts.pending) > max_bytes:
            raise file_too_large(declared, upload.size + len(parts.pending), max_bytes)
        if len(parts.pending) >= _WRITE_AT:
            await _flush(parts, upload)
    if not parts.ended:
        raise RejectedError.because("The multipart body ends too early.")
    if parts.has_file:
        await _flush(parts, upload)


async def _flush(parts: _Parts, upload: Upload) -> None:
    data, parts.pending = bytes(parts.pending), bytearray()
    await asyncio.to_thread(_append, upload.path, data)
    upload.size += len(data)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _texts(parts: _Parts) -> dict[str, str]:
    texts = {}
    for name, raw in parts.texts.items():
        with suppress(UnicodeDecodeError):
            texts[name] = raw.decode()
            continue
        raise RejectedError.because(f'The part "{name}" is not UTF-8.')
    # As in a JSON body, NUL is refused, because the database cannot store it.
    try:
        refuse_nul(texts)
    except InvalidInput as refused:
        raise RejectedError.because(refused.message) from None
    return texts
