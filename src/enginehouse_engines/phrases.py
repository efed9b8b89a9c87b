"""The phrases that a text may be about: neighbouring words whose first and last word carry meaning."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from enginehouse_engines.prose import WORD, guess_language, is_stop, paragraphs, sentences, stop_words, words

LONGEST = 3  # words in a phrase
_LINKS = {  # small words that may be inside a phrase, by language
    "en": frozenset({"of"}),
    "es": frozenset({"de", "del"}),
    "fr": frozenset({"de", "d'", "du", "des"}),
    "it": frozenset({"di", "del", "della", "dell'", "dei", "delle", "da"}),
    "nl": frozenset({"van"}),
    "pt": frozenset({"de", "do", "da", "dos", "das"}),
}
_ELIDED = re.compile(r"^[^\W\d_]{1,6}['’](?=\w)")
_POSSESSIVE = re.compile(r"['’]s$")
_PLURAL = frozenset({"en", "es", "fr", "pt"})  # languages whose plural is an s
_BEFORE_A_SENTENCE = " \"'«“‘(¿¡"


@dataclass(frozen=True, slots=True)
class Word:
    """One word at its place.

    All its occurrences have the same `key`. A `stop` word carries no meaning. A word that `links` may be inside a
    phrase. A word that `opens` a sentence has a capital only for that reason.
    """

    key: str
    surface: str
    stop: bool
    links: bool = False
    opens: bool = False

    @property
    def named(self) -> bool:
        """True for a word with a capital that does not come from the start of a sentence."""
        return self.surface[0].isupper() and not self.opens


def runs(text: str, language: str | None) -> Iterator[tuple[int, list[Word]]]:
    """Yields every run of words with only spaces between them, with the number of its sentence.

    `language` chooses the stop words. Without it the small words of each paragraph decide.
    """
    number = 0
    fallback = language or guess_language(words(text))
    for paragraph in paragraphs(text):
        spoken = language or guess_language(words(paragraph)) or fallback or ""
        for sentence in sentences(paragraph):
            for run in _runs(sentence, spoken):
                yield number, run
            number += 1


def phrases(run: list[Word]) -> Iterator[tuple[Word, ...]]:
    """Yields every phrase of the run, at each place the shorter ones first."""
    for start in range(len(run)):
        for stop in range(start + 1, min(start + LONGEST, len(run)) + 1):
            phrase = tuple(run[start:stop])
            inside = phrase[1:-1]
            if not phrase[0].stop and not phrase[-1].stop and all(not t.stop or t.links for t in inside):
                yield phrase


def _runs(sentence: str, language: str) -> Iterator[list[Word]]:
    run: list[Word] = []
    reached = 0
    for match in WORD.finditer(sentence):
        if run and sentence[reached : match.start()].strip():
            yield run
            run = []
        opens = not sentence[: match.start()].strip(_BEFORE_A_SENTENCE)
        run.extend(_words(match.group(), language, opens=opens))
        reached = match.end()
    if run:
        yield run


def _words(word: str, language: str, *, opens: bool) -> Iterator[Word]:
    """Yields the word, after the small word that elision has joined to it (l'eau, dell'acqua)."""
    links = _LINKS.get(language, frozenset())
    if (elided := _ELIDED.match(word)) and language in ("fr", "it") and is_stop(word.casefold(), language):
        small = elided.group().casefold().replace("’", "'")
        yield Word(small, elided.group(), stop=True, links=small in links, opens=opens)
        word, opens = word[elided.end() :], False
    plain = word.casefold().replace("’", "'")
    stop = plain in stop_words(language) or len(plain) < 3 or not any(c.isalpha() for c in plain)
    surface = _POSSESSIVE.sub("", word)
    yield Word(_singular(surface.casefold(), language), surface, stop=stop, links=plain in links, opens=opens)


def _singular(word: str, language: str) -> str:
    plural = language in _PLURAL and len(word) > 4 and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if plural else word
