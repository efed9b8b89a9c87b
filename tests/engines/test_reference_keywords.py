"""Keywords: the phrases that a text is about, the best first, in the languages with stop words."""

from typing import Any

import pytest
from tests.engines.aion import problems
from tests.engines.reference import answer, work

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse_engines.keywords import engine

ENGLISH = (
    "The engine house stands behind the fish market. Three steam pumps work in the engine house, and the steam pumps "
    "keep the basin dry. Nobody admires an engine house, but everybody needs it. Inside, a brass gauge shows the water."
)


def labels(text: str, **options: Any) -> list[str]:
    found = answer(engine, work(payload={"text": text, **options}))
    assert problems(found, "keyword") == []
    return [item["label"] for item in found["object"]]


def test_the_repeated_phrases_come_first() -> None:
    assert labels(ENGLISH)[:2] == ["engine house", "steam pumps"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("La casa de máquinas está lejos. Nadie mira la casa de máquinas, que trabaja siempre.", "casa de máquinas"),
        ("La machine tourne. L'ingénieur répare la machine, et il est content de sa machine.", "machine"),
        ("Das Maschinenhaus steht am Hafen. Im Maschinenhaus arbeiten die Pumpen.", "Maschinenhaus"),
        ("Strojovna stojí u přístavu. Kdo má strojovna na starosti? Strojovna je stará.", "strojovna"),
    ],
)  # fmt: skip
def test_other_languages_have_their_own_stop_words(text: str, first: str) -> None:
    assert labels(text)[0] == first


def test_no_keyword_is_a_small_word_or_says_only_what_better_ones_said() -> None:
    found = labels(ENGLISH, maxKeywords=100)
    assert not {"the", "and", "an", "but", "in", "it"} & {label.lower() for label in found}
    assert "engine" not in found
    assert len(found) == len(set(found))


def test_at_most_max_keywords_are_given_in_the_order_of_their_confidence() -> None:
    assert labels(ENGLISH, maxKeywords=3) == labels(ENGLISH)[:3]
    found = answer(engine, work(payload={"text": ENGLISH}))["object"]
    assert len(found) == 10
    confidences = [item["confidence"] for item in found]
    assert confidences == sorted(confidences, reverse=True)
    assert found[0]["vendor"] == {"occurrences": 3}


def test_the_payload_may_name_the_language() -> None:
    ambiguous = "pan die pan die pan"
    assert "die" not in labels(ambiguous, language="de-AT")
    assert any("die" in label for label in labels(ambiguous, language="en"))


@pytest.mark.parametrize("text", ["", "the and of", "…", "1 2 3"])
def test_text_without_meaningful_words_has_no_keywords(text: str) -> None:
    assert labels(text) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"maxKeywords": 0}, "payload.maxKeywords: must be a whole number from 1 to 1000, not 0."),
        ({"maxKeywords": True}, "payload.maxKeywords: must be a whole number from 1 to 1000, not True."),
        ({"maxKeywords": "ten"}, "payload.maxKeywords: must be a whole number from 1 to 1000, not 'ten'."),
        ({"language": "xx"}, "payload.language: must be one of cs, de, en, es, fr, it, nl, pt, not 'xx'."),
        ({"language": 7}, "payload.language: must be one of cs, de, en, es, fr, it, nl, pt, not 7."),
    ],
)
def test_a_wrong_option_is_refused_for_good(options: dict[str, object], says: str) -> None:
    with pytest.raises(EngineFailure) as refused:
        labels(ENGLISH, **options)
    assert (refused.value.message, refused.value.kind) == (says, FailureKind.INVALID_DATA)
