"""The texts in JSON: the strings that people wrote, in their order, without keys, ids and addresses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from enginehouse.text.charset import decode
from enginehouse_engines.extraction.section import Section, Unreadable, paragraphs, read_whole

_LINES: Final = 500  # of one section


def read_json(path: Path, media_type: str) -> Iterator[Section]:
    """Yields the texts of a JSON document. Raises Unreadable if it is none."""
    yield Section(paragraphs(texts(_parsed(decode(read_whole(path), media_type)))))


def read_lines(path: Path, media_type: str) -> Iterator[Section]:
    """Yields the texts of JSON Lines, with the numbers of the first and the last line."""
    lines = decode(read_whole(path), media_type).split("\n")
    for first in range(0, len(lines), _LINES):
        some = lines[first : first + _LINES]
        parts = (
            " ".join(texts(_parsed(line, f" in line {number}")))
            for number, line in enumerate(some, start=first + 1)
            if line.strip()
        )
        yield Section(paragraphs(parts), {"lines": [first + 1, first + len(some)]})


def texts(document: Any) -> Iterator[str]:
    """Yields the strings in the document that are written words."""
    waiting = [document]
    while waiting:
        match waiting.pop():
            case str() as text if is_prose(text):
                yield text
            case list() as items:
                waiting += reversed(items)
            case dict() as fields:
                waiting += reversed(fields.values())


def is_prose(text: str) -> bool:
    """Returns True for a text of several words, or of a script without spaces."""
    words = [word for word in text.split() if any(character.isalpha() for character in word)]
    return len(words) > 1 or (len(text) > 3 and any(character > "\u3040" for character in text))


def _parsed(text: str, where: str = "") -> Any:
    try:
        return json.loads(text.encode("utf-8", "replace"))
    except ValueError as problem:
        raise Unreadable(f"is not JSON{where}: {problem}") from None
    except RecursionError:
        raise Unreadable(f"has too many lists and objects in one another{where}") from None
