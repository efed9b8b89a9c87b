"""What every reader of documents returns, and the bounds that hold for all of them. Files are hostile until read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MOST_CHARACTERS: Final = 20_000_000  # of one document
MOST_BYTES: Final = 128 << 20  # of a file that is read at once, and of all that is unpacked of an archive
MOST_SECTIONS: Final = 5_000  # pages, slides, sheets


class Unreadable(ValueError):
    """There is no text in the file, or none can be read. The message goes on after the file's name: "is a broken …"."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document. `place` says which: {"page": 3}, {"sheet": "Plan"}; {} for all of it.

    The text's paragraphs are apart by blank lines.
    """

    text: str
    place: dict[str, Any] = field(default_factory=dict)


Reader = Callable[[Path], Iterable[Section]]


def bounded(sections: Iterable[Section]) -> Iterator[Section]:
    """Yields the sections that hold something. Raises Unreadable past the bounds."""
    characters = 0
    for number, section in enumerate(sections, start=1):
        characters += len(section.text)
        if number > MOST_SECTIONS:
            raise Unreadable(f"has more than {MOST_SECTIONS} pages, slides or sheets, which is the most that is read")
        if characters > MOST_CHARACTERS:
            raise Unreadable(f"has more than {MOST_CHARACTERS} characters, which is the most that is read")
        if section.text.strip():
            yield section


def read_whole(path: Path) -> bytes:
    """Returns the bytes of a file. Raises Unreadable past the bound."""
    if path.stat().st_size > MOST_BYTES:
        raise Unreadable(f"is larger than {MOST_BYTES >> 20} MiB, which is the most that is read of its type")
    return path.read_bytes()


def paragraphs(lines: Iterable[str]) -> str:
    """Returns the lines that hold something as paragraphs."""
    return "\n\n".join(text for line in lines if (text := " ".join(line.split())))
