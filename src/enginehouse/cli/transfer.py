"""How far a transfer is: a bar on stderr while bytes come, only on a terminal, so that nothing else ever has it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from enginehouse.cli import output

if TYPE_CHECKING:
    from rich.progress import Progress


def with_bar(blocks: Iterator[bytes], name: str, size: int | None = None) -> Iterator[bytes]:
    """Yields the blocks. Meanwhile a bar on stderr shows how many of the `size` bytes have come."""
    if not sys.stderr.isatty():
        yield from blocks
        return
    with _progress() as progress:
        task = progress.add_task(name, total=size)
        for block in blocks:
            progress.advance(task, len(block))
            yield block


@contextmanager
def opened_with_bar(path: Path) -> Iterator[BinaryIO]:
    """Yields the file to read. Meanwhile a bar on stderr shows how much of it was read. Raises OSError."""
    with path.open("rb") as file:
        if not sys.stderr.isatty():
            yield file
            return
        with _progress() as progress, progress.wrap_file(file, path.stat().st_size, description=path.name) as watched:
            yield watched


def _progress() -> "Progress":
    from rich.progress import (  # noqa: PLC0415 -- it takes long, and most commands send no file
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=output.console(err=True), transient=True)
