"""How far an answer is from what is right."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence


def distance(right: Sequence[str], said: Sequence[str]) -> int:
    """Returns the fewest pieces to change, add or remove to get from one to the other."""
    row = list(range(len(said) + 1))
    for n, piece in enumerate(right, 1):
        above, row = row, [n]
        for m, other in enumerate(said, 1):
            row.append(min(above[m] + 1, row[-1] + 1, above[m - 1] + (piece != other)))
    return row[-1]


def error_rate(pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> float:
    """Returns the share of wrong pieces in all pairs of what is right and what was said."""
    known = list(pairs)
    return sum(distance(right, said) for right, said in known) / sum(len(right) for right, _ in known)


def spoken(text: str) -> list[str]:
    """Returns the words of a text as they are spoken."""
    return re.findall(r"[a-z']+", re.sub(r"\bmr\b", "mister", text.lower()))


def f1(right: Counter[str], said: Counter[str]) -> float:
    """Returns the harmonic mean of how much of `said` is right and how much of `right` is said."""
    return 2 * (right & said).total() / (right.total() + said.total())


def chrf(pairs: Iterable[tuple[str, str]], *, longest: int = 6, weight: float = 2.0) -> float:
    """Returns the chrF2 of all pairs of a good translation and the one to judge (Popović, 2015): 0 to 1."""
    right, said, both = Counter[int](), Counter[int](), Counter[int]()
    for good, judged in pairs:
        for length in range(1, longest + 1):
            one, other = _pieces(good, length), _pieces(judged, length)
            right[length] += one.total()
            said[length] += other.total()
            both[length] += (one & other).total()
    precision = sum(both[n] / said[n] for n in said if said[n]) / longest
    recall = sum(both[n] / right[n] for n in right if right[n]) / longest
    if not precision + recall:
        return 0.0
    return (1 + weight**2) * precision * recall / (weight**2 * precision + recall)


def _pieces(text: str, length: int) -> Counter[str]:
    plain = re.sub(r"\s+", "", text)
    return Counter(plain[at : at + length] for at in range(len(plain) - length + 1))
