"""The paragraphs, sentences and words of a text, and the language of its small words."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from textwrap import wrap

from enginehouse.text.transcript import ABBREVIATION

_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
# A sentence ends at its mark and closing quotes, before white space and something that can begin a sentence.
_END = re.compile(r"(?:(?<![.!?…])[.!?…]+[\"'»”’)\]]*(?=\s+[\"'«“‘(\[¿¡]*[^\W_a-zà-öø-ÿ])|[。！？])\s*")
_LONGEST_ABBREVIATION = 8  # characters, with the one before it
WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")

LANGUAGES = ("cs", "de", "en", "es", "fr", "it", "nl", "pt")
_LONGEST_SENTENCE = 1000
_SHORT = 6  # words; a text this short may have no small word at all


def paragraphs(text: str) -> list[str]:
    """Returns the parts of `text` between blank lines, each on one line."""
    return [line for part in _PARAGRAPH.split(text) if (line := " ".join(part.split()))]


def sentences(paragraph: str) -> list[str]:
    """Returns the sentences of a paragraph. Abbreviations and initials do not end one.

    Text without a mark is cut between words at 1000 characters, so that no sentence is endless.
    """
    return [
        piece
        for sentence in _sentences(paragraph)
        for piece in (wrap(sentence, _LONGEST_SENTENCE) if len(sentence) > _LONGEST_SENTENCE else [sentence])
    ]


def _sentences(paragraph: str) -> list[str]:
    parts: list[str] = []
    start = 0
    for end in _END.finditer(paragraph):
        if ABBREVIATION.search(paragraph[max(start, end.start() - _LONGEST_ABBREVIATION) : end.start() + 1]):
            continue
        parts.append(paragraph[start : end.end()].strip())
        start = end.end()
    if rest := paragraph[start:].strip():
        parts.append(rest)
    return parts


def words(text: str) -> list[str]:
    """Returns the words of `text` in lower case, with a plain apostrophe."""
    return [word.casefold().replace("’", "'") for word in WORD.findall(text)]


@cache
def stop_words(language: str) -> frozenset[str]:
    """Returns the small words of a language, by its two-letter code, none if the language has no list."""
    if language not in LANGUAGES:
        return frozenset()
    text = files("enginehouse_engines").joinpath("stopwords", f"{language}.txt").read_text("utf-8")
    return frozenset(text.split())


def guess_language(text_words: Iterable[str]) -> str | None:
    """Returns the language of most of the small words, None if too few of them are known.

    It is cheap and coarse. It chooses the word list of an engine, but never the result of the language engine.
    """
    counted = Counter(text_words)
    total = counted.total()
    scores = {language: sum(n for word, n in counted.items() if is_stop(word, language)) for language in LANGUAGES}
    best = max(scores, key=lambda language: (scores[language], language == "en"))
    if total <= _SHORT:
        return best if scores[best] else None
    return best if scores[best] / total >= 0.15 else None  # in prose a third to a half of the words are small words


def is_stop(word: str, language: str) -> bool:
    """Returns True if `word` is one of the language's small words, or begins with one that elision has joined to it."""
    known = stop_words(language)
    return word in known or (language in ("fr", "it") and word.partition("'")[0] in known and "'" in word)
