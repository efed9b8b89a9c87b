"""The input of the text engines: words from a text file, from another engine's AION, or from the task's payload."""

import json
from dataclasses import dataclass
from email.message import Message
from typing import Any, Final, NoReturn

from enginehouse.engine import Chunk, EngineFailure, FailureKind, Work
from enginehouse.text.charset import NotText, decode
from enginehouse.text.media_types import OCTETS, bare
from enginehouse_engines.aion import AION
from enginehouse_engines.extraction.json import texts
from enginehouse_engines.extraction.readers import is_readable, sections
from enginehouse_engines.extraction.section import Section, Unreadable

_LARGEST: Final = 1 << 53  # a larger number is no time and no confidence

_TAKEN = f"text (text/plain, text/markdown, text/html …), documents (PDF, DOCX …), AION ({AION}) and JSON with text"

PAUSE_MS = 600  # a silence of this length between two words ends a passage of speech
MOST_WORDS = 60  # this length ends one too
_SILENCE = "!silence"  # the word of an AION transcript for a pause


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text. If it is speech, it has its place in the media."""

    text: str
    start_ms: int | None = None
    stop_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One input as text. `source` is None for the text of the payload. `language` is what the input itself declares."""

    passages: tuple[Passage, ...]
    source: Chunk | None = None
    language: str | None = None

    @property
    def text(self) -> str:
        """All passages, each as a paragraph."""
        return "\n\n".join(p.text for p in self.passages)

    @property
    def span(self) -> tuple[int, int] | None:
        """The time from the first word to the last in ms of the media, None for text without times."""
        timed = [(p.start_ms, p.stop_ms) for p in self.passages if p.start_ms is not None and p.stop_ms is not None]
        return (min(start for start, _ in timed), max(stop for _, stop in timed)) if timed else None


def documents(work: Work) -> list[Document]:
    """Returns every input of the item as text, or without any the text of the payload.

    Raises EngineFailure (invalid_data) if there is nothing to read, or something that is not text.
    """
    if work.inputs:
        return [_read(chunk) for chunk in work.inputs]
    text = options(work).get("text")
    if isinstance(text, str):
        return [Document(_passages(text))]
    if text is not None:
        raise invalid(f"payload.text: must be a string, not {type(text).__name__}.")
    raise invalid("Nothing to read: give payload.text, payload.url, or a target with a primary asset.")


def options(work: Work) -> dict[str, Any]:
    """Returns the task's payload, an empty one if it is absent.

    Raises EngineFailure (invalid_data) unless it is an object.
    """
    if work.payload is None:
        return {}
    if not isinstance(work.payload, dict):
        raise invalid(f"payload: must be an object, not {type(work.payload).__name__}.")
    return work.payload


def invalid(message: str) -> EngineFailure:
    """Returns the failure for wrong input. A retry cannot help."""
    return EngineFailure(message, FailureKind.INVALID_DATA)


def read_sections(chunk: Chunk) -> list[Section]:
    """Returns the parts of a document. Raises EngineFailure (invalid_data) if it is none, or is broken."""
    name = chunk.name or chunk.path.name
    if bare(chunk.media_type) == OCTETS:
        _decode(chunk, name)  # what it is is unknown, but not why it is no text
    if not is_readable(chunk.media_type):
        raise invalid(f'"{name}" is {chunk.media_type}; this engine takes {_TAKEN}.')
    try:
        return [*sections(chunk.path, chunk.media_type)]
    except Unreadable as problem:
        raise invalid(f'"{name}" {problem}.') from None


def _read(chunk: Chunk) -> Document:
    header = Message()
    header["content-type"] = chunk.media_type
    kind: str = header.get_content_type()
    name = chunk.name or chunk.path.name
    if kind == "application/json" or kind.endswith("+json"):
        return _from_json(chunk, kind, name)
    found = (passage for section in read_sections(chunk) for passage in _passages(section.text))
    return Document(tuple(found), chunk)


def _decode(chunk: Chunk, name: str) -> str:
    try:
        return decode(chunk.path.read_bytes(), chunk.media_type)
    except NotText as problem:
        raise invalid(f'"{name}" is not text: {problem}.') from None


def _passages(text: str) -> tuple[Passage, ...]:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").strip()
    return (Passage(text),) if text else ()


def _from_json(chunk: Chunk, kind: str, name: str) -> Document:
    data = _decode(chunk, name)
    try:
        document = json.loads(data, parse_constant=_refuse) if data.strip() else {}
        if "\\u" in data:  # half of a surrogate pair can be written as JSON, but in no text
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    except ValueError as problem:
        raise invalid(f'"{name}" is {kind} but not JSON: {problem}.') from None
    except RecursionError:
        raise invalid(f'"{name}" is {kind} with too many lists and objects in one another.') from None
    if not isinstance(document, dict) or not (
        document.keys() & {"text", "series", "object", "validationContracts"} or kind == AION or not document
    ):
        if not (found := tuple(Passage(text.strip()) for text in texts(document))):
            raise invalid(f'"{name}" is {kind} without text in it; this engine takes {_TAKEN}.')
        return Document(found, chunk)
    declared = document.get("language")
    language = declared if isinstance(declared, str) else None
    if isinstance(text := document.get("text"), str):
        return Document(_passages(text), chunk, language)
    return Document(_spoken(_items(document, "series")) + _written(_items(document, "object")), chunk, language)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _items(document: dict[str, Any], field: str) -> list[dict[str, Any]]:
    value = document.get(field)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _spoken(series: list[dict[str, Any]]) -> tuple[Passage, ...]:
    """Returns the best path through the words, in order of time. A passage ends at each pause, and when it is long."""
    passages: list[Passage] = []
    words: list[str] = []
    start = stop = 0
    for item in sorted(series, key=lambda i: (_ms(i, "startTimeMs"), _ms(i, "stopTimeMs"))):
        word = _best_word(item)
        if not word:
            continue
        begins = _ms(item, "startTimeMs")
        if words and (begins - stop >= PAUSE_MS or len(words) == MOST_WORDS):
            passages.append(Passage(" ".join(words), start, stop))
            words = []
        if not words:
            start = stop = begins
        words.append(word)
        stop = max(stop, _ms(item, "stopTimeMs"))
    if words:
        passages.append(Passage(" ".join(words), start, stop))
    return tuple(passages)


def _written(objects: list[dict[str, Any]]) -> tuple[Passage, ...]:
    texts = (item.get("text") for item in objects)
    return tuple(Passage(text.strip()) for text in texts if isinstance(text, str) and text.strip())


def _ms(item: dict[str, Any], field: str) -> int:
    value = item.get(field)
    return int(value) if isinstance(value, int | float) and abs(value) < _LARGEST else 0


def _best_word(item: dict[str, Any]) -> str | None:
    """Returns the likeliest word or the seen text of a time slice, None for silence and for words off the path."""
    words = [w for w in _items(item, "words") if isinstance(w.get("word"), str)]
    if words:
        on_path = [w for w in words if w.get("bestPath") is True]
        if not on_path and any(w.get("bestPath") is False for w in words):
            return None
        word: str = max(on_path or words, key=_confidence)["word"].strip()
        return None if word == _SILENCE else word
    seen = item.get("object")
    text = seen.get("text") if isinstance(seen, dict) else None
    return text.strip() if isinstance(text, str) else None


def _confidence(word: dict[str, Any]) -> float:
    value = word.get("confidence")
    return float(value) if isinstance(value, int | float) and abs(value) < _LARGEST else 0.0
