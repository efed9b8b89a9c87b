"""The checks of single values: allowed names, suggestions for words, bounds of numbers."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.domain.requests import ENGINES, NOW, job, planned, task

from enginehouse.domain.errors import Fault, InvalidInput
from enginehouse.domain.job import Folder, FolderMode, FolderType
from enginehouse.domain.planning.checks import MAX_NAME_BYTES, MAX_PAYLOAD_BYTES, PlanReport, name_fault
from enginehouse.domain.planning.folders import board_of, takes_chunks
from enginehouse.domain.spelling import GRAPHQL, REST, Spelling

CHUNKS = Folder("c", FolderMode.CHUNK, FolderType.INPUT)
STREAM = Folder("s", FolderMode.STREAM, FolderType.INPUT)
OUT = Folder("o", FolderMode.STREAM, FolderType.OUTPUT)


def report(spelling: Spelling = GRAPHQL) -> PlanReport:
    """An empty report of two listed tasks; the first has a standby, which has a standby too."""
    return PlanReport(spelling, "jobs[0].", [None, None, 0, 2])


# -- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("a b", None),
        ("x" * MAX_NAME_BYTES, None),
        ("é" * 127 + "x", None),
        ("x" * (MAX_NAME_BYTES + 1), "256 bytes, at most 255."),
        ("a\x1f", "character U+001F at position 2 is not allowed."),
        ("\x9f", "character U+009F at position 1 is not allowed."),
        ("\udfff", "character U+DFFF at position 1 is not allowed."),
        ("\xa0é", None),
        ("\u2003", "only spaces."),
    ],
)
def test_what_is_wrong_with_a_name(name: str, fault: str | None) -> None:
    assert name_fault(name) == fault


@example("\x7f")
@example("é" * 128)
@given(st.text(st.characters(), min_size=1, max_size=300))
def test_a_name_is_text_that_can_be_stored_and_seen(name: str) -> None:
    control = any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in name)
    right = not control and not name.isspace() and len(name.encode()) <= MAX_NAME_BYTES
    assert (name_fault(name) is None) == right


# -- words that are almost right ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "words", "hint"),
    [
        ("chunk-im", ["a-in", "chunk-in"], ' Did you mean "chunk-in"?'),
        ("chunk-", ["chunk-in"], ' Did you mean "chunk-in"?'),
        ("chunk", ["chunk-in"], ""),  # three characters apart
        ("a-in", ["zzzz"], ""),
        ("x" * 64, ["x" * 65], f' Did you mean "{"x" * 65}"?'),
        ("x" * 65, ["x" * 65], ""),
        ("in", [], ""),
    ],
)
def test_a_near_word_is_suggested(word: str, words: list[str], hint: str) -> None:
    assert report().nearest(word, words) == hint


def test_only_the_first_problems_get_a_suggestion() -> None:
    asked = report()
    assert [bool(asked.nearest("inn", ["in"])) for _ in range(7)] == [True] * 5 + [False] * 2


# -- where a problem is -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelling", "path"),
    [
        (GRAPHQL, "jobs[0].tasks[0].standbyTask.standbyTask.executionPreferences.priority"),
        (REST, "jobs[0].tasks[0].standbyTask.standbyTask.priority"),
    ],
)
def test_a_standby_is_found_inside_its_principal(spelling: Spelling, path: str) -> None:
    assert report(spelling).preference(3, spelling.priority) == path


def test_a_standby_stands_in_for_everyone_it_is_nested_in() -> None:
    found = [(ordinal, of) for ordinal in range(4) for of in range(4) if report().stands_in(ordinal, of)]
    assert found == [(2, 0), (3, 0), (3, 2)]


# -- numbers and payloads -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"max_engines": (1 << 31) - 1}, []),
        ({"max_engines": 4, "parallel": True}, []),
        ({"max_engines": 1, "parallel": False}, []),
        ({"max_engines": 2, "parallel": False}, ["maxEngines: maxEngines must be 1 when parallelProcessing is false."]),
        ({"max_engines": 1 << 31, "parallel": True}, ["maxEngines: integer ≥ 1, got 2147483648."]),
        ({"max_engines": True}, ["maxEngines: integer ≥ 1, got true."]),
        ({"max_retries": False}, ["maxRetries: 0–100, got false."]),
    ],
)
def test_a_limit_is_a_whole_number_that_the_database_can_hold(fields: dict[str, Any], problems: list[str]) -> None:
    assert refused(fields) == [f"tasks[0].executionPreferences.{problem}" for problem in problems]


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"payload": "x" * (MAX_PAYLOAD_BYTES - 2)}, []),
        ({"payload": "x" * (MAX_PAYLOAD_BYTES - 1)}, ["payload: 1048577 bytes, at most 1 MiB."]),
        ({"payload_text": '"' + "x" * (MAX_PAYLOAD_BYTES - 2) + '"'}, []),
        ({"payload": {"a": object()}}, ["payload: not a JSON value."]),
        (
            {"payload_text": '"' + "\ud800" * (1 << 18) + '"'},
            ["payloadString: not valid JSON (a number or a character that JSON cannot hold)."],
        ),
    ],
    ids=["largest", "larger", "largest text", "no JSON", "half characters"],
)
def test_a_payload_is_json_of_at_most_one_mebibyte(fields: dict[str, Any], problems: list[str]) -> None:
    assert refused(fields) == [f"tasks[0].{problem}" for problem in problems]


def refused(fields: dict[str, Any]) -> list[str]:
    try:
        planned(job(task("batch", **fields)))
    except InvalidInput as refusal:
        return [problem.message for problem in refusal.problems]
    return []


def test_a_task_that_is_due_now_is_not_late() -> None:
    assert planned(job(task("batch", due_at=NOW), due_at=NOW)).warnings == ()


def test_a_value_that_is_too_large_is_told_apart_from_a_wrong_one() -> None:
    with pytest.raises(InvalidInput) as found:
        planned(job(task("batch", payload="x" * MAX_PAYLOAD_BYTES, priority=1.5)))
    assert [problem.fault for problem in found.value.problems] == [Fault.WRONG, Fault.TOO_LARGE]


# -- folders ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folders", "chunks"),
    [
        ((), False),
        ((OUT,), False),
        ((CHUNKS,), True),
        ((OUT, CHUNKS, CHUNKS), True),
        ((STREAM,), False),
        ((CHUNKS, STREAM), False),
        ((STREAM, CHUNKS), False),
    ],
)
def test_a_task_takes_chunks_when_it_reads_nothing_else(folders: tuple[Folder, ...], chunks: bool) -> None:
    assert takes_chunks(folders) == chunks


def test_a_task_is_called_by_the_first_of_reference_name_and_engine_that_it_has() -> None:
    tasks = [
        task("batch", reference="r", name="n"),
        task("batch", name="n"),
        task("batch"),
        task("none"),
        task(None),
    ]
    specs = [ENGINES["batch"]] * 3 + [None, None]
    assert board_of(PlanReport(GRAPHQL, "", [None] * 5), tasks, specs).labels == ["r", "n", "Batch", "none", "tasks[4]"]
