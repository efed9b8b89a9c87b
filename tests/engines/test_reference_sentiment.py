"""Sentiment: text in a language with a lexicon is judged sentence by sentence. Other text has none, and says so."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from tests.engines.aion import problems
from tests.engines.reference import answer, chunk, work

from enginehouse_engines.lexicon import LANGUAGES, moods
from enginehouse_engines.sentiment import engine

GLAD = "I love this warm and wonderful old place."
SAD = "The terrible storm was a disaster and people were hurt."


def contracts(found: object) -> list[str]:
    return problems(found, "sentiment") + problems(found, "text")


def test_glad_is_positive_and_sad_is_negative() -> None:
    glad = answer(engine, work(payload={"text": GLAD}))["sentiment"]
    sad = answer(engine, work(payload={"text": SAD}))["sentiment"]
    assert glad["positiveValue"] > 0.4 > 0.1 > glad["negativeValue"]
    assert sad["negativeValue"] > 0.4 > 0.1 > sad["positiveValue"]


def test_every_sentence_has_its_sentiment_and_its_place() -> None:
    found = answer(engine, work(payload={"text": f"{GLAD} {SAD}\n\n{SAD}"}))
    assert contracts(found) == []
    assert [(item["paragraph"], item["sentence"], item["text"]) for item in found["object"]] == [
        (1, 1, GLAD), (1, 2, SAD), (2, 1, SAD),
    ]  # fmt: skip
    negative = [item["sentiment"]["negativeValue"] for item in found["object"]]
    assert negative[0] < negative[1] == negative[2]
    assert found["sentiment"]["negativeValue"] == pytest.approx(sum(negative) / 3, abs=1e-4)
    assert found["vendor"]["sentencesJudged"] == found["vendor"]["sentences"] == 3
    assert "note" not in found["vendor"]


@pytest.mark.parametrize(
    "text",
    [
        "Die Leute, die im Hafen wohnen, waren alle da, und es war Dienstag in der Stadt.",  # "die" and "war"
        "Le phare et le port sont fermés, mais la machine tourne encore dans la nuit.",  # no word of the list
        "Každý přístav má dům, který nikdo neobdivuje, a v něm jsou čerpadla.",  # a language without a word list
        "Vanha satama on hiljainen, eikä kukaan ihaile konehuonetta meren rannalla.",
        "Каждая гавань хранит здание, которым никто не восхищается, и в нём стоят насосы.",
    ],
)
def test_other_languages_have_no_sentiment_and_are_said_not_to_be_judged(text: str) -> None:
    found = answer(engine, work(payload={"text": text}))
    assert problems(found, "text") == []
    assert "sentiment" not in found
    assert found["validationContracts"] == ["text"]
    assert all("sentiment" not in item for item in found["object"])
    assert found["vendor"]["sentencesJudged"] == 0
    assert found["vendor"]["coverage"] == 0.0
    assert "not judged" in found["vendor"]["note"]


def test_a_foreign_paragraph_does_not_dilute_the_english_one() -> None:
    alone = answer(engine, work(payload={"text": SAD}))
    mixed = answer(engine, work(payload={"text": f"{SAD}\n\nLa pompe est dans le port et les gens sont dans la rue."}))
    assert mixed["sentiment"] == alone["sentiment"]
    assert (mixed["vendor"]["sentences"], mixed["vendor"]["sentencesJudged"]) == (2, 1)
    assert contracts(mixed) == []
    assert ["sentiment" in item for item in mixed["object"]] == [True, False]


@pytest.mark.parametrize(
    ("language", "glad", "sad"),
    [
        ("de", "Das Hotel ist wunderbar, und die Leute sind freundlich.", "Das Essen ist leider nicht gut."),
        ("fr", "Le séjour est magnifique et les gens sont gentils.", "La chambre n'est pas propre."),
        ("es", "La casa es preciosa y la gente es amable.", "El servicio no es bueno."),
        ("it", "La casa è splendida e le persone sono gentili.", "Il servizio non è buono."),
        ("nl", "Het huis is prachtig en de mensen zijn vriendelijk.", "Het eten is niet goed."),
        ("pt", "A casa é excelente e as pessoas são simpáticas.", "O serviço não é bom."),
    ],
)
def test_other_languages_are_judged_by_their_word_lists(language: str, glad: str, sad: str) -> None:
    found = answer(engine, work(payload={"text": f"{glad}\n\n{sad}"}))
    assert contracts(found) == []
    good, bad = (item["sentiment"] for item in found["object"])
    assert good["positiveValue"] > 0.3
    assert good["negativeValue"] == 0
    assert bad["negativeValue"] > bad["positiveValue"]
    assert found["vendor"]["lexicon"] == f"word lists ({language})"


@pytest.mark.parametrize(
    ("language", "better", "worse"),
    [
        ("de", "sehr gut", "gut"),
        ("de", "gut", "etwas gut"),
        ("de", "gut", "nicht gut"),
        ("de", "nicht schlecht", "schlecht"),
        ("de", "das gefällt und ist gut", "das ist gut nicht"),
        ("de", "teuer, aber wunderbar", "wunderbar, aber teuer"),
        ("nl", "ik vind het goed", "goed vind ik niet"),
        ("fr", "pas mal", "mal"),
        ("es", "nada mal", "mal"),
        ("de", "Alternative", "alt"),  # the stem of a word is not that of a longer one
    ],
)
def test_small_words_turn_and_weigh_the_others(language: str, better: str, worse: str) -> None:
    assert moods(better, language).compound > moods(worse, language).compound


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_of_a_list_has_two_values(language: str) -> None:
    rows = files("enginehouse_engines").joinpath("lexicons", f"{language}.txt").read_text("utf-8").splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["+3", "+2", "+1", "-3", "-2", "-1", "not", "very", "bit", "but"]
    valued = [word for row in rows[:6] for word in row.split()[1:]]
    assert len(valued) == len({word.rstrip("*") for word in valued}) > 150


@pytest.mark.parametrize("text", ["Wonderful!", "Terrible food."])
def test_english_too_short_for_small_words_is_judged(text: str) -> None:
    assert answer(engine, work(payload={"text": text}))["vendor"]["sentencesJudged"] == 1


def test_speech_has_its_sentiment_where_it_was_spoken(tmp_path: Path) -> None:
    series = [
        {"startTimeMs": start + n * 300, "stopTimeMs": start + 300 + n * 300, "words": [{"word": word}]}
        for start, text in ((10_000, GLAD), (20_000, SAD))
        for n, word in enumerate(text.rstrip(".").lower().split())
    ]
    found = answer(engine, work(chunk(tmp_path / "a.json", json.dumps({"series": series}), "application/json")))
    assert contracts(found) == []
    assert "object" not in found
    assert [(item["startTimeMs"], item["stopTimeMs"]) for item in found["series"]] == [
        (10_000, 12_400),
        (20_000, 23_000),
    ]
    assert found["series"][0]["sentiment"]["positiveValue"] > 0.4
    assert found["series"][1]["sentiment"]["negativeValue"] > 0.4


def test_text_without_words_has_no_sentiment() -> None:
    found = answer(engine, work(payload={"text": ""}))
    assert problems(found, "text") == []
    assert ("sentiment" in found, found["object"]) == (False, [])
