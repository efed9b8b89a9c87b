"""Shows how far a run is: a bar on a terminal, and a line for each step elsewhere, always on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Step(Protocol):
    """Receives the name of each step when it begins."""

    def __call__(self, text: str) -> None: ...


@contextmanager
def progress(steps: int) -> Iterator[Step]:
    """Yields what is called at each of the steps."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield line
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        shown = bar.add_task("", total=steps)
        done = iter(range(steps))

        def step(text: str) -> None:
            bar.update(shown, completed=next(done), description=text)

        yield step


def line(text: str) -> None:
    """The text is on stderr."""
    print(text, file=sys.stderr, flush=True)
