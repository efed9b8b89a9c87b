"""The tables of the documentation, from the recorded run."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bench.compare import WORSE
from bench.figures import SUBJECTS, Figure
from bench.peer_rows import CONTENDERS, OURS, ROWS, number

QUIET: Final = 1.0  # processes that want to run beside the measurement


def peers(kept: Mapping[str, Any]) -> str:
    """The product beside the task queues."""
    shown = [name for name in CONTENDERS if any(name in row.values(kept) for row in ROWS)]
    rows = []
    for row in ROWS:
        if not (values := row.values(kept)):
            continue
        cells = [number(values[name]) if name in values else "–" for name in shown]
        rows.append([row.title, row.unit, *cells])
    return f"{_conditions(kept)}\n\n{_table(['', 'unit', *shown], rows)}"


def ours(kept: Mapping[str, Any]) -> str:
    """Every figure of the product, with its target."""
    known = {figure["key"]: figure for figure in kept["figures"]}
    parts = []
    for subject in SUBJECTS:
        rows = []
        for figure in subject.figures:
            results = known.get(figure.key, {}).get("results", {})
            if any(name in results for name in OURS):
                cells = [_cell(figure, results.get(name)) for name in OURS]
                rows.append([figure.title, figure.unit, _target(figure), *cells])
        if rows:
            parts.append(_table([subject.title, "unit", "target", *OURS], rows))
    return f"{_conditions(kept)}\n\n" + "\n\n".join(parts)


def _conditions(kept: Mapping[str, Any]) -> str:
    known, machine = kept["conditions"], kept["conditions"]["machine"]
    loads = [figure["load"] for figure in kept["figures"]]
    most = max(loads, default=0.0)
    state = (
        "quiet" if most <= QUIET else f"busy with other work for some of them (load up to {most:g}), which are too bad"
    )
    what = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, data on {machine['disk']}"
    versions = f"Python {known['python']}, SQLite {known['sqlite']}"
    rounds = "One round" if known["rounds"] == 1 else f"Medians of {known['rounds']} rounds"
    return (
        f"{rounds} on {what}, {versions}; the machine was {state}. "
        f"`make bench-compare` fails if one of our figures is more than {WORSE:.0%} worse than these."
    )


def _cell(figure: Figure, result: Mapping[str, Any] | None) -> str:
    if result is None:
        return "–"
    reached = figure.reached(result["median"])
    return number(result["median"]) + ("" if reached is None else " ✓" if reached else " ✗")


def _target(figure: Figure) -> str:
    return "" if figure.target is None else f"{'≤' if figure.less else '≥'} {number(figure.target)}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", "---", *["---:"] * (len(head) - 2)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
