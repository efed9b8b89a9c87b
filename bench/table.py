"""Shows figures as a table for people and as JSON for programs."""

import platform
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from bench.figures import Figure, Sample, Subject, medians
from bench.scale import Scale
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH = 160
_NOTES = """\
Medians of {rounds}; ✓ target reached, ✗ missed. {processor}, {cores} cores, load {load} at the start, data on {disk}.
Python {python}, SQLite {sqlite}.
Enginehouse: `enginehouse serve`, over HTTP. SQLite: WAL, synchronous=FULL. PostgreSQL: {fsync}, synchronous_commit=on.
Procrastinate: its library in the client, the same PostgreSQL, one worker process, 50 jobs at a time.
PgQueuer: its library in the client, the same PostgreSQL, all tables durable, one worker process, batches of 50.
DBOS: its client in the client's process, the same PostgreSQL, one executor process, queues polled each second.
Huey: its library in the client, SQLite as it comes (WAL, synchronous=FULL), two worker processes, default polling.
Prefect: its own server over HTTP, SQLite as it comes (WAL, synchronous=NORMAL, so less durable), one worker process.
APScheduler: its scheduler with an SQLAlchemy store on SQLite as it comes, fired where a function of its was called.
FastAPI: one uvicorn process with SQLAlchemy; a job, its tasks and its routes are rows of one transaction, over HTTP.
A peer's job is one function call: no graph, no leases. Its start is a worker's first task, its list 30 jobs of a queue.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """All measurements: contender → subject → the samples of its rounds."""

    scale: Scale
    contenders: tuple[str, ...]
    samples: dict[str, dict[str, list[Sample]]]
    machine: dict[str, Any]
    fsync: str


def show(run: Run, subjects: Sequence[Subject]) -> None:
    """The figures are on stdout, one row for each, the contenders side by side."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for names, alike in groupby(subjects, lambda subject: tuple(filter(subject.measures, run.contenders))):
        console.print(_table(run, names, alike))
    console.print(_notes(run), highlight=False, style="dim")


def _table(run: Run, names: Sequence[str], subjects: Iterable[Subject]) -> Table:
    """Returns the table of the subjects that the same contenders measure."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("\nunit", no_wrap=True)
    table.add_column("\ntarget", justify="right", no_wrap=True)
    for name in names:
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for subject in subjects:
        table.add_section()
        table.add_row(Text(subject.title, style="bold"))
        found = {name: medians(run.samples.get(name, {}).get(subject.key, [])) for name in names}
        for figure in subject.figures:
            cells = [_cell(figure, found[name].get(figure.key), ours=_ours(name)) for name in names]
            table.add_row(f"  {figure.title}", figure.unit, _target(figure), *cells)
    return table


def told(run: Run, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Returns every sample, the medians, the targets and the conditions, for programs."""
    figures = [
        asdict(figure)
        | {
            "subject": subject.key,
            "results": {
                name: {"median": medians(samples)[figure.key], "rounds": [s[figure.key] for s in samples]}
                for name in run.contenders
                if (samples := [s for s in run.samples.get(name, {}).get(subject.key, []) if figure.key in s])
            },
        }
        for subject in subjects
        for figure in subject.figures
    ]
    return {"conditions": _conditions(run) | {"scale": asdict(run.scale)}, "figures": figures}


def _ours(contender: str) -> bool:
    return contender.startswith("Enginehouse")


def _cell(figure: Figure, value: float | None, *, ours: bool) -> Text:
    if value is None:
        return Text("–", style="dim")
    reached = figure.reached(value) if ours else None
    mark, style = {None: ("  ", ""), True: (" ✓", "green"), False: (" ✗", "red")}[reached]
    return Text(f"{_number(value)}{mark}", style=style)


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{'≤' if figure.less else '≥'} {_number(figure.target)}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _conditions(run: Run) -> dict[str, Any]:
    return {
        "rounds": run.scale.rounds,
        "machine": run.machine,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "fsync": f"fsync={run.fsync}",
    }


def _notes(run: Run) -> str:
    known = _conditions(run) | run.machine
    known["rounds"] = "1 round" if run.scale.rounds == 1 else f"{run.scale.rounds} rounds"
    return _NOTES.format(**known)
