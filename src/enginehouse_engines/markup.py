"""Turns Markdown into prose: the words that a person hears when someone reads the page aloud.

A pattern may look at most to the end of its line, or a fixed length ahead, from each place. So hostile text stays
cheap.
"""

import re

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
_ELEMENT = re.compile(r"<(script|style)\b[^<>\n]{0,500}>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,500}>")
_ROW = re.compile(r"^[ \t]*\|(.*)\|[ \t]*$", re.MULTILINE)
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-{3,}[-:| \t]*$", re.MULTILINE)


def from_markdown(text: str) -> str:
    """Returns the words of a Markdown text. Headings and list items are separate paragraphs."""
    text = _COMMENT.sub("", text)
    text = _FENCE.sub("", text)
    text = _ELEMENT.sub("", text)
    text = _TABLE_RULE.sub("", text)
    text = _ROW.sub(lambda match: match[1].replace("|", " ").strip(), text)
    text = _RULE.sub("\n", text)
    text = _QUOTE.sub("", text)
    text = _HEADING.sub(lambda match: f"\n{match[1].rstrip(' #')}\n", text)
    text = _ITEM.sub("\n", text)
    text = _LINK.sub(r"\1", _LINK.sub(r"\1", text))  # an image may be inside a link
    text = _AUTOLINK.sub("", text)
    text = _TAG.sub("", text)
    text = _CODE.sub(r"\1", text)
    return _EMPHASIS.sub(r"\2", text)
