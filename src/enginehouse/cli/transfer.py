"""How far a transfer is: a bar on stderr while bytes come, only on a terminal, so that nothing else ever has it."""

import sys
from collections.abc import Iterator

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from enginehouse.cli import output


def with_bar(blocks: Iterator[bytes], name: str, size: int | None = None) -> Iterator[bytes]:
    """Yields the blocks. Meanwhile a bar on stderr shows how many of the `size` bytes have come."""
    if not sys.stderr.isatty():
        yield from blocks
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=output.console(err=True), transient=True) as progress:
        task = progress.add_task(name, total=size)
        for block in blocks:
            progress.advance(task, len(block))
            yield block
