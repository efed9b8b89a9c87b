"""Which sentences of a text say most of it: those that share the words that are rare in it with many others.

The measure is that of LexRank (Erkan and Radev, 2004): sentences vote for those that are like them, and votes of
sentences with many votes count more. Those that repeat what is chosen are left out.
"""

import math
from collections import Counter, defaultdict
from typing import Final

from enginehouse_engines.prose import guess_language, is_stop, paragraphs, sentences, words

_MOST: Final = 1000  # sentences that are compared; a longer text is thinned out evenly
_LEAST_WORDS: Final = 4  # shorter ones are exclamations
_MARKS: Final = (*".!?…。！？\"'»”’)",)
_ROUNDS: Final = 30
_FAITH: Final = 0.85
_REPEATED: Final = 0.6  # sentences that are so much alike say the same
_OPENING: Final = 0.15  # the first sentence of a text gets so much more, and later ones less of it


def salient(text: str, *, limit: int) -> tuple[list[str], int]:
    """Returns at most `limit` sentences in the order of the text, and how many sentences it has."""
    found = [one for paragraph in paragraphs(text) for one in sentences(paragraph)]
    long = [one for one in found if len(words(one)) >= _LEAST_WORDS]
    whole = [one for one in long if one.endswith(_MARKS)]  # without headings
    if len(whole) < limit:
        whole = long  # speech has no marks
    whole = _in_main_language(whole, limit)
    if len(whole) <= limit:
        return whole or found[:limit], len(found)
    compared = [whole[place * len(whole) // _MOST] for place in range(_MOST)] if len(whole) > _MOST else whole
    vectors = _vectors(compared)
    votes = _votes(vectors)
    ranked = sorted(range(len(compared)), key=lambda place: -votes[place] * (1 + _OPENING / (1 + place)))
    chosen: list[int] = []
    for place in ranked:
        if all(_likeness(vectors[place], vectors[other]) < _REPEATED for other in chosen):
            chosen.append(place)
        if len(chosen) == limit:
            break
    return [compared[place] for place in sorted(chosen)], len(found)


def _in_main_language(whole: list[str], limit: int) -> list[str]:
    """Returns the sentences in the language that the text has most of. What joins sentences of others is stop words."""
    language = guess_language(words(" ".join(whole)))
    main = [one for one in whole if guess_language(words(one)) in (language, None)]
    return main if language and len(main) >= limit else whole


def _vectors(compared: list[str]) -> list[dict[str, float]]:
    """Returns the words of each sentence with their weights. Its length is one."""
    language = guess_language(words(" ".join(compared)))
    counted = [
        Counter(word for word in words(one) if len(word) > 1 and not (language and is_stop(word, language)))
        for one in compared
    ]
    spread = Counter(word for counts in counted for word in counts)
    vectors = []
    for counts in counted:
        weights = {word: n * math.log(1 + len(counted) / spread[word]) for word, n in counts.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        vectors.append({word: weight / length for word, weight in weights.items()})
    return vectors


def _likeness(one: dict[str, float], other: dict[str, float]) -> float:
    if len(other) < len(one):
        one, other = other, one
    return sum(weight * other[word] for word, weight in one.items() if word in other)


def _votes(vectors: list[dict[str, float]]) -> list[float]:
    likes = _likes(vectors)
    count = len(vectors)
    votes = [1 / count] * count
    for _ in range(_ROUNDS):
        given = [0.0] * count
        for place, near in enumerate(likes):
            for other, share in near.items():
                given[other] += votes[place] * share
        votes = [(1 - _FAITH) / count + _FAITH * one for one in given]
    return votes


def _likes(vectors: list[dict[str, float]]) -> list[dict[int, float]]:
    """Returns for each sentence the shares of its vote. Only sentences with a word in common are compared."""
    having: defaultdict[str, list[int]] = defaultdict(list)
    for place, vector in enumerate(vectors):
        for word in vector:
            having[word].append(place)
    likes: list[defaultdict[int, float]] = [defaultdict(float) for _ in vectors]
    for word, places in having.items():
        if len(places) > len(vectors) // 2 + 1:
            continue  # a word that is everywhere tells nothing
        for place in places:
            for other in places:
                if other != place:
                    likes[place][other] += vectors[place][word] * vectors[other][word]
    return [
        {other: near / total for other, near in one.items()} if (total := sum(one.values())) else {} for one in likes
    ]
