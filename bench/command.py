"""The command: it chooses what is measured, in which order, and where the figures go."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bench.figures import SUBJECTS, Sample, Subject
from bench.house import Enginehouse
from bench.neighbours import NEXT, QUEUES, WEB, APScheduler, FastAPI, Huey, Procrastinate, install
from bench.scale import FULL, QUICK, Scale
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from tests.postgres import FSYNC, started

from bench import table

_DATABASES = ("sqlite", "postgres")


class Contender(Protocol):
    """One column of the table. It measures a round of a subject."""

    @property
    def name(self) -> str: ...

    def measure(self, subject: str, scale: Scale) -> Sample: ...


class Step(Protocol):
    """Receives the name of each step when it begins."""

    def __call__(self, text: str) -> None: ...


def main() -> int:
    """Returns 0 if everything was measured, 1 if something could not be. Missed targets do not change it."""
    asked = _asked()
    subjects = [subject for subject in SUBJECTS if not asked.subjects or subject.key in asked.subjects]
    scale = QUICK if asked.quick else FULL
    if asked.rounds is not None:
        scale = replace(scale, rounds=asked.rounds)
    samples: dict[str, dict[str, list[Sample]]] = {}
    failures: list[str] = []
    with ExitStack() as open_until_shown:
        contenders = _contenders(asked, open_until_shown)
        steps = len(list(_order(scale, subjects, contenders)))
        with _progress(steps) as step:
            for round_, subject, contender in _order(scale, subjects, contenders):
                step(f"{subject.key}, round {round_} of {scale.rounds}: {contender.name}")
                try:
                    sample = contender.measure(subject.key, scale)
                except Exception as error:
                    failures.append(f"{contender.name}, {subject.key}: {type(error).__name__}: {error}")
                    continue
                samples.setdefault(contender.name, {}).setdefault(subject.key, []).append(sample)
        run = table.Run(scale, tuple(c.name for c in contenders), samples, _disk(asked.place), FSYNC)
    table.show(run, subjects)
    if asked.json is not None:
        table.write(run, subjects, asked.json)
    for failure in failures:
        print(f"not measured: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _order(
    scale: Scale, subjects: Sequence[Subject], contenders: Sequence[Contender]
) -> Iterator[tuple[int, Subject, Contender]]:
    """Yields the contenders in turns, so that a disturbance of the machine affects all of them."""
    for subject in subjects:
        for round_ in range(scale.rounds):
            for contender in contenders:
                if subject.measures(contender.name):
                    yield round_ + 1, subject, contender


def _contenders(asked: argparse.Namespace, closing: ExitStack) -> list[Contender]:
    names = asked.database or _DATABASES
    found: list[Contender] = []
    postgres = None
    if asked.peers:
        for environment in (QUEUES, NEXT, WEB):
            install(environment, _line)
    if "sqlite" in names:
        found.append(Enginehouse("Enginehouse SQLite", asked.place, None))
    if "postgres" in names:
        # On a memory disk a durable commit would cost nothing, so the data is where SQLite's is.
        postgres = closing.enter_context(started("shared_buffers=256MB", "max_connections=200", place=asked.place))
        found.append(Enginehouse("Enginehouse PostgreSQL", asked.place, postgres))
    if asked.peers and postgres is not None:
        found.append(Procrastinate("Procrastinate PostgreSQL", postgres))
        found.append(FastAPI("FastAPI PostgreSQL", asked.place, postgres))
    if asked.peers and "sqlite" in names:
        found.append(Huey("Huey SQLite", asked.place))
        found.append(FastAPI("FastAPI SQLite", asked.place, None))
        found.append(APScheduler("APScheduler 3 SQLite", asked.place, "apscheduler3_peer", QUEUES))
        found.append(APScheduler("APScheduler 4 SQLite", asked.place, "apscheduler4_peer", NEXT))
    return found


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Benchmarks of Enginehouse beside its peers.")
    known = [subject.key for subject in SUBJECTS]
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"{', '.join(known)}; all without one")
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works, not how fast")
    parser.add_argument(
        "--rounds", type=_positive, metavar="N", help="measure everything N times, and show the medians"
    )
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="Enginehouse alone")
    parser.add_argument("--database", action="append", choices=_DATABASES, help="one of the two; both without it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples to FILE as well")
    parser.add_argument(
        "--place", type=Path, default=Path(tempfile.gettempdir()), help="the folder whose disk the data is put on"
    )
    asked = parser.parse_args()
    if unknown := sorted(set(asked.subjects) - set(known)):
        parser.error(f"{', '.join(unknown)}: not a subject; choose from {', '.join(known)}.")
    return asked


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


@contextmanager
def _progress(steps: int) -> Iterator[Step]:
    """Shows a bar on a terminal, and a line for each step elsewhere, always on stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        shown = bar.add_task("", total=steps)
        done = iter(range(steps))

        def step(text: str) -> None:
            bar.update(shown, completed=next(done), description=text)

        yield step


def _line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _disk(place: Path) -> str:
    """Returns the file system of `place`, as far as the system reports it."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "an unknown file system"
    best, kind = "", "an unknown file system"
    for line in mounts.read_text().splitlines():
        _, mounted, system, *_ = line.split()
        if place.resolve().is_relative_to(mounted) and len(mounted) >= len(best):
            best, kind = mounted, system
    return kind


if __name__ == "__main__":
    # SIGINT and SIGTERM both stop the servers and remove their folders.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
