"""`bench/run.py scale`: it measures every filter of both interfaces, and judges what grows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench.growth import command, lists
from bench.growth.rows import DEEP_SLOW, REFUSED, SLOW, Row, of_waits
from bench.growth.stored import ENGINES, Stored
from graphql import build_schema
from tests.filling import Filled
from tests.history import History
from tests.thorough import slowly

from enginehouse.api.edge import task_query
from enginehouse.api.graphql import schema
from enginehouse.api.v1 import jobs as own_jobs

COMMAND = [sys.executable, str(Path(__file__).parents[2] / "bench/run.py"), "scale"]
# Places and orders: each filter is read in all of them.
PAGE = {"limit", "offset", "orderBy", "direction"}


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(2_000, History(1_000, engines=ENGINES), Filled(1_000), tmp_path, None)


def test_every_filter_that_rest_has_is_measured(stored: Stored) -> None:
    used = {name for query in lists.rest_jobs(stored).values() for name in query}
    assert used == set(own_jobs.LIST) - PAGE
    used = {name for query in lists.rest_tasks(stored).values() for name in query}
    assert used == set(task_query.LIST) - PAGE


def test_every_filter_that_graphql_has_is_measured(stored: Stored) -> None:
    declared = build_schema((Path(schema.__file__).with_name("schema.graphql")).read_text()).query_type
    assert declared is not None
    used = {text.partition(":")[0] for text in lists.graphql_jobs(stored).values() if text}
    assert used == set(declared.fields["jobs"].args) - PAGE


@pytest.mark.parametrize(
    ("values", "ratio", "grows"),
    [
        ((1.0, 1.2, 1.4), 1.4, False),
        ((1.0, 9.0, 1.5), 1.5, False),
        ((1.0, 1.2, 1.6), 1.6, True),
        ((None, 1.0, 2.0), 2.0, True),
        ((None, None, 2.0), None, False),
        ((0.01, 0.02, 0.04), 4.0, False),
        ((1.0, 9.0, REFUSED), None, True),
    ],
)
def test_a_ratio_compares_the_largest_size_with_the_smallest(
    values: tuple[float | None, ...], ratio: float | None, grows: bool
) -> None:
    row = Row("a read", "ms", values)
    assert (row.ratio, row.grows) == (pytest.approx(ratio) if ratio else None, grows)


def test_a_page_counts_only_where_it_is_as_full_as_at_the_largest_size() -> None:
    waits = [{"page": [1.0], "other": [1.0], "all, page 1000": [1.0]} for _ in range(2)]
    rows = [{"page": 4, "all, page 1000": 0}, {"page": 10, "all, page 1000": 0}]
    assert [row.values for row in of_waits(waits, rows)] == [(None, 1.0), (1.0, 1.0), (None, None)]


def test_a_list_that_is_slow_at_the_largest_size_shows_even_if_no_other_size_has_its_page() -> None:
    """The waits of each list with few and with many jobs, and whether it shows."""
    lists = {
        "first": (1.0, SLOW + 1, True),
        "first, but quick": (1.0, SLOW - 1, False),
        "list, page 1000": (1.0, DEEP_SLOW + 1, True),
        "list, but quick, page 1000": (1.0, DEEP_SLOW - 1, False),
        "refused, page 1000": (1.0, REFUSED, True),
    }
    waits = [{name: [each[n]] for name, each in lists.items()} | {"start of the server": [9_000.0]} for n in (0, 1)]
    rows = [dict.fromkeys(lists, returned) for returned in (0, 10)]
    found = of_waits(waits, rows)
    assert {row.title: row.is_slow for row in found} == {name: each[2] for name, each in lists.items()} | {
        "start of the server": False
    }
    assert [row.ratio for row in found[:-1]] == [None] * len(lists)


def test_the_two_sizes_with_the_same_page_are_compared_where_the_smallest_has_less_of_it() -> None:
    waits = [{"list, page 1000": [wait]} for wait in (0.1, 40.0, 90.0)]
    [row] = of_waits(waits, [{"list, page 1000": returned} for returned in (0, 10, 10)])
    assert (row.values, row.ratio, row.grows, row.is_slow) == ((None, 40.0, 90.0), 2.25, True, False)


def test_what_grows_what_is_slow_and_what_is_alone_is_said_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        Row("grown", "ms", (1.0, 2.0), SLOW),
        Row("alone and slow, page 1000", "ms", (None, 900.0), DEEP_SLOW),
        Row("alone and quick, page 1000", "ms", (None, 9.0), DEEP_SLOW),
    ]
    command.show("sqlite", (200, 2_000), rows)
    shown = [line.strip() for line in capsys.readouterr().out.partition("sqlite: ")[2].splitlines()]
    assert shown == [
        "1 of 3 above 1.5",
        "2.00  grown: 1 → 2 ms",
        "sqlite: 1 lists above 100 ms, or 300 ms for a thousandth page",
        "alone and slow, page 1000: – → 900 ms",
        "sqlite: 2 have no smaller size with as many rows to compare with",
    ]


@slowly
def test_a_quick_run_measures_and_leaves_nothing(tmp_path: Path, place: Path) -> None:
    written = tmp_path / "growth.json"
    places = ["--json", str(written), "--place", str(place)]
    run = subprocess.run([*COMMAND, "--quick", *places], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "retention of 2 jobs" in run.stdout
    found = json.loads(written.read_text())
    for database, rows in found["rows"].items():
        titles = {row["title"] for row in rows}
        assert {"claim of an item", "create of a job of 5 tasks", "GraphQL jobs, an id"} <= titles, database
        assert all(row["values"][-1] is None or row["values"][-1] > 0 for row in rows)
    assert not list(place.iterdir()), "the data of a run is thrown away"
