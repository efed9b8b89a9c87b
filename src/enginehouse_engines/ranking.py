"""Ranks the phrases that a text is about by statistics, without corpus or model.

A word counts more if it occurs often, early, in many sentences, is written like a name, and has few different
neighbours (a common word goes with anything; a term does not). A phrase counts as much as its words together, and more
if it is repeated. The features are those of Campos et al. (YAKE!, 2020); the formula is our own.
"""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import fmean, median, pstdev

from enginehouse_engines.phrases import LONGEST, Word, phrases, runs


@dataclass(frozen=True, slots=True)
class Keyword:
    """A phrase in its most frequent spelling. `score` is between 0 and 1, `count` is how often it occurs."""

    label: str
    score: float
    count: int


@dataclass(slots=True)
class _Term:
    count: int = 0
    named: int = 0
    sentences: list[int] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Candidate:
    """A phrase and all its occurrences. `content` has the keys of its words that carry meaning."""

    content: tuple[str, ...]
    linked: bool
    labels: Counter[str] = field(default_factory=Counter)
    named: int = 0

    @property
    def count(self) -> int:
        return self.labels.total()

    @property
    def label(self) -> str:
        """Its most frequent spelling. If two are equally frequent, it is the one in lower case."""
        return max(self.labels, key=lambda label: (self.labels[label], label.islower(), label))


def keywords(text: str, *, limit: int, language: str | None = None) -> list[Keyword]:
    """Returns at most `limit` phrases that the text is about, the best first. Each adds something to the better ones.

    `language` chooses the stop words. Without it the small words of each paragraph decide.
    """
    all_runs = list(runs(text, language))
    terms = _terms(all_runs)
    if not terms:
        return []
    weights = _weights(terms, sentence_count=1 + max(sentence for sentence, _ in all_runs))
    candidates = [c for c in _candidates(all_runs, terms) if _is_worthy(c)]
    scored = sorted(((_score(c, weights), c) for c in candidates), key=lambda pair: (-pair[0], pair[1].content))
    return _distinct(scored, limit)


def _terms(all_runs: list[tuple[int, list[Word]]]) -> dict[str, _Term]:
    terms: defaultdict[str, _Term] = defaultdict(_Term)
    for sentence, run in all_runs:
        for position, word in enumerate(run):
            if word.stop:
                continue
            term = terms[word.key]
            term.count += 1
            term.named += word.named
            term.sentences.append(sentence)
            if position:
                term.left[run[position - 1].key] += 1
            if position + 1 < len(run):
                term.right[run[position + 1].key] += 1
    return dict(terms)


def _weights(terms: dict[str, _Term], *, sentence_count: int) -> dict[str, float]:
    counts = [term.count for term in terms.values()]
    usual, highest = fmean(counts) + pstdev(counts), max(counts)

    def weight(term: _Term) -> float:
        frequency = term.count / usual
        spread = 1 + len(set(term.sentences)) / sentence_count
        name = 1 + term.named / term.count / 2
        late = math.log(3 + median(term.sentences))
        company = 1 + (_variety(term.left) + _variety(term.right)) / 2 * term.count / highest
        return frequency * spread * name / (late * company)

    return {key: weight(term) for key, term in terms.items()}


def _variety(neighbours: Counter[str]) -> float:
    return len(neighbours) / neighbours.total() if neighbours else 0.0


def _candidates(all_runs: list[tuple[int, list[Word]]], terms: dict[str, _Term]) -> list[_Candidate]:
    by_key: dict[tuple[str, ...], _Candidate] = {}
    for _, run in all_runs:
        for phrase in phrases(run):
            key = tuple(word.key for word in phrase)
            if key not in by_key:
                content = tuple(word.key for word in phrase if not word.stop)
                by_key[key] = _Candidate(content, linked=len(content) < len(phrase))
            by_key[key].labels[_label(phrase, terms)] += 1
            by_key[key].named += all(word.named for word in phrase)
    return list(by_key.values())


def _label(phrase: tuple[Word, ...], terms: dict[str, _Term]) -> str:
    """Returns the phrase as it is written, without a capital that comes only from the start of a sentence."""
    written = [
        word.surface.lower() if word.opens and word.surface.istitle() and not terms[word.key].named else word.surface
        for word in phrase
    ]
    return " ".join(written).replace("' ", "'").replace("’ ", "’")


def _is_worthy(candidate: _Candidate) -> bool:
    """Returns False for several words that occur once and are not a name.

    Usually they are only a piece of a sentence.
    """
    if candidate.count > 1 or candidate.named:
        return True
    return not candidate.linked and len(candidate.content) < LONGEST


def _score(candidate: _Candidate, weights: dict[str, float]) -> float:
    length = len(candidate.content)
    together = math.prod(weights[word] for word in candidate.content) ** (1 / length)
    repeated = 1 + math.log(candidate.count)
    settled = candidate.count > 1 or candidate.named
    return together * repeated * (1 + 0.35 * (length - 1) if settled else 0.9 ** (length - 1))


def _distinct(scored: list[tuple[float, _Candidate]], limit: int) -> list[Keyword]:
    chosen: list[Keyword] = []
    said: set[str] = set()
    for score, candidate in scored:
        if len(chosen) == limit:
            break
        new = set(candidate.content) - said
        if not new or len(new) * 2 < len(set(candidate.content)):
            continue
        said |= new
        chosen.append(Keyword(candidate.label, score / (1 + score), candidate.count))
    return chosen
