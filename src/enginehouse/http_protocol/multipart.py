"""A multipart form that is read while it arrives: its text parts, and one file, whose bytes are taken as they come."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from enginehouse.domain.errors import AuthenticationFailed, InvalidInput, TooLarge, excerpt

MAX_TEXTS: Final = 10_000_000  # bytes of all text parts together
_LONGEST_BOUNDARY: Final = 70  # RFC 2046
_MAX_HEADER: Final = 8 * 1024


@dataclass(frozen=True, slots=True)
class FormKind:
    """The parts that a request may have: texts, in the order in which messages name them, and one file.

    A part whose name begins with one of `families` is a text too.
    """

    texts: tuple[str, ...]
    file: str
    families: tuple[str, ...] = ()
    most: int = 16  # parts

    def is_text(self, name: str) -> bool:
        """Returns whether the part is a text."""
        return name in self.texts or (bool(self.families) and name.startswith(self.families))


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
    """Collects the parts. The parser calls its methods while it reads a piece of the body."""

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
        if self.count > self._kind.most:
            raise InvalidInput(f"The request has more than {self._kind.most} parts.")
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
        if self._kind.is_text(self.name):
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


class MultipartForm:
    """A form of which `feed` gets one piece of the body after the other."""

    def __init__(self, content_type: bytes, kind: FormKind, *, takes_files: bool = True) -> None:
        """Raises InvalidInput for a content type without a boundary."""
        self._parts = parts = _Parts(kind, takes_files=takes_files)
        calls = {
            "on_part_begin": parts.on_part_begin,
            "on_part_data": parts.on_part_data,
            "on_header_field": parts.on_header_field,
            "on_header_value": parts.on_header_value,
            "on_header_end": parts.on_header_end,
            "on_headers_finished": parts.on_headers_finished,
            "on_end": parts.on_end,
        }
        self._parser = MultipartParser(_boundary(content_type), calls)  # type: ignore[arg-type]

    @property
    def has_file(self) -> bool:
        """Whether the file has begun."""
        return self._parts.has_file

    @property
    def file_name(self) -> str | None:
        """The client's name for the file."""
        return self._parts.file_name

    @property
    def content_type(self) -> str | None:
        """The media type of the file, as the client says."""
        return self._parts.content_type

    @property
    def waiting(self) -> int:
        """How many bytes of the file have come and were not taken."""
        return len(self._parts.pending)

    def feed(self, piece: bytes) -> None:
        """The piece is read. Raises InvalidInput, and TextsTooLarge over the limit."""
        try:
            self._parser.write(piece)
        except MultipartParseError as error:
            raise InvalidInput(f"The multipart body cannot be read: {error}.") from None

    def take(self) -> bytes:
        """Returns the bytes of the file that have come since the last call."""
        data, self._parts.pending = bytes(self._parts.pending), bytearray()
        return data

    def end(self) -> None:
        """Raises InvalidInput if the body has ended too early."""
        if not self._parts.ended:
            raise InvalidInput("The multipart body ends too early.")

    def texts(self) -> dict[str, str]:
        """Returns the text parts that have come. Raises InvalidInput for one that is not UTF-8."""
        texts = {}
        for name, raw in self._parts.texts.items():
            with suppress(UnicodeDecodeError):
                texts[name] = raw.decode()
                continue
            raise InvalidInput(f'The part "{name}" is not UTF-8.')
        return texts


def _boundary(content_type: bytes) -> bytes:
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise InvalidInput("Content-Type multipart/form-data needs a boundary.")
    if len(boundary) > _LONGEST_BOUNDARY:
        raise InvalidInput(f"The boundary is too long; at most {_LONGEST_BOUNDARY} characters are allowed.")
    return boundary
