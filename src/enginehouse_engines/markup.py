"""Turns Markdown and HTML into prose: the words that a person hears when someone reads the page aloud.

A pattern may look at most to the end of its line, or a fixed length ahead, from each place. So hostile text stays
cheap.
"""

import re
from html.parser import HTMLParser

_FENCE = re.compile(r"^ {0,3}(```|~~~).*$", re.MULTILINE)
_RULE = re.compile(r"^ {0,3}([-*_=])( *\1){2,} *$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6} +(.*)$", re.MULTILINE)
_ITEM = re.compile(r"^ *(?:[-*+]|\d{1,9}[.)]) +", re.MULTILINE)
_QUOTE = re.compile(r"^ {0,3}> ?", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\](?:\([^()\s]{0,2000}(?:\s+\"[^\"\n]{0,500}\")?\)|\[[^\[\]]{0,500}\])")
_AUTOLINK = re.compile(r"<(?:https?|mailto):[^<>\s]*>")
_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3}|~~)(?=\S)(.{1,500}?)(?<=\S)\1(?!\w)", re.DOTALL)
_CODE = re.compile(r"(?<!`)`++([^`\n]+)`+")

_BLOCKS = re.compile(
    r"address|article|aside|blockquote|br|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6r]|header|li|main|nav|"
    r"ol|p|pre|section|table|td|th|title|tr|ul"
)
_SILENT = frozenset({"script", "style", "template", "noscript", "svg"})


def from_markdown(text: str) -> str:
    """Returns the words of a Markdown text. Headings and list items are separate paragraphs."""
    text = _COMMENT.sub("", text)
    text = _FENCE.sub("", text)
    text = _RULE.sub("\n", text)
    text = _QUOTE.sub("", text)
    text = _HEADING.sub(lambda match: f"\n{match[1].rstrip(' #')}\n", text)
    text = _ITEM.sub("\n", text)
    text = _LINK.sub(r"\1", _LINK.sub(r"\1", text))  # an image may be inside a link
    text = _AUTOLINK.sub("", text)
    text = _CODE.sub(r"\1", text)
    return _EMPHASIS.sub(r"\2", text)


def from_html(text: str) -> str:
    """Returns the words of an HTML page without its scripts and styles. Blocks are separate paragraphs."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return "".join(reader.parts)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif _BLOCKS.fullmatch(tag):
            self.parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif _BLOCKS.fullmatch(tag):
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
