"""The sample document shows what the text engines can do: each part has its own language, moods and subjects."""

from importlib.resources import files
from pathlib import Path

import pytest
from tests.engines.reference import answer, chunk, work

from enginehouse_engines import keywords, language, sentiment

SAMPLE = files("enginehouse_engines").joinpath("samples", "four-languages.md").read_text("utf-8")
PARTS = dict(zip(("en", "es", "fr", "de", "en again"), SAMPLE.split("\n## "), strict=True))


@pytest.mark.parametrize("part", PARTS)
def test_each_part_is_in_its_language(part: str, tmp_path: Path) -> None:
    found = answer(language.engine, work(chunk(tmp_path / "a.md", PARTS[part], "text/markdown")))
    assert found["language"] == part[:2]
    assert found["vendor"]["confidence"] > 0.99


def test_its_english_has_a_glad_and_a_sad_paragraph(tmp_path: Path) -> None:
    found = answer(sentiment.engine, work(chunk(tmp_path / "a.md", PARTS["en"], "text/markdown")))
    balance = {
        number: sum(
            item["sentiment"]["positiveValue"] - item["sentiment"]["negativeValue"]
            for item in found["object"]
            if item["paragraph"] == number
        )
        for number in (3, 4)
    }
    assert balance[3] > 1
    assert balance[4] < -1


@pytest.mark.parametrize(
    ("part", "subject"),
    [("en", "engine house"), ("es", "taller"), ("fr", "ingénieur"), ("de", "Maschinenhaus"), ("en again", "key")],
)
def test_its_keywords_are_its_subjects(part: str, subject: str, tmp_path: Path) -> None:
    found = answer(keywords.engine, work(chunk(tmp_path / "a.md", PARTS[part], "text/markdown")))
    assert subject in [item["label"] for item in found["object"][:5]]
