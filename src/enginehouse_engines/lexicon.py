"""How positive and negative sentences are by word lists of our own, for languages that VADER does not know.

The rules are a few of VADER's: a negation turns what is near it, some words weigh others, and what follows a "but"
counts more than what came before it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from enginehouse_engines.prose import words

LANGUAGES: Final = ("de", "es", "fr", "it", "nl", "pt")
_TURNED: Final = -0.74  # a word after a negation says somewhat less than its opposite
_VERY, _BIT = 1.3, 0.8
_BEFORE_BUT, _AFTER_BUT = 0.5, 1.5
_NEAR: Final = 3  # words that a negation reaches
_AT_THE_END: Final = frozenset({"de", "nl"})  # the languages in which it stands behind the verb, too
_SHORTEST: Final = 2  # letters of a stem
_USUAL: Final = 15.0  # the square of a strong sentence's sum


class Moods(NamedTuple):
    """The share of the words that are positive and that are negative, their balance from -1 to 1, and those known."""

    positive: float
    negative: float
    compound: float
    known: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language."""

    language: str
    whole: dict[str, int]
    stems: dict[str, int]
    negations: frozenset[str]
    strong: frozenset[str]
    weak: frozenset[str]
    turns: frozenset[str]

    def value(self, word: str) -> int:
        """Returns how good or bad the word is, 0 if it is not known. The longest stem decides."""
        if word in self.whole:
            return self.whole[word]
        return next((self.stems[stem] for n in range(len(word), _SHORTEST, -1) if (stem := word[:n]) in self.stems), 0)


def moods(sentence: str, language: str) -> Moods:
    """Returns what the words of the sentence say together."""
    lexicon, spoken = _lexicon(language), words(sentence.replace("'", " ").replace("’", " "))
    values = [_weighed(lexicon, spoken, place) for place in range(len(spoken))]
    turn = next((place for place, word in enumerate(spoken) if place and word in lexicon.turns), None)
    if turn is not None:
        values = [value * (_BEFORE_BUT if place < turn else _AFTER_BUT) for place, value in enumerate(values)]
    total = sum(values)
    positive, negative = (
        sum(value + 1 for value in values if value > 0),
        sum(1 - value for value in values if value < 0),
    )
    known = sum(value != 0 for value in values)
    whole = positive + negative + len(spoken) - known
    compound = total / math.sqrt(total * total + _USUAL)
    return Moods(positive / whole, negative / whole, compound, known) if whole else Moods(0.0, 0.0, 0.0, 0)


def _weighed(lexicon: Lexicon, spoken: Sequence[str], place: int) -> float:
    word = spoken[place]
    if word in lexicon.negations or not (value := float(lexicon.value(word))):
        return 0.0
    before = spoken[max(0, place - _NEAR) : place]
    if before and before[-1] in lexicon.strong:
        value *= _VERY
    elif before and before[-1] in lexicon.weak:
        value *= _BIT
    after = spoken[place + 1 :]
    is_turned = not lexicon.negations.isdisjoint(before) or (
        lexicon.language in _AT_THE_END and 0 < len(after) <= _NEAR and after[-1] in lexicon.negations
    )
    return value * _TURNED if is_turned else value


@cache
def _lexicon(language: str) -> Lexicon:
    lines = files("enginehouse_engines").joinpath("lexicons", f"{language}.txt").read_text("utf-8").splitlines()
    rows = {name: listed.split() for name, _, listed in (line.partition(" ") for line in lines) if name != "#"}
    valued = {word: int(name) for name, listed in rows.items() if name[0] in "+-" for word in listed}
    return Lexicon(
        language,
        whole={word: value for word, value in valued.items() if not word.endswith("*")},
        stems={word.rstrip("*"): value for word, value in valued.items() if word.endswith("*")},
        negations=frozenset(rows["not"]),
        strong=frozenset(rows["very"]),
        weak=frozenset(rows["bit"]),
        turns=frozenset(rows["but"]),
    )
