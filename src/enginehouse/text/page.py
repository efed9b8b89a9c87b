"""The text that a reader sees on an HTML page."""

from html.parser import HTMLParser
from typing import Final

__all__ = ["html_text"]


def html_text(document: str) -> str:
    """Returns the text that a reader sees, with the blocks of the page as paragraphs."""
    reader = _PageText()
    reader.feed(document)
    reader.close()
    lines = (" ".join(block.split()) for block in "".join(reader.parts).split(_BREAK))
    return "\n\n".join(line for line in lines if line)


_BREAK: Final = "\x00"
_UNSEEN: Final = frozenset({"script", "style", "template", "noscript", "title", "svg", "nav"})
_INLINE: Final = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "kbd", "mark", "q", "s", "samp", "small"}
    | {"span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "img", "input", "label"}
)


class _PageText(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        if tag not in _INLINE:
            self.parts.append(_BREAK)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        if tag not in _INLINE:
            self.parts.append(_BREAK)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data.replace(_BREAK, " "))
