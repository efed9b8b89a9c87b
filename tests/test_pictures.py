"""The two pictures of the architecture page agree with the code: its layers, and functions that exist."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/explanation/architecture.md").read_text()
FLOORS, WAY = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
ARROW = re.compile(r"^ +([\w &]+?) (?:-- \"[^\"]*\" )?(-->|-\. \"[^\"]*\" \.->) ([\w &]+)$", re.MULTILINE)
NODE = re.compile(r"^ +(\w+)\[\"([^\"]+)\"\]$", re.MULTILINE)


def layers() -> dict[str, int]:
    """Returns each top-level module with its layer, 0 at the bottom."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [street] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return {name: height for height, layer in enumerate(reversed(street)) for name in layer.split(" | ")}


def arrows(picture: str) -> list[tuple[str, str, bool]]:
    """Returns the arrows: from, to, and True for a call."""
    return [
        (start, end, line == "-->")
        for starts, line, ends in ARROW.findall(picture)
        for start in starts.split(" & ")
        for end in ends.split(" & ")
    ]


def test_the_picture_of_the_floors_has_every_floor() -> None:
    assert {name for name, _ in NODE.findall(FLOORS)} == layers().keys() - {"__main__"}


def test_every_arrow_between_floors_goes_down() -> None:
    height = layers()
    assert [(start, end) for start, end, _ in arrows(FLOORS) if height[start] <= height[end]] == []


def test_every_line_of_the_pictures_is_understood() -> None:
    for picture in (FLOORS, WAY):
        lines = [line for line in picture.splitlines() if line.startswith(" ")]
        assert [line for line in lines if not (ARROW.match(line) or NODE.match(line))] == []


@pytest.mark.parametrize("name", [label for _, label in NODE.findall(WAY)])
def test_what_stands_on_a_jobs_way_exists(name: str) -> None:
    path = f"enginehouse.{name}"
    try:
        importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, attribute = path.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute)


def test_every_call_on_a_jobs_way_goes_down() -> None:
    height, labels = layers(), dict(NODE.findall(WAY))
    floor = {node: height[label.split(".")[0]] for node, label in labels.items()}
    calls = [(start, end) for start, end, is_call in arrows(WAY) if is_call]
    assert calls
    assert [(start, end) for start, end in calls if floor[start] <= floor[end]] == []
