"""Reads a result that an engine sends as a form: its fields are texts, and each of its files is one output."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from enginehouse.domain.artifact import is_media_type
from enginehouse.engines.http import messages
from enginehouse.engines.http.exchange import Exchange
from enginehouse.engines.http.messages import BadMessage

_MOST_PARTS: Final = 1_000
_LARGEST_FIELD: Final = 64 << 20  # bytes of all fields together; one of them may be the output itself
_LONGEST_HEADER: Final = 8 << 10
_LONGEST_BOUNDARY: Final = 70  # RFC 2046


async def take(blocks: AsyncIterator[bytes], content_type: str, exchange: Exchange) -> None:
    """Every file of the form is an output of the exchange, and so is the field `output`. Raises BadMessage, TooMuch.

    Nothing is added before the form has ended, so a form that breaks off adds nothing.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary or len(boundary) > _LONGEST_BOUNDARY:
        raise BadMessage(f"Content-Type: multipart/form-data needs a boundary of 1–{_LONGEST_BOUNDARY} characters.")
    parts = _FormParts(exchange)
    parser = MultipartParser(boundary, parts.calls())  # type: ignore[arg-type]
    try:
        async for block in blocks:
            exchange.take_room(len(block))
            try:
                parser.write(block)
            except MultipartParseError as fault:
                raise BadMessage(f"The form cannot be read: {fault}.") from None
        if not parts.ended:
            raise BadMessage("The form ends too early.")
        _add(parts, exchange)
    except BaseException:
        parts.discard()
        raise


def _add(parts: "_FormParts", exchange: Exchange) -> None:
    fields = {name: bytes(value).decode("utf-8", "replace") for name, value in parts.fields.items()}
    described = messages.result(fields)
    output = fields.get("output")
    if not parts.files and not output:
        raise BadMessage("The form must have a file, or the field output.")
    for _, media_type, _ in parts.files:
        if not is_media_type(media_type):
            raise BadMessage(f"A file has the content type {media_type[:100]!a}, which is none.")
    if output:
        exchange.add(described, "application/json", output.encode())
    for path, media_type, name in parts.files:
        exchange.add(described, media_type, path, name)


class _FormParts:
    """Collects the parts. The parser calls its methods while it reads a block; files are written at once."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.fields: dict[str, bytearray] = {}
        self.files: list[tuple[Path, str, str | None]] = []
        self.ended = False
        self._count = 0
        self._field_bytes = 0
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._field = bytearray()
        self._file: BinaryIO | None = None

    def calls(self) -> dict[str, object]:
        """Returns what the parser calls."""
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_header,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_data,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def discard(self) -> None:
        """No file of the form is left."""
        self._end_part()
        for path, _, _ in self.files:
            path.unlink(missing_ok=True)

    def _begin_part(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise BadMessage(f"A form has at most {_MOST_PARTS} parts.")
        self._headers = {}

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > _LONGEST_HEADER:
            raise BadMessage("The headers of a part are too long.")

    def _end_header(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _begin_data(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            self._field = self.fields[name] = bytearray()
            return
        path = self._exchange.new_file()
        media_type = self._headers.get(b"content-type", b"").decode("latin-1").strip() or "application/octet-stream"
        self._file = path.open("wb")
        self.files.append((path, media_type, options[b"filename"].decode("utf-8", "replace") or None))

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._field_bytes += end - start
        if self._field_bytes > _LARGEST_FIELD:
            raise BadMessage(f"The fields of a form have at most {_LARGEST_FIELD} bytes together.")
        self._field += data[start:end]

    def _end_part(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _end(self) -> None:
        self.ended = True
