"""The second pass names every problem with its path, its value and what is allowed."""

import enum
from typing import Annotated, Any, Literal

import msgspec
import pytest

from enginehouse.api.http.json import check
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.domain.errors import InvalidInput


class Mode(enum.StrEnum):
    STREAM = "stream"
    CHUNK = "chunk"


class Folder(msgspec.Struct, rename=spelled):
    correlation_id: str
    mode: Mode
    sizes: list[Annotated[int, msgspec.Meta(ge=1)]] = []


class Task(msgspec.Struct, rename=spelled, kw_only=True):
    io_folders: Annotated[list[Folder], msgspec.Meta(min_length=1)]
    priority: Annotated[int, msgspec.Meta(ge=-5, le=5)] | None = None
    kind: Literal["a", "b"] = "a"
    label: Annotated[str, msgspec.Meta(max_length=3)] = ""
    target: int | str | None = None
    ratio: float = 0
    options: dict[str, bool] = {}
    anything: Any = None


GOOD = {"ioFolders": [{"correlationID": "x", "mode": "chunk"}]}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"ioFolders": [{"mode": "chunk"}]}, "ioFolders[0].correlationID: required."),
    "enum": (
        {"ioFolders": [{"correlationID": "x", "mode": "chunky"}]},
        'ioFolders[0].mode: one of stream, chunk, got "chunky".',
    ),
    "inner list": (
        {"ioFolders": [{"correlationID": "x", "mode": "chunk", "sizes": [1, 0]}]},
        "ioFolders[0].sizes[1]: integer ≥ 1, got 0.",
    ),
    "empty list": ({"ioFolders": []}, "ioFolders: at least 1 required."),
    "list": (GOOD | {"ioFolders": {}}, "ioFolders: list, got an object."),
    "range": (GOOD | {"priority": 6}, "priority: integer from -5 to 5, got 6."),
    "bool is no integer": (GOOD | {"priority": True}, "priority: integer from -5 to 5, got true."),
    "literal": (GOOD | {"kind": "c"}, 'kind: one of a, b, got "c".'),
    "length": (GOOD | {"label": "long"}, 'label: string of at most 3 characters, got "long".'),
    "union": (GOOD | {"target": []}, "target: integer or string, got a list."),
    "number": (GOOD | {"ratio": "x"}, 'ratio: number, got "x".'),
    "map": (GOOD | {"options": {"x": 1}}, "options.x: true or false, got 1."),
    "beyond 64 bits": (GOOD | {"priority": 10**70}, f"priority: integer from -5 to 5, got 1{'0' * 59}…."),
    "fraction": (GOOD | {"priority": 1.5}, "priority: integer from -5 to 5, got 1.5."),
    "null": (GOOD | {"kind": None}, "kind: one of a, b, got null."),
    "cut": (GOOD | {"ratio": "x" * 500}, f'ratio: number, got "{"x" * 60}…".'),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_problem_is_named(name: str) -> None:
    value, text = WRONG[name]
    assert [problem.message for problem in check.problems(Task, value)] == [text]
    with pytest.raises(InvalidInput) as refused:
        check.fit(Task, value)
    assert refused.value.message == text


def test_a_right_value_has_no_problems() -> None:
    value = GOOD | {"priority": None, "target": "x", "ratio": 1, "unknown": [1], "anything": {"x": [None]}}
    assert check.problems(Task, value) == []
    assert check.fit(Task, value).target == "x"


def test_problems_are_collected_under_a_prefix_and_capped() -> None:
    wrong = {"ioFolders": [{"correlationID": 1, "mode": 2}] * 60}
    found = check.problems(Task, wrong, "tasks[3]")
    assert len(found) == 50
    assert found[1].path == "tasks[3].ioFolders[0].mode"
    assert found[1].value == "2"
    assert found[1].allowed == "one of stream, chunk"


def test_a_body_takes_ids_in_either_casing_and_the_right_one_wins() -> None:
    body = Body(Task)
    other = body.read(b'{"ioFolders":[{"correlationId":"x","mode":"chunk"}]}')
    assert other.io_folders[0].correlation_id == "x"
    both = body.read(b'{"ioFolders":[{"correlationId":"x","correlationID":"y","mode":"chunk"}]}')
    assert both.io_folders[0].correlation_id == "y"
