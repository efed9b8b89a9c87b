"""The declarations of the reference engines, which are cheap to load."""

import subprocess
import sys
from importlib.metadata import entry_points
from uuid import UUID

import pytest

from enginehouse.engine import EngineKind, PythonEngine
from enginehouse_engines import extract, keywords, language, sentiment, transcription

ENGINES: dict[str, PythonEngine] = {
    "language": language.engine,
    "sentiment": sentiment.engine,
    "keywords": keywords.engine,
    "transcription": transcription.engine,
    "text-extract": extract.engine,
}


def test_the_entry_points_name_them() -> None:
    found = {
        point.name: point
        for point in entry_points(group="enginehouse.engines")
        if point.value.startswith("enginehouse_engines.")
    }
    assert found.keys() == ENGINES.keys()
    for name, engine in ENGINES.items():
        assert found[name].load() is engine
        assert engine.spec.entry_point == found[name].value


@pytest.mark.parametrize("engine", ENGINES.values(), ids=lambda engine: str(engine.spec.slug))
def test_each_declares_itself_whole(engine: PythonEngine) -> None:
    spec = engine.spec
    assert str(UUID(spec.id)) == spec.id == spec.manifest["engineId"]
    assert str(UUID(spec.category_id)) == spec.category_id
    assert spec.kind is EngineKind.PYTHON
    assert spec.mode == spec.manifest["engineMode"] == "chunk"
    assert spec.slug
    assert spec.task_type
    assert spec.manifest["preferredInputFormat"] in spec.manifest["supportedInputFormats"]


def test_no_two_share_an_id_a_slug_or_a_task_type() -> None:
    specs = [engine.spec for engine in ENGINES.values()]
    for name in ("id", "slug", "task_type"):
        assert len({getattr(spec, name) for spec in specs}) == len(specs)


def test_transcription_has_the_id_that_published_samples_use() -> None:
    assert transcription.engine.spec.id == "c0e55cde-340b-44d7-bb42-2e0d65e98255"


def test_reading_the_specs_imports_nothing_heavy() -> None:
    program = (
        "import sys; from enginehouse_engines import extract, keywords, language, sentiment, transcription;"
        "heavy = {'numpy', 'langid', 'vaderSentiment', 'pocketsphinx', 'requests', 'pypdf', 'markdown_it'};"
        "print(*heavy & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
