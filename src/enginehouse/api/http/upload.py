"""A multipart request: its text parts, and one file, which goes to disk while it arrives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from enginehouse.api.http.json.reader import refuse_nul
from enginehouse.domain.errors import AuthenticationFailed, InvalidInput, TooLarge, excerpt

MAX_TEXTS: Final = 10_000_000  # bytes of all text parts together
_MAX_PARTS: Final = 16
_LONGEST_BOUNDARY: Final = 70  # RFC 2046
_MAX_HEADER: Final = 8 * 1024
_WRITE_AT: Final = 1024 * 1024


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


@dataclass(frozen=True, slots=True)
class FormKind:
    """The parts that a request may have: texts, in the order in which messages name them, and one file."""

    texts: tuple[str, ...]
    file: str


class UnknownPart(InvalidInput):
    """The form has a part that no operation reads."""

    def __init__(self, name: str, kind: FormKind) -> None:
        self.name = name
        super().__init__(f"The part {excerpt(name)} is none of {', '.join((*kind.texts, kind.file))}.")


class TextsTooLarge(TooLarge):
    """The text parts of a form are over their limit. `received` is what had come when reading stopped."""

    def __init__(self, received: int) -> None:
        self.received = received
        super().__init__(f"The text parts of the form are larger than {MAX_TEXTS // 1_000_000} MB.")


class FileTooLarge(TooLarge):
    """The file of a form is over its limit. `received` is what had come when reading stopped."""

    def __init__(self, received: int, allowed: int) -> None:
        self.received, self.allowed = received, allowed
        super().__init__(f"The file is larger than {allowed} bytes ({allowed >> 20} MiB).")


class _Parts:
    """Collects the parts. The parser calls its methods while it reads a chunk of the body."""

    def __init__(self, kind: FormKind, *, takes_files: bool) -> None:
        self._kind, self._takes_files = kind, takes_files
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
            raise InvalidInput(f"The request has more than {_MAX_PARTS} parts.")
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
        if self.name in self._kind.texts:
            if self.name in self.texts:
                raise InvalidInput(f'The part "{self.name}" is given twice.')
            self._text = self.texts[self.name] = bytearray()
        elif self.name == self._kind.file:
            self._begin_file(options.get(b"filename"))
        else:
            raise UnknownPart(self.name, self._kind)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._text is None:
            self.pending += data[start:end]
            return
        self._text += data[start:end]
        if (received := sum(map(len, self.texts.values()))) > MAX_TEXTS:
            raise TextsTooLarge(received)

    def on_end(self) -> None:
        self.ended = True

    def _begin_file(self, file_name: bytes | None) -> None:
        if not self._takes_files:
            raise AuthenticationFailed
        if self.has_file:
            raise InvalidInput("One file may be sent in a request.")
        self.has_file = True
        self.file_name = file_name.decode("utf-8", "replace") if file_name else None
        self.content_type = self._headers.get(b"content-type", b"").decode("latin-1") or None

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > _MAX_HEADER:
            raise InvalidInput("A part's headers are too long.")


async def read_form(
    body: AsyncIterator[bytes], content_type: bytes, folder: Path, kind: FormKind, max_bytes: int | None
) -> Form:
    """Returns the parts of the request. Its file is in `folder` under its own name, and is at most `max_bytes` long.

    `max_bytes` None means that this caller may not send a file: AuthenticationFailed. Raises InvalidInput, and
    FileTooLarge or TextsTooLarge over the limits. Then no file is left.
    """
    parts = _Parts(kind, takes_files=max_bytes is not None)
    upload = Upload(folder / f"upload-{uuid4().hex}", None, None, 0)
    try:
        boundary = _boundary(content_type)
        await _receive(body, boundary, parts, upload, max_bytes=max_bytes or 0)
        texts = _texts(parts)
    except BaseException:
        upload.path.unlink(missing_ok=True)
        raise
    if not parts.has_file:
        return Form(texts)
    upload.name = parts.file_name
    upload.content_type = parts.content_type
    return Form(texts, upload)


def _boundary(content_type: bytes) -> bytes:
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise InvalidInput("Content-Type multipart/form-data needs a boundary.")
    if len(boundary) > _LONGEST_BOUNDARY:
        raise InvalidInput(f"The boundary is too long; at most {_LONGEST_BOUNDARY} characters are allowed.")
    return boundary


async def _receive(
    body: AsyncIterator[bytes], boundary: bytes, parts: _Parts, upload: Upload, *, max_bytes: int
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
            raise InvalidInput(f"The multipart body cannot be read: {error}.") from None
        if (received := upload.size + len(parts.pending)) > max_bytes:
            raise FileTooLarge(received, max_bytes)
        if len(parts.pending) >= _WRITE_AT:
            await _flush(parts, upload)
    if not parts.ended:
        raise InvalidInput("The multipart body ends too early.")
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
        raise InvalidInput(f'The part "{name}" is not UTF-8.')
    # As in a JSON body, NUL is refused, because the database cannot store it.
    refuse_nul(texts)
    return texts
