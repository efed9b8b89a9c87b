"""Reads the XML of documents, and collects its paragraphs.

A document type declaration, with which XML can name other files and grow without end, is refused.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final
from xml.parsers import expat

from enginehouse_engines.extraction.section import Unreadable

Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]

_DEEPEST: Final = 200  # elements in one another


class Flow:
    """Text that is met outside of `skipped` elements, in a paragraph for each of the elements `blocks`.

    If `words` names elements, only what is directly in them is text: elsewhere white space is only for looks.
    `spaces` are elements that stand for characters.
    """

    def __init__(
        self,
        blocks: Collection[str],
        *,
        words: Collection[str] = (),
        spaces: Mapping[str, str] | None = None,
        skipped: Collection[str] = (),
    ) -> None:
        self.lines: list[str] = []
        self._blocks = blocks
        self._words = words
        self._spaces = spaces or {}
        self._skipped = skipped
        self._parts: list[str] = []
        self._open: list[str] = []
        self._hidden = 0

    def start(self, name: str, attributes: Attributes) -> None:
        self._open.append(name)
        self._hidden += name in self._skipped
        if name in self._blocks:
            self.end_line()
        if not self._hidden and name in self._spaces:
            self._parts.append(self._spaces[name])

    def end(self, name: str) -> None:
        self._open.pop()
        self._hidden -= name in self._skipped
        if name in self._blocks:
            self.end_line()

    def text(self, text: str) -> None:
        if not self._hidden and (not self._words or (self._open and self._open[-1] in self._words)):
            self._parts.append(text)

    def end_line(self) -> None:
        """What was met so far is a paragraph."""
        if self._parts:
            self.lines.append("".join(self._parts))
            self._parts.clear()


def read_xml(blocks: Iterator[bytes], start: Start, end: Callable[[str], None], text: Callable[[str], None]) -> None:
    """Calls `start`, `end` and `text` for the document. Names are without their prefix. Raises Unreadable."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def started(name: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise Unreadable(f"has more than {_DEEPEST} XML elements in one another")
        start(_local(name), {_local(key): value for key, value in attributes.items()})

    def ended(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(_local(name))

    def declared(*_: object) -> None:
        raise Unreadable("has an XML document type declaration, which no such document has")

    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = declared
    for block in blocks:
        parser.Parse(block, False)
    parser.Parse(b"", True)


def _local(name: str) -> str:
    return name.rpartition(":")[2]
