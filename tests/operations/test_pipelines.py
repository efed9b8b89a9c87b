"""Pipelines: the standard ones and an organization's own, and the job that each makes of each kind of file."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from tests import make
from tests.engines import files
from tests.operations.scheduled import CALLER, STRANGER, furnish

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.errors import InvalidInput, KeyReused, NotAllowed, NotFound
from enginehouse.domain.identity import Role
from enginehouse.domain.job import JobRequest, TargetRequest
from enginehouse.domain.pipelines import FILE, Pipeline, PipelineStep
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.operations import engines, jobs, limits, pipeline_jobs, pipelines, target_assets, targets
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.house import House
from enginehouse.operations.pipeline_engines import RECOGNITION
from enginehouse.operations.pipeline_input import PipelineSource
from enginehouse.operations.pipeline_jobs import PipelineJob
from enginehouse.outgoing.failures import OutgoingFailed
from enginehouse.outgoing.fetch import Response
from enginehouse_engines import extract, keywords, language, sentiment, summary, transcription

HERE = (extract, keywords, language, sentiment, transcription)
PDF, PNG = b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n"
NOISE = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(9))
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(20)
OWN = Pipeline(
    name="reviews",
    description="What reviews say",
    steps=(
        PipelineStep(name="language", category="Language identification"),
        PipelineStep(name="mood", engines=("sentiment-vader",), payload={"deep": True}),
    ),
)


@pytest.fixture
async def here(house: House) -> House:
    """A house with two organizations and the engines that come with the product."""
    await furnish(house)
    await install(house)
    return house


async def install(house: House, *more: EngineSpec, without: str = "") -> None:
    specs = [*(each.spec for each in ENGINES), *(each.engine.spec for each in HERE), *more]
    await engines.register(house, [each for each in specs if each.slug != without], CATEGORIES)


def looks(house: House, kind: str, *blocks: bytes, name: str = "") -> list[str]:
    """Every address has these bytes. Returns the list of addresses that were read."""
    read = list[str]()

    @asynccontextmanager
    async def fetch(url: str) -> AsyncIterator[Response]:
        read.append(url)
        if "gone" in url:
            raise OutgoingFailed(FailureKind.URL_NOT_FOUND, "url: the server answered 404 Not Found.")

        async def body() -> AsyncIterator[bytes]:
            for block in blocks:
                yield block

        yield Response(media_type=kind, name=name, size=None, body=body())

    house.looks.fetch = fetch
    return read


async def target_of(house: House, name: str, data: bytes, kind: str = "application/octet-stream") -> str:
    asset = AssetRequest(name=name, content_type=kind, source=data)
    return str((await target_assets.create_with_asset(house, CALLER, TargetRequest(name=name), asset)).id)


async def graph(house: House, pipeline: str, **source: Any) -> list[str]:
    """Returns each task of the job with the tasks that it reads."""
    return shown(
        house, await pipeline_jobs.job(house, CALLER, PipelineJob(pipeline=pipeline, source=PipelineSource(**source)))
    )


def shown(house: House, job: JobRequest) -> list[str]:
    names = [house.catalogue.by_id[task.engine_id or ""].spec.slug or "" for task in job.tasks]
    makers = {f.reference: names[n] for n, t in enumerate(job.tasks) for f in t.folders if f.type == "output"}
    takers = {f.reference: names[n] for n, t in enumerate(job.tasks) for f in t.folders if f.type == "input"}
    parents = {name: [makers[r.parent_folder] for r in job.routes if takers[r.child_folder] == name] for name in names}
    return [f"{name} < {' '.join(parents[name])}".removesuffix(" < ") for name in names]


def said(refused: pytest.ExceptionInfo[InvalidInput]) -> dict[str, str]:
    return {problem.path: problem.text for problem in refused.value.problems}


TEXT_STEPS = ["language-langid < {0}", "sentiment-vader < {0}", "keywords-statistical < {0}"]
WRITER = "output-writer < language-langid sentiment-vader keywords-statistical"
PIECES = "output-writer < chunker"
DOCUMENT = ["webstream", "text-extract < webstream", "chunker < text-extract"]
SOUND = ["webstream", "chunker < webstream", "transcription-pocketsphinx < chunker"]


def steps(parent: str) -> list[str]:
    return [each.format(parent) for each in TEXT_STEPS]


@pytest.mark.parametrize(
    ("pipeline", "name", "data", "made"),
    [
        ("understand", "notes.mp3", b"A plain text, whatever its name says.", [*DOCUMENT, *steps("chunker"), WRITER]),
        ("understand", "notes.txt", PDF, [*DOCUMENT, *steps("chunker"), WRITER]),
        ("understand", "letter", files.docx(), [*DOCUMENT, *steps("chunker"), WRITER]),
        ("understand", "talk.pdf", WAV,
         [*SOUND, *steps("transcription-pocketsphinx"), WRITER.replace("< ", "< transcription-pocketsphinx ")]),
        ("transcribe", "talk.txt", WAV, [*SOUND, "output-writer < transcription-pocketsphinx"]),
        ("chunk", "notes.wav", b"A plain text.", [*DOCUMENT, PIECES]),
        ("chunk", "talk.txt", WAV, [*SOUND[:2], PIECES]),
        ("chunk", "scan.txt", PNG, [*SOUND[:2], PIECES]),
    ],
)  # fmt: skip
async def test_the_bytes_of_a_file_decide_what_reads_it(
    here: House, pipeline: str, name: str, data: bytes, made: list[str]
) -> None:
    assert await graph(here, pipeline, target_id=await target_of(here, name, data)) == made
    wrong = "text/plain" if data == WAV else "audio/wav"
    assert await graph(here, pipeline, target_id=await target_of(here, name, data, wrong)) == made
    looks(here, "text/plain", data[:3], data[3:], name=name)
    assert await graph(here, pipeline, url=f"https://example.org/{name}") == made
    source = PipelineSource(target_id=await target_of(here, name, data))
    created = await pipeline_jobs.create(here, CALLER, PipelineJob(pipeline=pipeline, source=source))
    assert len((await jobs.get(here, CALLER, Ref.of(created.job_id))).plan.tasks) == len(made)


@pytest.mark.parametrize(
    ("pipeline", "data", "sentence"),
    [
        ("understand", PNG, '"in" is image/png; no engine that reads text in pictures is installed here: pip install'),
        ("understand", NOISE, '"in" is application/octet-stream; no engine that is installed'),
        ("transcribe", PDF, '"in" is application/pdf; the pipeline "transcribe" takes sound and video.'),
        ("chunk", NOISE, "nothing can cut it"),
    ],
)
async def test_what_no_engine_here_can_read_is_said_at_once(
    here: House, pipeline: str, data: bytes, sentence: str
) -> None:
    target = await target_of(here, "in", data)
    with pytest.raises(InvalidInput) as refused:
        await graph(here, pipeline, target_id=target)
    assert sentence in said(refused)["targetId"]


def ocr() -> EngineSpec:
    return structs.replace(
        sentiment.engine.spec,
        id="ocr-1",
        slug=RECOGNITION.engines[0],
        name="OCR",
        inputs=("image/*", "application/pdf"),
    )


async def test_a_picture_goes_to_the_engine_that_reads_pictures(here: House) -> None:
    await install(here, ocr())
    reads = "ocr-rapidocr"
    made = [
        "webstream", f"{reads} < webstream", *steps(reads), WRITER.replace("< ", f"< {reads} ")
    ]  # fmt: skip
    assert await graph(here, "understand", target_id=await target_of(here, "a.txt", PNG)) == made


async def test_a_pdf_without_text_goes_to_the_engine_that_reads_pictures(here: House) -> None:
    await install(here, ocr(), summary.engine.spec)
    wanted = PipelineJob(pipeline="understand", source=PipelineSource(target_id=await target_of(here, "a", PDF)))
    made = await pipeline_jobs.job(here, CALLER, wanted)
    stands_in = [task.standby.engine_id for task in made.tasks if task.standby is not None]
    assert stands_in == ["ocr-1"]
    created = await pipeline_jobs.create(here, CALLER, wanted)
    plan = (await jobs.get(here, CALLER, Ref.of(created.job_id))).plan
    replaced = [plan.tasks[task.standby_for].engine_id for task in plan.tasks if task.standby_for is not None]
    assert replaced == [extract.ID]


async def test_the_preferred_engine_does_a_step_and_a_paused_one_only_if_alone(here: House) -> None:
    better = structs.replace(sentiment.engine.spec, id="better", slug="sentiment-multilingual", name="Z")
    target = await target_of(here, "a", b"A text.")
    await install(here, better)
    assert "sentiment-multilingual < chunker" in await graph(here, "understand", target_id=target)
    await limits.pause_engine(here, make.principal(super_admin=True), "better")
    assert "sentiment-vader < chunker" in await graph(here, "understand", target_id=target)


async def test_a_pipeline_of_an_organization_is_its_own(here: House) -> None:
    made = await pipelines.put(here, CALLER, OWN)
    assert (made.name, made.organization_id, made.created_at > 0) == ("reviews", 1, True)
    assert [each.name for each in await pipelines.list_(here, CALLER)] == [
        "chunk",
        "reviews",
        "transcribe",
        "understand",
    ]
    assert [each.name for each in await pipelines.list_(here, STRANGER)] == ["chunk", "transcribe", "understand"]
    with pytest.raises(NotFound):
        await pipelines.get(here, STRANGER, "reviews")
    with pytest.raises(NotFound):
        await pipelines.delete(here, STRANGER, "reviews")
    target = await target_of(here, "a", b"A text.")
    job = await pipeline_jobs.job(
        here, CALLER, PipelineJob(pipeline="reviews", source=PipelineSource(target_id=target))
    )
    assert shown(here, job)[3:] == [*steps("chunker")[:2], "output-writer < language-langid sentiment-vader"]
    assert job.tasks[4].payload == {"deep": True}
    await pipelines.delete(here, CALLER, "reviews")
    with pytest.raises(NotFound):
        await pipelines.get(here, CALLER, "reviews")


async def test_an_own_pipeline_replaces_a_standard_one_until_it_is_deleted(here: House) -> None:
    standard = await pipelines.get(here, CALLER, "understand")
    await pipelines.put(here, CALLER, structs.replace(OWN, name="understand"))
    assert (await pipelines.get(here, CALLER, "understand")).steps == OWN.steps
    assert await pipelines.get(here, STRANGER, "understand") == standard
    await pipelines.delete(here, CALLER, "understand")
    assert await pipelines.get(here, CALLER, "understand") == standard
    with pytest.raises(NotAllowed):
        await pipelines.delete(here, CALLER, "understand")


async def test_who_may_only_read_adds_and_starts_nothing(here: House) -> None:
    reader = make.principal(role=Role.READER)
    wanted = PipelineJob(pipeline="chunk", source=PipelineSource(text="x"))
    assert await pipelines.get(here, reader, "chunk")
    for refused in (
        pipelines.put(here, reader, OWN),
        pipelines.delete(here, reader, "chunk"),
        pipeline_jobs.create(here, reader, wanted),
        pipeline_jobs.job(here, reader, wanted),  # it may read an address
    ):
        with pytest.raises(NotAllowed):
            await refused


@pytest.mark.parametrize(
    ("wrong", "said_of"),
    [
        (Pipeline(name="Re views", steps=OWN.steps), {"name": 'a letter or digit first, got "Re views".'}),
        (Pipeline(name="a"), {"steps": "at least one step"}),
        (
            Pipeline(
                name="a",
                description="x" * 1001,
                steps=(
                    PipelineStep(name="one", engines=("sentiment-wader",)),
                    PipelineStep(name="one", category="Sentiment"),
                    PipelineStep(name="input", category="Sentiment", reads="onne"),
                    PipelineStep(name="two"),
                ),
            ),
            {
                "description": "at most 1000",
                "steps[1].name": '"one" is taken; choose another name.',
                "steps[2].name": '"input" is what the pipeline reads',
                "steps[2].reads": 'one of input, file, one, one, got "onne". Did you mean "one"?',
                "steps[3].engines": "name at least one engine, or a category.",
            },
        ),
        (
            Pipeline(
                name="a",
                steps=(
                    PipelineStep(name="one", engines=("sentiment-wader",)),
                    PipelineStep(name="two", category="Sentiments"),
                    PipelineStep(name="three", engines=("transcription-pocketsphinx",)),
                    PipelineStep(name="four", engines=("none-such",), optional=True),
                ),
            ),
            {
                "steps[0].engines": '"sentiment-wader". Did you mean "sentiment-vader"?',
                "steps[1].engines": 'the category "Sentiments". Did you mean "sentiment"?',
                "steps[2].engines": "no engine is installed for it that takes its input",
            },
        ),
    ],
    ids=["name", "empty", "shape", "engines"],
)  # fmt: skip
async def test_everything_wrong_with_a_pipeline_is_said_at_once(
    here: House, wrong: Pipeline, said_of: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await pipelines.put(here, CALLER, wrong)
    found = said(refused)
    assert found.keys() == said_of.keys()
    assert [path for path, text in said_of.items() if text not in found[path]] == []


async def test_there_are_only_so_many_pipelines(here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "MOST", 1)
    await pipelines.put(here, CALLER, OWN)
    await pipelines.put(here, CALLER, OWN)
    with pytest.raises(InvalidInput, match="at most 1 pipelines"):
        await pipelines.put(here, CALLER, structs.replace(OWN, name="other"))


async def test_a_wrong_name_is_answered_with_what_exists(here: House) -> None:
    with pytest.raises(NotFound) as unknown:
        await graph(here, "understnad", text="x")
    assert unknown.value.message == (
        'Pipeline "understnad" was not found. Did you mean "understand"? There are: chunk, transcribe, understand.'
    )


async def test_an_optional_step_is_left_out_and_its_readers_read_on(here: House) -> None:
    first = PipelineStep(name="translation", engines=("none-such",), optional=True)
    second = PipelineStep(name="mood", engines=("sentiment-vader",), reads="translation")
    await pipelines.put(here, CALLER, structs.replace(OWN, steps=(first, second)))
    assert (await graph(here, "reviews", text="x"))[3:] == [
        "sentiment-vader < chunker",
        "output-writer < sentiment-vader",
    ]
    await install(here, structs.replace(sentiment.engine.spec, id="tr", slug="none-such", name="Translation"))
    made = ["none-such < chunker", "sentiment-vader < none-such", "output-writer < none-such sentiment-vader"]
    assert (await graph(here, "reviews", text="x"))[3:] == made


async def test_a_step_may_read_the_whole_file_if_its_engine_takes_it(here: House) -> None:
    whole = structs.replace(keywords.engine.spec, id="whole", slug="whole-keywords", name="Whole", task_type="whole")
    await install(here, whole)
    step = PipelineStep(name="whole", engines=("whole-keywords",), reads=FILE, optional=True)
    await pipelines.put(here, CALLER, structs.replace(OWN, steps=(step,)))
    made = await graph(here, "reviews", target_id=await target_of(here, "a", PDF))
    assert "whole-keywords < webstream" in made
    spoken = await graph(here, "reviews", target_id=await target_of(here, "a", WAV))
    assert [each for each in spoken if "whole" in each] == []


async def test_one_summary_is_made_of_all_that_was_read_or_heard(here: House) -> None:
    await install(here, summary.engine.spec)
    for data, reader in ((PDF, "chunker"), (WAV, "transcription-pocketsphinx")):
        made = await graph(here, "understand", target_id=await target_of(here, "a", data))
        assert f"summary-extractive < {reader}" in made
        assert made[-1].endswith(" summary-extractive")


@pytest.mark.parametrize("source", [{}, {"text": "x", "url": "https://example.org"}])
async def test_a_pipeline_reads_one_input(here: House, source: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="a pipeline reads one input: give one of targetId, url and text"):
        await graph(here, "understand", **source)


async def test_a_target_without_an_asset_and_a_foreign_one(here: House) -> None:
    bare = str((await targets.create(here, CALLER, TargetRequest(name="bare"))).id)
    with pytest.raises(InvalidInput, match="has no primary asset"):
        await graph(here, "understand", target_id=bare)
    wanted = PipelineJob(pipeline="understand", source=PipelineSource(target_id=await target_of(here, "a", b"x")))
    with pytest.raises(NotFound):
        await pipeline_jobs.job(here, STRANGER, wanted)


async def test_only_the_beginning_of_an_address_is_read(here: House) -> None:
    taken = list[int]()

    @asynccontextmanager
    async def fetch(url: str) -> AsyncIterator[Response]:
        async def body() -> AsyncIterator[bytes]:
            for n in range(1000):
                taken.append(n)
                yield b"word " * 1000

        yield Response(media_type="text/plain", name="", size=None, body=body())

    here.looks.fetch = fetch
    assert await graph(here, "chunk", url="https://example.org/a") == [*DOCUMENT, PIECES]
    assert taken == [0, 1]


async def test_an_address_that_cannot_be_read_is_said(here: House) -> None:
    looks(here, "text/plain")
    with pytest.raises(InvalidInput) as refused:
        await graph(here, "understand", url="https://example.org/gone")
    assert said(refused) == {"url": "the server answered 404 Not Found."}


async def test_a_repeated_create_with_a_key_makes_one_job_and_reads_nothing_again(here: House) -> None:
    read = looks(here, "text/plain", b"Some text.")
    wanted = PipelineJob(pipeline="understand", source=PipelineSource(url="https://example.org/a"))
    first = await pipeline_jobs.create(here, CALLER, wanted, key="k")
    later = looks(here, "audio/wav", WAV)  # something else is there now
    again = await pipeline_jobs.create(here, CALLER, wanted, key="k")
    assert (again.job_id, again.replayed, len(read), later) == (first.job_id, True, 1, [])
    with pytest.raises(KeyReused):
        await pipeline_jobs.create(here, CALLER, replace(wanted, pipeline="chunk"), key="k")
