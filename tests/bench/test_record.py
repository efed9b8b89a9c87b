"""What is recorded is what the documentation shows, as a table and as a picture."""

import json
from typing import Any
from xml.etree import ElementTree as ET

from bench.compare import RECORDED
from bench.figures import SUBJECTS
from bench.peer_rows import CONTENDERS, ROWS

from bench import peer_picture, record

MACHINE = {"processor": "a", "cores": 2, "memory_gb": 8, "disk": "ext4", "load": 0.3}
CONDITIONS = {
    "machine": MACHINE,
    "scale": {"rounds": 3, "seconds": 2.0},
    "rounds": 3,
    "python": "3.11",
    "sqlite": "3.40",
}
KEYS = {figure.key: figure for subject in SUBJECTS for figure in subject.figures}


def run(values: dict[str, dict[str, float]], **machine: Any) -> dict[str, Any]:
    """A run with these medians: key → contender → value."""
    figures = [
        {"key": key, "results": {name: {"median": value, "rounds": [value]} for name, value in results.items()}}
        for key, results in values.items()
    ]
    return {"conditions": CONDITIONS | {"machine": MACHINE | machine}, "figures": figures}


def test_a_run_of_some_subjects_replaces_only_what_it_has_measured() -> None:
    first = record.merged(None, run({"create_1": {"A": 1.0, "B": 2.0}, "tasks_1": {"A": 3.0}, "stop_p50": {}}))
    kept = record.merged(first, run({"create_1": {"A": 9.0}}, load=7.0))
    found = {
        figure["key"]: ({name: result["median"] for name, result in figure["results"].items()}, figure["load"])
        for figure in kept["figures"]
    }
    assert found == {"create_1": ({"A": 9.0, "B": 2.0}, 7.0), "tasks_1": ({"A": 3.0}, 0.3)}
    elsewhere = record.merged(kept, run({"create_1": {"A": 5.0}}, cores=16))
    assert [figure["key"] for figure in elsewhere["figures"]] == ["create_1"]


def test_a_row_takes_the_first_figure_that_a_contender_has() -> None:
    [row] = [row for row in ROWS if row.keys[0] == "bulk_settle"]
    ours, dbos, each = "Enginehouse SQLite", "DBOS PostgreSQL", "Procrastinate PostgreSQL"
    kept = run({"bulk_each": {dbos: 9.0, each: 250.0}, "bulk_ids": {dbos: 17.0}, "bulk_settle": {ours: 6.0}})
    assert row.values(kept) == {ours: 6.0, each: 250.0, dbos: 17.0}


def test_every_row_names_figures_that_are_measured() -> None:
    assert {key for row in ROWS for key in row.keys} <= KEYS.keys()
    assert all(KEYS[key].unit == row.unit for row in ROWS for key in row.keys)


def test_the_page_gets_its_tables_and_keeps_the_rest() -> None:
    text = "a\n<!-- measured: peers -->\nold\n<!-- end of peers -->\nb\n<!-- measured: ours -->\n<!-- end of ours -->\n"
    kept = record.merged(None, run({"create_1": {"Enginehouse SQLite": 1234.5, "Huey SQLite": 7.25}}, load=6.5))
    page = record.page(text, kept)
    assert "| Creates, 1 client | jobs/s | 1 234 | 7.25 |" in page
    assert "| one job a request, 1 client | jobs/s |  | 1 234 | – |" in page
    assert "busy with other work for some of them (load up to 6.5)" in page
    assert page.startswith("a\n<!-- measured: peers -->\n")
    assert "old" not in page
    assert record.page(page, kept) == page


def test_the_picture_has_a_bar_for_each_contender_and_colours_for_both_kinds_of_pages() -> None:
    kept = run({"create_64": dict.fromkeys(CONTENDERS, 100.0) | {"Huey SQLite": 50.0}})
    drawn = peer_picture.picture(kept)
    root = ET.fromstring(drawn)
    bars = [one for one in root.iter("{http://www.w3.org/2000/svg}rect") if one.get("class") != "page"]
    assert [bar.get("class") for bar in bars] == ["ours", "ours", *["peer"] * (len(CONTENDERS) - 2)]
    widths = [float(bar.get("width", "")) for bar in bars]
    assert widths[CONTENDERS.index("Huey SQLite")] * 2 == widths[0] == max(widths)
    assert "prefers-color-scheme: dark" in drawn


def test_the_documentation_shows_what_is_recorded() -> None:
    kept = json.loads(RECORDED.read_text())
    assert record.page(record.PAGE.read_text(), kept) == record.PAGE.read_text()
    assert record.PICTURE.read_text() == peer_picture.picture(kept)
