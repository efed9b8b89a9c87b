"""The text that a reader sees on an HTML page.

The standard library's parser takes time that grows with the square of a page with unfinished tags, and refuses some
pages. Here every unfinished tag, comment and script ends with the page, as in a browser, so each character is looked
at a few times at most.
"""

import re
from collections.abc import Iterator
from typing import Final

from enginehouse.text.references import resolve

__all__ = ["html_text"]


def html_text(document: str) -> str:
    """Returns the main text that a reader sees, without navigation, with the blocks of the page as paragraphs."""
    main = _paragraphs(document, within=_MAIN) if _HAS_MAIN.search(document) else ""
    return main or _paragraphs(document, within=None)


_BREAK: Final = "\x00"
_UNSEEN: Final = frozenset({"script", "style", "template", "noscript", "title", "svg", "nav", "aside"})
_FRAME: Final = frozenset({"header", "footer"})  # of the page, unless they belong to an article
_ARTICLES: Final = frozenset({"article", "section", "main", "blockquote"})
_MAIN: Final = "main"
_HAS_MAIN: Final = re.compile(r"<main[\s>]", re.IGNORECASE)
_INLINE: Final = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "kbd", "mark", "q", "s", "samp", "small"}
    | {"span", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "img", "input", "label"}
)
_TAG: Final = re.compile(
    r"""
    <!--.*?(?:-->|\Z)                                      # a comment
    | <(?:[!?]|/(?![A-Za-z]))[^>]*(?:>|\Z)                 # a declaration, or what a browser takes for a comment
    | <(?P<end>/?)(?P<name>[A-Za-z][^\s/>]*)
      (?:[^>=]|=\s*(?:"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))?)*+   # attributes; a quote counts after an equals sign
      (?:>|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_RAW: Final = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")}


def _paragraphs(document: str, *, within: str | None) -> str:
    lines = (" ".join(block.split()) for block in "".join(_seen(document, within)).split(_BREAK))
    return "\n\n".join(line for line in lines if line)


def _seen(document: str, within: str | None) -> Iterator[str]:
    """Yields the text outside of unseen elements, and a break for each border of a block.

    `within` names the only element whose text is yielded, None for the whole page.
    """
    place = unseen = articles = inside = 0
    while (tag := _TAG.search(document, place)) is not None:
        if not unseen and (within is None or inside):
            yield resolve(document[place : tag.start()]).replace(_BREAK, " ")
        place = tag.end()
        name = (tag["name"] or "").lower()
        is_closed = tag[0].endswith("/>")
        if name == within:
            inside = max(0, inside - 1) if tag["end"] else inside + 1
        if name in _ARTICLES:
            articles = max(0, articles - 1) if tag["end"] else articles + 1
        if name in _UNSEEN or (name in _FRAME and not articles):
            unseen = max(0, unseen - 1) if tag["end"] else unseen + (not is_closed)
        if name and name not in _INLINE:
            yield _BREAK
        if name in _RAW and not tag["end"] and not is_closed:
            end = _RAW[name].search(document, place)
            place = len(document) if end is None else end.start()
    if not unseen and (within is None or inside):
        yield resolve(document[place:]).replace(_BREAK, " ")
