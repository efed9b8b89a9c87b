"""An engine gets only inputs of types that it declares; otherwise it fails before it runs and says who takes them."""

from pathlib import Path

import pytest
from msgspec import structs
from structlog.testing import capture_logs
from tests import make
from tests.runtime.floor import Floor, _spec

from enginehouse.domain.retry import Blame, FailureKind, blame
from enginehouse.engine import Chunk, EngineFailure, EngineSpec, Output, Work
from enginehouse.engines.native import ENGINES
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.runtime.media_types import check_types
from enginehouse.text.media_types import takes
from enginehouse_engines import extract, sentiment, transcription

KNOWN = [*(engine.spec for engine in ENGINES), extract.engine.spec, sentiment.engine.spec, transcription.engine.spec]


@pytest.mark.parametrize(
    ("patterns", "media_type", "taken"),
    [
        (("text/*",), "text/markdown; charset=utf-8", True),
        (("text/plain",), "text/markdown", True),  # any text is plain text to whoever knows no better
        (("text/markdown",), "text/plain", False),
        (("audio/x-wav",), "AUDIO/WAV", True),
        (("audio/wav",), "audio/mpeg", False),
        (("*/*",), "application/x-own", True),
        (("application/json",), "application/vnd.veritone.aion+json", True),
        (("application/*+json",), "application/ld+json", True),
        (("application/json",), "text/plain", False),
        (("text/*", "application/pdf"), "application/pdf", True),
        (("text/*",), "application/pdf", False),
    ],
)
def test_an_engine_takes_what_it_declares(patterns: tuple[str, ...], media_type: str, taken: bool) -> None:
    assert takes(patterns, media_type) is taken


def chunk(media_type: str, size: int = 1) -> Chunk:
    return Chunk(path=Path("/nowhere"), media_type=media_type, size=size, name="a.file")


@pytest.mark.parametrize(
    ("media_type", "says"),
    [
        (
            "audio/mpeg",
            "Installed here and able to take it: chunker, dash, transcode-ffmpeg, transcription-pocketsphinx.",
        ),
        ("image/png", "No engine that is installed here takes image/png. The engine ocr-rapidocr reads text in"),
        ("application/zip", "No engine that is installed here takes application/zip. It needs one that declares it."),
    ],
)
def test_the_failure_says_who_takes_it(media_type: str, says: str) -> None:
    with pytest.raises(EngineFailure) as caught:
        check_types(sentiment.engine.spec, [chunk("text/plain"), chunk(media_type)], KNOWN)
    assert caught.value.kind is FailureKind.UNSUPPORTED_TYPE
    assert blame(caught.value.kind) is Blame.FINAL
    start = f'"a.file" is {media_type}, which Sentiment (VADER) does not take; it takes text/*, '
    assert caught.value.message.startswith(start)
    assert says in caught.value.message


def test_documents_are_for_the_engines_of_text() -> None:
    check_types(sentiment.engine.spec, [chunk("application/pdf"), chunk("text/csv")], KNOWN)
    with pytest.raises(EngineFailure, match="Installed here and able to take it: text-extract, sentiment-vader"):
        check_types(transcription.engine.spec, [chunk("application/pdf")], KNOWN)


def test_an_empty_input_and_an_engine_that_declares_nothing_are_let_through() -> None:
    check_types(sentiment.engine.spec, [chunk("audio/mpeg", 0)], KNOWN)
    check_types(_spec("any"), [chunk("audio/mpeg")], KNOWN)


async def test_the_engine_never_gets_the_work_and_is_not_tried_again(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chunk is declared as bytes of any kind, and what they are counts."""

    async def ingest(work: Work, context: NativeContext) -> list[Output]:
        return [Output(media_type="application/octet-stream", data=b"%PDF-1.7", name="scan")]

    async def speech_only(engine_id: str) -> EngineSpec:
        spec = floor.engines[engine_id].spec
        return structs.replace(spec, inputs=("audio/wav",)) if engine_id == "split" else spec

    floor.script("ingest", ingest)
    monkeypatch.setattr(floor.source, "engine", speech_only)
    [job_id] = await floor.create(make.fan_out(2))
    with capture_logs():
        await floor.run_all()
    assert floor.engines["split"].runs == 0
    [attempt] = await floor.attempts(job_id, 1)
    assert attempt.failure_reason == "unsupported_type"
    assert attempt.failure_message == (
        '"scan" is application/pdf, which split does not take; it takes audio/wav. '
        "No engine that is installed here takes application/pdf. It needs one that declares it."
    )
    assert (await floor.job(job_id)).status == "failed"
