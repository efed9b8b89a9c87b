"""The oracle itself refuses what the contracts refuse, so that to pass it means something."""

import pytest
from tests.engines.aion import CONTRACTS, problems

WORD = {"word": "hello", "confidence": 0.9, "utteranceLength": 1}


def test_every_contract_of_the_standard_is_there() -> None:
    assert set(CONTRACTS) == {
        "aion", "anomaly", "concept", "entity", "keyword", "language", "media-translated", "object", "sentiment",
        "summary", "text", "transcript",
    }  # fmt: skip


def test_an_empty_document_is_aion_and_satisfies_no_contract() -> None:
    assert problems({}) == []
    assert all(problems({}, contract) for contract in CONTRACTS if contract != "aion")


@pytest.mark.parametrize(
    ("document", "contract", "path"),
    [
        ({"series": [{"startTimeMs": 0}]}, "aion", "series.0"),
        (
            {"validationContracts": ["transcript"], "series": [{"startTimeMs": 0, "stopTimeMs": 1}]},
            "transcript",
            "series.0",
        ),
        ({"validationContracts": ["keyword"], "object": [{"type": "keyword"}]}, "keyword", "object.0"),
        (
            {"validationContracts": ["sentiment"], "sentiment": {"positiveValue": 1.1}},
            "sentiment",
            "sentiment.positiveValue",
        ),
        ({"validationContracts": ["text"], "language": "en"}, "language", "validationContracts"),
        ({"validationContracts": ["text"], "object": [{"type": "text"}]}, "text", "object.0"),
    ],
)
def test_what_breaks_a_contract_is_named_with_its_path(document: object, contract: str, path: str) -> None:
    assert any(problem.startswith(f"{path}: ") for problem in problems(document, contract))


@pytest.mark.parametrize(("best", "accepted"), [((True, False), True), ((True, True), False), ((False, False), False)])
def test_alternatives_have_one_best_path(best: tuple[bool, bool], accepted: bool) -> None:
    words = [{**WORD, "bestPath": best[0]}, {**WORD, "word": "yellow", "bestPath": best[1]}]
    document = {"validationContracts": ["transcript"], "series": [{"startTimeMs": 0, "stopTimeMs": 9, "words": words}]}
    assert (problems(document, "transcript") == []) is accepted
