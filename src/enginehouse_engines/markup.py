"""Turns Markdown into prose: the words that a person hears when someone reads the page aloud.

Code, tables, addresses and comments are no prose. The parser's time for one paragraph grows faster than its length, so
a paragraph that is longer than any that people write is taken as it stands.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from enginehouse.text.page import html_text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LONGEST_PARAGRAPH: Final = 10_000  # characters


def from_markdown(text: str) -> str:
    """Returns the words of a Markdown text. Headings and list items are separate paragraphs."""
    return "\n\n".join(words for block in _blocks(text) if (words := block.strip()))


def _blocks(text: str) -> Iterator[str]:
    names: dict[str, Any] = {}  # the addresses that the text gives names to
    tables = 0
    for token in _parser(only_blocks=True).parse(text, names):
        match token.type:
            case "table_open":
                tables += 1
            case "table_close":
                tables -= 1
            case "html_block":
                yield html_text(token.content)
            case "inline" if not tables and len(token.content) > _LONGEST_PARAGRAPH:
                yield token.content
            case "inline" if not tables:
                [inline] = _parser(only_blocks=False).parseInline(token.content, names)
                yield "".join(_words(inline.children or ()))


def _words(tokens: "Sequence[Token]") -> Iterator[str]:
    is_address = False
    for token in tokens:
        match token.type:
            case "link_open" | "link_close":
                is_address = token.type == "link_open" and token.info == "auto"
            case "text" | "code_inline" if not is_address:
                yield token.content
            case "image":
                yield "".join(_words(token.children or ()))
            case "softbreak" | "hardbreak":
                yield "\n"


@cache
def _parser(*, only_blocks: bool) -> "MarkdownIt":
    from markdown_it import MarkdownIt  # noqa: PLC0415 -- most inputs are no Markdown

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    if only_blocks:
        parser.core.ruler.enableOnly(["normalize", "block"])
    return parser
