"""Compares a run with the recorded one: every figure of ours that got worse is named.

A disturbance of the machine makes a figure worse, hardly ever better. So the best round of each run stands for it, and
what seems worse is measured again before it counts.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure
from bench.machine import DECISIVE

RECORDED: Final = Path(__file__).with_name("recorded.json")
WORSE: Final = 0.10  # this part of the recorded figure
# Differences that a clock, or memory that is given out in pages, makes by itself.
_NOTHING: Final = {"ms": 0.1, "s": 0.05, "MB": 2.0, "KB": 2.0, "% of a core": 1.0, "% of core": 1.0}
# What only stands beside our figures: another way to do it.
_BESIDE: Final = frozenset(
    {
        "bulk_update", "documents_text_new", "documents_text_literals", "documents_text_text", "documents_none_text",
        "schedules_none", "here_first", "here_p50", "here_p99", "here_rate", "local_rate", "local_p50",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Regression:
    """A figure of a contender that is worse than recorded."""

    subject: str
    contender: str
    sentence: str


class Incomparable(Exception):
    """The two runs say nothing about each other."""


def read(path: Path) -> dict[str, Any]:
    """Returns the recorded run. Raises Incomparable if there is none."""
    if not path.exists():
        raise Incomparable(f"{path.name} is not there: record a run on this machine first (make bench-record).")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def require_alike(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raises Incomparable, with every difference, if the conditions of both runs are not those of one machine."""
    before, here = recorded["conditions"], now["conditions"]
    differences = [
        f"{name} {before['machine'].get(name)} there, {here['machine'].get(name)} here"
        for name in DECISIVE
        if before["machine"].get(name) != here["machine"].get(name)
    ]
    differences += [
        f"{name} {value} there, {here['scale'].get(name)} here"
        for name, value in before["scale"].items()
        if name != "rounds" and here["scale"].get(name) != value
    ]
    if differences:
        raise Incomparable(f"The recorded run is not comparable with this one: {'; '.join(differences)}.")


def regressions(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Regression]:
    """Yields every figure of ours that both runs have and that got worse by more than a tenth."""
    known = {figure["key"]: figure for figure in recorded["figures"]}
    for figure in now["figures"]:
        if figure["key"] not in known or figure["key"] in _BESIDE:
            continue
        before = known[figure["key"]]["results"]
        for contender, result in figure["results"].items():
            if contender.startswith("Enginehouse") and contender in before:
                old, new = (_best(figure, rounds["rounds"]) for rounds in (before[contender], result))
                if _is_worse(figure["unit"], old, new):
                    yield Regression(figure["subject"], contender, _sentence(figure, contender, old, new))


def _rises(unit: str) -> bool:
    return Figure("", "", unit).rises


def _best(figure: Mapping[str, Any], rounds: list[float]) -> float:
    return max(rounds) if _rises(figure["unit"]) else min(rounds)


def _is_worse(unit: str, old: float, new: float) -> bool:
    loss = old - new if _rises(unit) else new - old
    return loss > WORSE * abs(old) and loss > _NOTHING.get(unit, 0.0)


def _sentence(figure: Mapping[str, Any], contender: str, old: float, new: float) -> str:
    """Returns what got worse, and by how much."""
    change = f" ({(new - old) / old:+.0%})" if old else ""
    return f"{contender}, {figure['key']} ({figure['title']}): {old:.4g} → {new:.4g} {figure['unit']}{change}"
