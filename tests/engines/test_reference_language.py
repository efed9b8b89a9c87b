"""Language identification: one language for each input, with a true confidence."""

import json
from pathlib import Path

import pytest
from tests.engines.aion import problems
from tests.engines.reference import answer, chunk, work

from enginehouse_engines.language import engine

SENTENCES = {
    "en": "The pumps keep the old basin dry, and the gauge tells you how long the town may sleep.",
    "es": "Al otro lado del muelle vive una mujer que arregla relojes y barómetros.",
    "fr": "Quelques semaines plus tard, une lettre arriva de Bretagne.",
    "de": "Heute führt sie das Maschinenhaus und kennt jedes Ventil beim Namen.",
    "cs": "Starý přístav má strojovnu, kterou nikdo neobdivuje, a přesto ji všichni potřebují.",
    "el": "Κάθε λιμάνι έχει ένα κτίριο που κανείς δεν θαυμάζει.",
    "ja": "港の古い機関室では毎朝ポンプが動いています。",
    "ar": "في المدينة القديمة بيت للآلات لا يلاحظه أحد.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_recognised(language: str) -> None:
    found = answer(engine, work(payload={"text": SENTENCES[language]}))
    assert problems(found, "language") == []
    assert found["language"] == language
    assert found["vendor"]["confidence"] > 0.9
    assert found["vendor"]["characters"] == len(SENTENCES[language])


def test_a_single_word_is_answered_with_the_little_confidence_it_deserves() -> None:
    found = answer(engine, work(payload={"text": "hello"}))
    assert found["vendor"]["confidence"] < 0.5
    assert len(found["vendor"]["alternatives"]) == 2
    likely = [found["vendor"]["confidence"], *(other["confidence"] for other in found["vendor"]["alternatives"])]
    assert likely == sorted(likely, reverse=True)


@pytest.mark.parametrize("text", ["", "  \n", "1 234 — 5!"])
def test_text_without_words_has_no_language(text: str) -> None:
    found = answer(engine, work(payload={"text": text}))
    assert problems(found, "language") == []
    assert (found["language"], found["vendor"]["confidence"]) == ("und", 0.0)


def test_speech_has_its_language_where_it_was_spoken(tmp_path: Path) -> None:
    series = [
        {"startTimeMs": 60_000 + n * 400, "stopTimeMs": 60_400 + n * 400, "words": [{"word": word}]}
        for n, word in enumerate(SENTENCES["fr"].split())
    ]
    given = chunk(
        tmp_path / "a.json", json.dumps({"series": series}), "application/json", start_ms=60_000, stop_ms=70_000
    )
    (output,) = engine.process(work(given))
    assert (output.start_ms, output.stop_ms) == (60_000, 70_000)
    found = answer(engine, work(given))
    assert problems(found, "language") == []
    assert found["series"] == [{"startTimeMs": 60_000, "stopTimeMs": 63_600, "language": "fr"}]
