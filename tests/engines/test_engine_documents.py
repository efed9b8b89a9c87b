"""Every reader of engines' documents survives every document, and loses no other document."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from rich.console import Console
from tests.documents import DOCUMENTS, READABLE, SHAPES, UNREADABLE
from tests.engines.reference import chunk, work

from enginehouse.cli import summary
from enginehouse.domain.documents import read_document
from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.engines.native.writer import OUTPUT_WRITER
from enginehouse_engines.text import documents

EVERY = {**{kind: raw for kind, (raw, _) in UNREADABLE.items()}, **READABLE}
GOOD = b'{"object": [{"type": "keyword", "label": "harbour"}], "sentiment": {"positiveValue": 0.5}}'


@pytest.mark.parametrize("kind", EVERY)
def test_each_reader_survives_each_kind(kind: str) -> None:
    check_writer(EVERY[kind])
    check_text_engine(EVERY[kind])


@given(DOCUMENTS)
def test_the_writer_keeps_the_other_documents(raw: bytes) -> None:
    check_writer(raw)


@given(DOCUMENTS)
def test_a_text_engine_reads_it_or_says_what_is_wrong(raw: bytes) -> None:
    check_text_engine(raw)


def check_writer(raw: bytes) -> None:
    """The writer's document holds the other chunk, and this one is in it or passed on with a finding."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = [
            chunk(folder / "good", GOOD, "application/json", index=0),
            chunk(folder / "odd", raw, "application/json", index=1, metadata={"length": 10**400}),
        ]
        given_work = work(*inputs)
        object.__setattr__(given_work, "directory", folder)
        [collated, *others] = OUTPUT_WRITER._gather(given_work)
        assert collated.path is not None
        document = read_document(collated.path.read_bytes())
        assert {"type": "keyword", "label": "harbour"} in document["object"]
        for other in others:
            assert other.path is not None
            assert other.path.read_bytes() == raw
            assert len(document["vendor"]["enginehouse"]["validation"]) >= 1


def check_text_engine(raw: bytes) -> None:
    """A text engine reads the document, or fails with invalid_data."""
    with tempfile.TemporaryDirectory() as name:
        for kind in ("application/json", "application/vnd.veritone.aion+json"):
            fault = read(Path(name) / "input", raw, kind)
            assert fault in {None, FailureKind.INVALID_DATA}


def read(path: Path, raw: bytes, kind: str) -> FailureKind | None:
    """Reads the document as a text engine does. Returns why it fails, if it does."""
    try:
        [document] = documents(work(chunk(path, raw, kind)))
    except EngineFailure as failure:
        return failure.kind
    document.text.encode()
    return None


@given(SHAPES)
def test_the_summary_shows_what_it_understands(document: dict[str, Any]) -> None:
    shown = json.loads(json.dumps(document))
    summary.show(Console(file=io.StringIO()), shown)
    summary.show(Console(file=io.StringIO()), {"vendor": {"enginehouse": shown}, **shown})
