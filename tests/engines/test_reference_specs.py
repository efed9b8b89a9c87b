"""The declarations of the reference engines, which are cheap to load."""

import subprocess
import sys
from importlib.metadata import entry_points
from uuid import UUID

import pytest

from enginehouse.engine import EngineFailure, EngineKind, EngineSpec, PythonEngine
from enginehouse.engines.native import CATEGORIES
from enginehouse_engines import (
    entities,
    extract,
    keywords,
    language,
    ocr,
    sentiment,
    summary,
    transcription,
    translation,
    whisper,
)

ENGINES: dict[str, PythonEngine] = {
    "language": language.engine,
    "sentiment": sentiment.engine,
    "keywords": keywords.engine,
    "transcription": transcription.engine,
    "text-extract": extract.engine,
    "summary": summary.engine,
    "ocr": ocr.engine,
    "translation": translation.engine,
}
WITH_MODELS: dict[str, PythonEngine] = {"whisper": whisper.engine, "entities": entities.engine}
"""The engines that have a spec only where they have a model."""

SPECS = {
    **{name: engine.spec for name, engine in ENGINES.items()},
    "whisper": whisper.SPEC,
    "entities": entities.SPEC,
}


def test_the_entry_points_name_them() -> None:
    found = {
        point.name: point
        for point in entry_points(group="enginehouse.engines")
        if point.value.startswith("enginehouse_engines.")
    }
    assert found.keys() == SPECS.keys()
    for name, engine in (ENGINES | WITH_MODELS).items():
        assert found[name].load() is engine
        assert SPECS[name].entry_point == found[name].value.partition(" ")[0]


def test_those_without_a_model_have_no_spec_and_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENGINEHOUSE_WHISPER_MODEL", raising=False)
    for engine in WITH_MODELS.values():
        with pytest.raises(EngineFailure, match=r"No (Whisper model|pipeline of spaCy) is .*\. (Download|Install) one"):
            _ = engine.spec


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: str(spec.slug))
def test_each_declares_itself_whole(spec: EngineSpec) -> None:
    assert str(UUID(spec.id)) == spec.id == spec.manifest["engineId"]
    [category] = [one for one in CATEGORIES if one.id == spec.category_id]
    assert category.name == spec.manifest["category"]
    assert spec.kind is EngineKind.PYTHON
    assert spec.mode == spec.manifest["engineMode"] == "chunk"
    assert spec.slug
    assert spec.task_type
    assert spec.manifest["preferredInputFormat"] in spec.manifest["supportedInputFormats"]


def test_no_two_share_an_id_a_slug_or_a_task_type() -> None:
    specs = [*SPECS.values()]
    for name in ("id", "slug", "task_type"):
        assert len({getattr(spec, name) for spec in specs}) == len(specs)


def test_transcription_has_the_id_that_published_samples_use() -> None:
    assert transcription.engine.spec.id == "c0e55cde-340b-44d7-bb42-2e0d65e98255"


def test_reading_the_specs_imports_nothing_heavy() -> None:
    program = (
        "import sys; from enginehouse_engines import entities, extract, keywords, language, ocr, sentiment, summary;"
        "from enginehouse_engines import transcription, translation, whisper;"
        "heavy = {'numpy', 'langid', 'vaderSentiment', 'pocketsphinx', 'requests', 'pypdf', 'markdown_it', 'av'};"
        "print(*heavy & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
