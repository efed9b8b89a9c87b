"""The words of captions and subtitles (WebVTT, SubRip), without their stamps, numbers and styles."""

import re
from typing import Final

from enginehouse.text.references import resolve

__all__ = ["CAPTIONS", "caption_text"]

CAPTIONS: Final = frozenset({"text/vtt", "text/srt"})

_STAMP: Final = re.compile(r"^[ \t]*[\d:.,]{5,20}[ \t]*-->[^\n]*$", re.MULTILINE)
_TAG: Final = re.compile(r"</?[A-Za-z0-9][^<>\n]{0,200}>|\{\\[^{}\n]{0,100}\}")
_BLANK: Final = re.compile(r"\n[ \t]*\n")


def caption_text(text: str) -> str:
    """Returns what is said, one cue below the other. A block without a stamp is a header, a comment or a style."""
    blocks = _BLANK.split(text.replace("\r\n", "\n").replace("\r", "\n"))
    cues = (block[stamp.end() :] for block in blocks if (stamp := _STAMP.search(block)))
    lines = (" ".join(resolve(_TAG.sub("", line)).split()) for cue in cues for line in cue.split("\n"))
    return "\n".join(line for line in lines if line)
