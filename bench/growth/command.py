"""`bench/run.py scale`: what everything costs with few stored jobs and with many, side by side."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import uvloop
from bench.growth import calls, verbs
from bench.growth.rows import DEEP_SLOW, MOST, REFUSED, SLOW, Row, of_waits
from bench.growth.stored import Stored, stored
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tests.postgres import PostgresServer, started

from bench import processors

SIZES: Final = (1_000, 100_000, 1_000_000)
_SMALL: Final = (200, 2_000)
_HUGE: Final = 10_000_000
_DATABASES: Final = ("sqlite", "postgres")
_WIDTH: Final = 120


def main(arguments: Sequence[str]) -> int:
    """Returns 0 if everything was measured. What grows too much or is slow is shown (✗) and does not change it."""
    wanted = _wanted(arguments)
    sizes, tasks = wanted.sizes or (_SMALL if wanted.quick else SIZES), 5
    if wanted.huge:
        sizes, tasks = (sizes[0], _HUGE), 1
    found = dict[str, list[Row]]()
    for name in wanted.database or _DATABASES:
        print(f"{name}: {', '.join(f'{size:,}' for size in sizes)} jobs of {tasks} tasks", file=sys.stderr, flush=True)
        if name == "sqlite":
            found[name] = uvloop.run(_measure(sizes, tasks, wanted, None))
        else:
            with started("shared_buffers=256MB", "max_connections=300", place=wanted.place) as postgres:
                found[name] = uvloop.run(_measure(sizes, tasks, wanted, postgres))
        show(name, sizes, found[name])
    if wanted.json is not None:
        told = {name: [_told(row) for row in rows] for name, rows in found.items()}
        wanted.json.write_text(json.dumps({"sizes": sizes, "tasks": tasks, "rows": told}, indent=1) + "\n")
    return 0


async def _measure(
    sizes: Sequence[int], tasks: int, wanted: argparse.Namespace, postgres: PostgresServer | None
) -> list[Row]:
    async with stored(sizes, tasks, wanted.place, postgres) as found:
        size_of = [await one.bytes() for one in found]
        waits = await verbs.measure(found)
        processors.keep_to(processors.CLIENTS)
        try:
            called, rows = await calls.measure(found, wanted.only)
        finally:
            processors.keep_to(None)
        for known, more in zip(waits, called, strict=True):
            known.update(more)
        return [_bytes(found, size_of), *of_waits(waits, rows)]


def _bytes(found: Sequence[Stored], size_of: Sequence[int]) -> Row:
    values = tuple(size / one.count / 1e3 for one, size in zip(found, size_of, strict=True))
    return Row("database, for each job", "KB", values)


def _told(row: Row) -> dict[str, object]:
    values = ["refused" if value == REFUSED else value for value in row.values]
    return asdict(row) | {"values": values, "ratio": row.ratio, "grows": row.grows, "slow": row.is_slow}


def show(name: str, sizes: Sequence[int], rows: Sequence[Row]) -> None:
    """The rows are on stdout; then those that grow too much, those that are slow, and how many stand alone."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(name)
    table.add_column("unit")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right", no_wrap=True)
    table.add_column(f"ratio, ≤ {MOST}", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.title, row.unit, *map(_number, row.values), _ratio(row))
    console.print(table)
    large = [row for row in rows if row.grows]
    console.print(f"{name}: {len(large)} of {len(rows)} above {MOST}", highlight=False)
    for row in sorted(large, key=lambda row: -(row.ratio or 0)):
        ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
        console.print(f"  {ratio}  {_line(row)}", highlight=False)
    slow = [row for row in rows if row.is_slow]
    bounds = f"{SLOW:.0f} ms, or {DEEP_SLOW:.0f} ms for a thousandth page"
    console.print(f"{name}: {len(slow)} lists above {bounds}", highlight=False)
    for row in sorted(slow, key=lambda row: -(row.values[-1] or 0)):
        console.print(f"  {_line(row)}", highlight=False)
    alone = [row for row in rows if row.ratio is None and row.values[-1] is not None and not row.grows]
    console.print(f"{name}: {len(alone)} have no smaller size with as many rows to compare with", highlight=False)


def _line(row: Row) -> str:
    return f"{row.title}: {' → '.join(_number(value) for value in row.values)} {row.unit}"


def _number(value: float | None) -> str:
    if value is None or value == REFUSED:
        return "–" if value is None else "refused"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _ratio(row: Row) -> Text:
    bad = row.grows or row.is_slow
    words = [f"{row.ratio:.2f}"] if row.ratio is not None else []
    words += ["slow"] if row.is_slow and not row.grows else []
    if not words and not bad:
        return Text("–", style="dim")
    return Text(" ".join([*words, "✗" if bad else "✓"]), style="red" if bad else "green")


def _wanted(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run.py scale", description="What everything costs with few stored jobs and with many."
    )
    parser.add_argument(
        "--sizes", type=_size, nargs="+", metavar="JOBS", help="how many; 1000, 100000 and 1000000 without it"
    )
    parser.add_argument("--huge", action="store_true", help="the smallest, and 10 million jobs of one task")
    parser.add_argument("--quick", action="store_true", help="200 and 2000 jobs: to see that it works")
    parser.add_argument("--database", action="append", choices=_DATABASES, help="one of the two; both without it")
    parser.add_argument(
        "--only", action="append", metavar="WORDS", help="of the lists, those with these words in their titles"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values to FILE as well")
    parser.add_argument(
        "--place", type=Path, default=Path(tempfile.gettempdir()), help="the folder whose disk the data is put on"
    )
    wanted = parser.parse_args(arguments)
    if wanted.sizes is not None and wanted.sizes != sorted(set(wanted.sizes)):
        parser.error("--sizes: from the smallest to the largest, each once.")
    return wanted


def _size(text: str) -> int:
    number = int(text)
    if number < _SMALL[0]:
        raise argparse.ArgumentTypeError(f"{_SMALL[0]} or more, got {number}.")
    return number
