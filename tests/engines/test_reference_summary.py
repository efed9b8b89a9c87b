"""A summary is the sentences of a text that say most of it."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from tests.engines.aion import problems
from tests.engines.reference import answer, chunk, work

from enginehouse.engine import EngineFailure, FailureKind, Folder, FolderMode, FolderType
from enginehouse_engines.summary import engine

HARBOUR = (
    "The pumps of the harbour keep the basin dry. It rained on Tuesday. Without the pumps of the harbour the basin "
    "would fill in a night. Two engineers watch the pumps and the basin day and night. Somebody plays a piano far away."
)


def test_what_many_sentences_share_is_said_and_what_stands_alone_is_not() -> None:
    found = answer(engine, work(payload={"text": HARBOUR, "maxSentences": 2}))
    assert problems(found, "summary") == []
    assert "pumps" in found["summary"]
    assert "piano" not in found["summary"]
    assert "rained" not in found["summary"]
    assert found["vendor"] == {"sentences": 5, "sentencesChosen": 2}


def test_its_sentences_are_those_of_the_text_in_their_order() -> None:
    summary = answer(engine, work(payload={"text": HARBOUR}))["summary"]
    chosen = [one for one in HARBOUR.split(". ") if one.rstrip(".") in summary]
    assert len(chosen) == 3
    assert summary.rstrip(".") == ". ".join(chosen).rstrip(".")


def test_a_text_in_several_languages_is_told_in_the_one_it_has_most_of() -> None:
    foreign = "La bomba del puerto está en la casa de la bomba. El puerto es la casa de la bomba y del agua."
    summary = answer(engine, work(payload={"text": f"{foreign}\n\n{HARBOUR}"}))["summary"]
    assert "bomba" not in summary
    assert "pumps" in summary


def test_all_chunks_have_one_summary(tmp_path: Path) -> None:
    said = [one + "." for one in HARBOUR.rstrip(".").split(". ")]
    chunks = [chunk(tmp_path / str(n), text, index=n) for n, text in enumerate(said)]
    whole = answer(engine, work(payload={"text": HARBOUR}))
    assert answer(engine, work(*reversed(chunks))) == whole
    assert engine.spec.gathers


def test_without_anything_to_read_there_is_no_summary() -> None:
    given = replace(work(), folders=(Folder("in", FolderMode.CHUNK, FolderType.INPUT),))
    assert engine.process(given) == []


def test_nothing_is_said_twice() -> None:
    text = f"{HARBOUR} The pumps of the harbour keep the basin quite dry."
    summary = answer(engine, work(payload={"text": text}))["summary"]
    assert summary.count("dry") == 1


def test_headings_are_no_sentences_but_speech_has_no_marks(tmp_path: Path) -> None:
    sample = files("enginehouse_engines").joinpath("samples", "four-languages.md").read_text("utf-8")
    german = sample.split("\n## ")[3]
    found = answer(engine, work(chunk(tmp_path / "a.md", german, "text/markdown"), payload={"maxSentences": 2}))
    assert "Nachmittag im Herbst" not in found["summary"]
    spoken = "one two three four five six\n\nseven eight nine ten\n\neleven twelve thirteen fourteen"
    assert answer(engine, work(payload={"text": spoken, "maxSentences": 1}))["summary"]


@pytest.mark.parametrize(("text", "summary"), [("Too short.", "Too short."), ("", None), ("12 34", "12 34")])
def test_a_short_text_is_its_own_summary(text: str, summary: str | None) -> None:
    found = answer(engine, work(payload={"text": text}))
    assert problems(found) == []
    assert found.get("summary") == summary


@pytest.mark.parametrize("value", [0, 101, True, "3", 2.5])
def test_a_wrong_number_is_named(value: object) -> None:
    with pytest.raises(EngineFailure, match=r"payload\.maxSentences: must be a whole number from 1 to 100") as caught:
        answer(engine, work(payload={"text": HARBOUR, "maxSentences": value}))
    assert caught.value.kind is FailureKind.INVALID_DATA
