"""The paragraphs, sentences and words of a text, and the language of its small words."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from textwrap import wrap

_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
# A sentence ends at its mark and closing quotes, before white space and something that can begin a sentence.
_END = re.compile(r"(?:(?<![.!?…])[.!?…]+[\"'»”’)\]]*(?=\s+[\"'«“‘(\[¿¡]*[^\W_a-zà-öø-ÿ])|[。！？])\s*")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[^\W\d_]|Mr|Mrs|Ms|Dr|Prof|Rev|St|Jr|vs|etc|e\.g|i\.e|No|Fig|Sra?|Dra|Mme|Mlle|Hr|Fr|Nr|bzw|ca|z\.B|d\.h)\.$"
)
_LONGEST_ABBREVIATION = 8  # characters, with the one before it
WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")

LANGUAGES = ("cs", "de", "en", "es", "fr", "it", "nl", "pt")
_LONGEST_SENTENCE = 1000
_SHORT = 6  # words; such a short text may have no small word at all


def paragraphs(text: str) -> list[str]:
    """The parts of `text` between blank lines, each on one line."""
    return [line for part in _PARAGRAPH.split(text) if (line := " ".join(part.split()))]


def sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph; abbreviations and initials do not end one.

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
        if _ABBREVIATION.search(paragraph[max(start, end.start() - _LONGEST_ABBREVIATION) : end.start() + 1]):
            continue
        parts.append(paragraph[start : end.end()].strip())
        start = end.end()
    if rest := paragraph[start:].strip():
        parts.append(rest)
    return parts


def words(text: str) -> list[str]:
    """The words of `text` in lower case, with a plain apostrophe."""
    return [word.casefold().replace("’", "'") for word in WORD.findall(text)]


@cache
def stop_words(language: str) -> frozenset[str]:
    """The small words of a language, by its two-letter code; none for a language that has no list."""
    if language not in LANGUAGES:
        return frozenset()
    text = files("enginehouse_engines").joinpath("stopwords", f"{language}.txt").read_text("utf-8")
    return frozenset(text.split())


def guess_language(text_words: Iterable[str]) -> str | None:
    """The language of most of the small words; None when too few of them are known.

    Cheap and coarse: it chooses the word list of an engine, never the result of the language engine.
    """
    counted = Counter(text_words)
    total = counted.total()
    scores = {language: sum(n for word, n in counted.items() if is_stop(word, language)) for language in LANGUAGES}
    best = max(scores, key=lambda language: (scores[language], language == "en"))
    if total <= _SHORT:
        return best if scores[best] else None
    return best if scores[best] / total >= 0.15 else None  # in prose they are a third to a half


def is_stop(word: str, language: str) -> bool:
    """True when `word` is one of the language's small words, or begins with one that elision has joined to it."""
    known = stop_words(language)
    return word in known or (language in ("fr", "it") and word.partition("'")[0] in known and "'" in word)
