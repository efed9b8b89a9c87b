"""A figure that got worse by more than a tenth is named; a run of another machine is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from bench.compare import Incomparable, Regression, regressions, require_alike
from bench.figures import SUBJECTS

from bench import command, compare, machine

HERE = {"processor": "a", "cores": 2, "memory_gb": 8, "disk": "ext4", "system": "Linux", "load": 0.1}
SCALE = {"rounds": 3, "seconds": 2.0, "jobs": 2000}


def run(figures: dict[str, tuple[str, list[float]]], contender: str = "Enginehouse SQLite", **machine: Any) -> Any:
    """A run with these figures: key → unit and rounds."""
    told = [
        {"key": key, "title": f"the {key}", "unit": unit, "subject": "s", "results": {contender: {"rounds": rounds}}}
        for key, (unit, rounds) in figures.items()
    ]
    return {"conditions": {"machine": HERE | machine, "scale": SCALE}, "figures": told}


@pytest.mark.parametrize(
    ("unit", "before", "now", "worse"),
    [
        ("jobs/s", [1000.0, 900.0, 950.0], [905.0, 400.0, 300.0], False),  # the best rounds count
        ("jobs/s", [1000.0, 900.0, 950.0], [899.0, 880.0, 890.0], True),
        ("jobs/s", [1000.0], [2000.0], False),
        ("ms", [5.0, 9.0], [5.4, 20.0], False),
        ("ms", [5.0, 9.0], [5.6, 20.0], True),
        ("ms", [0.30], [0.39], False),  # less than the clock can tell
        ("ms", [0.30], [0.45], True),
        ("MB", [10.0], [11.9], False),
        ("MB", [60.0], [70.0], True),
        ("", [1.0], [1.2], True),
    ],
)
def test_a_figure_may_lose_a_tenth(unit: str, before: list[float], now: list[float], worse: bool) -> None:
    found = list(regressions(run({"f": (unit, before)}), run({"f": (unit, now)})))
    assert bool(found) is worse


def test_the_sentence_names_the_figure_and_both_values() -> None:
    [found] = regressions(run({"f": ("jobs/s", [1000.0])}), run({"f": ("jobs/s", [800.0])}))
    sentence = "Enginehouse SQLite, f (the f): 1000 → 800 jobs/s (-20%)"
    assert found == Regression("s", "Enginehouse SQLite", sentence)


def test_neither_peers_nor_what_only_stands_beside_fails() -> None:
    before, now = {"f": ("jobs/s", [1000.0])}, {"f": ("jobs/s", [1.0])}
    assert list(regressions(run(before, "Huey SQLite"), run(now, "Huey SQLite"))) == []
    assert list(regressions(run({"bulk_update": ("s", [1.0])}), run({"bulk_update": ("s", [9.0])}))) == []
    assert list(regressions(run({}), run(now))) == [], "a new figure has nothing to be compared with"


def test_what_only_stands_beside_is_a_figure() -> None:
    assert {figure.key for subject in SUBJECTS for figure in subject.figures} >= compare._BESIDE


def test_a_run_of_another_machine_is_refused_with_all_differences() -> None:
    require_alike(run({}), run({}, load=9.0, system="Linux 7"))
    with pytest.raises(Incomparable) as refused:
        require_alike(run({}), run({}, cores=16, disk="tmpfs"))
    assert "cores 2 there, 16 here; disk ext4 there, tmpfs here" in str(refused.value)
    short = run({}) | {"conditions": {"machine": HERE, "scale": SCALE | {"rounds": 1, "seconds": 0.5}}}
    with pytest.raises(Incomparable, match=r"with this one: seconds 2.0 there, 0.5 here\.$"):
        require_alike(run({}), short)


def test_without_a_recorded_run_the_command_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Incomparable, match="make bench-record"):
        compare.read(tmp_path / "recorded.json")


class Shown:
    """A contender whose rounds are given."""

    name = "Enginehouse SQLite"

    def __init__(self, rounds: list[float]) -> None:
        self._rounds = iter(rounds)

    def measure(self, subject: str, scale: Any) -> dict[str, float]:
        return {"create_1": next(self._rounds)}


@pytest.mark.parametrize(("later", "worse"), [([80.0, 95.0], False), ([80.0, 85.0], True)])
def test_what_seems_worse_is_measured_again(
    later: list[float], worse: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = tmp_path / "recorded.json"
    monkeypatch.setattr(compare, "RECORDED", recorded)
    monkeypatch.setattr(machine, "description", lambda place: HERE)
    monkeypatch.setattr(command, "contenders", lambda *_, **__: [Shown([80.0, *later])])
    written = tmp_path / "now.json"
    monkeypatch.setattr("sys.argv", ["bench", "create", "--rounds", "1", "--json", str(written)])
    assert command.main() == 0
    before = json.loads(written.read_text())
    [figure] = [one for one in before["figures"] if one["key"] == "create_1"]
    figure["results"]["Enginehouse SQLite"]["rounds"] = [100.0]
    recorded.write_text(json.dumps(before))
    monkeypatch.setattr("sys.argv", ["bench", "create", "--rounds", "1", "--compare"])
    monkeypatch.setattr(command, "contenders", lambda *_, **__: [Shown([80.0, *later])])
    assert command.main() == int(worse)
    said = capsys.readouterr().err
    assert "measuring again what seems worse: create" in said
    assert ("worse than recorded: Enginehouse SQLite, create_1" in said) is worse
