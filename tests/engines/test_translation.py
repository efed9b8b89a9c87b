"""English becomes Portuguese and back, with the packages in an environment of their own."""

import json
from typing import Any

import pytest
from tests.engines import extras
from tests.engines.aion import problems


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("translation")
    spoken = [
        {"startTimeMs": n * 300, "stopTimeMs": n * 300 + 300, "words": [{"word": word}]}
        for n, word in enumerate(["The", "house", "is", "very", "old", "."])
    ]
    (folder / "talk.json").write_text(json.dumps({"series": spoken, "language": "en-US"}))
    return extras.call(
        "translation",
        {
            "english": ([], {"text": "How are you today?\n\nThe house is very old."}),
            "portuguese": ([], {"text": "A casa é muito velha e o mar está perto."}),
            "speech": ([{"path": str(folder / "talk.json"), "media_type": "application/json"}], None),
            "forced": ([], {"text": "Casa velha.", "from": "pt"}),
            "empty": ([], {"text": " 7 "}),
            "german": ([], {"text": "Das Haus ist sehr alt, und das Meer ist nicht weit von der Stadt."}),
            "uncertain": ([], {"text": "Zork"}),
            "wrong": ([], {"text": "House", "from": "de"}),
        },
        folder,
    )


def test_each_paragraph_is_translated(answers: dict[str, Any]) -> None:
    [document] = answers["english"]
    assert problems(document, "text") == []
    assert [(one["paragraph"], one["text"]) for one in document["object"]] == [
        (1, "Como você está hoje?"),
        (2, "A casa é muito antiga."),
    ]
    assert (document["language"], document["vendor"]) == ("pt-BR", {"from": "en"})


def test_it_goes_both_ways(answers: dict[str, Any]) -> None:
    [document] = answers["portuguese"]
    assert document["language"] == "en"
    assert "house is very old" in document["object"][0]["text"]
    assert "old house" in answers["forced"][0]["object"][0]["text"]


def test_speech_keeps_its_times(answers: dict[str, Any]) -> None:
    [document] = answers["speech"]
    assert problems(document, "text") == []
    [item] = document["series"]
    assert (item["startTimeMs"], item["stopTimeMs"]) == (0, 1800)
    assert item["object"]["text"].startswith("A casa é muito antiga")


def test_without_words_there_is_nothing_to_translate(answers: dict[str, Any]) -> None:
    assert answers["empty"][0]["object"] == []


def test_another_language_is_refused(answers: dict[str, Any]) -> None:
    end = "; this engine translates en and pt. payload.from says which it is."
    assert answers["german"]["message"] == f'"payload.text" seems to be in the language de{end}'
    assert answers["uncertain"]["message"] == f'"payload.text" has a language that is not certain{end}'
    assert answers["wrong"]["message"] == "payload.from: must be one of en, pt, not 'de'."
