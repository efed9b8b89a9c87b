"""A pipeline: a job with a name that takes any file. Its steps name engines by preference and by category. Pure."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final

import msgspec

from enginehouse.domain.errors import Problem, excerpt

INPUT: Final = "input"  # what a step reads unless it names another step
FILE: Final = "file"  # the whole file, as it is
MOST_STEPS: Final = 50
LONGEST_DESCRIPTION: Final = 1_000
_MOST_ENGINES: Final = 20
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_NAME_FORM: Final = "1–63 of a–z, 0–9 and -, a letter or digit first"


class PipelineInput(StrEnum):
    """What the steps that read the input get, whatever the file is."""

    TEXT = "text"  # the text: as it stands, extracted, transcribed, or read from a picture
    SOUND = "sound"  # the sound of a recording, cut in its pauses
    CHUNKS = "chunks"  # pieces: of text, of sound, or the whole file where nothing cuts it


class PipelineStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An engine at work: the first of `engines` (ids or slugs) that is there, else the best of the `category`.

    `reads` is the step whose output it gets, or `file` for the whole file. An `optional` step is left out where no
    engine for it is installed.
    """

    name: str
    engines: tuple[str, ...] = ()
    category: str | None = None
    reads: str = INPUT
    payload: Any = {}
    optional: bool = False


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline. `organization_id` is None for one that is built in. Times in µs UTC."""

    name: str
    description: str = ""
    input: PipelineInput = PipelineInput.TEXT
    steps: tuple[PipelineStep, ...] = ()
    organization_id: int | None = None
    created_at: int = 0
    modified_at: int = 0


STANDARD: Final = (
    Pipeline(
        name="understand",
        description="Language, sentiment, keywords, names and summary of any file.",
        steps=(
            PipelineStep(name="language", engines=("language-langid",), category="Language identification"),
            PipelineStep(name="sentiment", engines=("sentiment-multilingual", "sentiment-vader"), category="Sentiment"),
            PipelineStep(name="keywords", engines=("keywords-statistical",), category="Keyword extraction"),
            PipelineStep(name="summary", engines=("summary-extractive",), category="Summary", optional=True),
            PipelineStep(name="entities", engines=("entities-spacy",), category="Entity extraction", optional=True),
        ),
    ),
    Pipeline(
        name="transcribe",
        description="The words of a recording or a video, with times.",
        input=PipelineInput.SOUND,
        steps=(
            PipelineStep(
                name="transcript",
                engines=("transcription-whisper", "transcription-pocketsphinx"),
                category="Transcription",
            ),
        ),
    ),
    Pipeline(
        name="chunk",
        description="The pieces of a file: paragraphs, or sound between pauses.",
        input=PipelineInput.CHUNKS,
    ),
)
"""The pipelines that every organization has. One that it adds under the same name takes the place of a standard one."""


def nearest(word: str, words: list[str]) -> str:
    """Returns ` Did you mean "x"?` if one of the words is similar, else an empty text."""
    found = get_close_matches(word[:64], words, n=1, cutoff=0.6)
    return f' Did you mean "{found[0]}"?' if found else ""


def problems(pipeline: Pipeline) -> list[Problem]:
    """Returns everything that is wrong with the pipeline, whatever engines there are."""
    found = [*_of_name("name", pipeline.name)]
    if len(pipeline.description) > LONGEST_DESCRIPTION:
        text = f"at most {LONGEST_DESCRIPTION} characters, has {len(pipeline.description)}."
        found.append(Problem("description", text, str(len(pipeline.description))))
    if len(pipeline.steps) > MOST_STEPS:
        return [*found, Problem("steps", f"at most {MOST_STEPS}, got {len(pipeline.steps)}.", str(len(pipeline.steps)))]
    if not pipeline.steps and pipeline.input is not PipelineInput.CHUNKS:
        found.append(Problem("steps", 'at least one step, unless the input is "chunks".'))
    before: list[str] = []
    for number, step in enumerate(pipeline.steps):
        found += _of_step(f"steps[{number}].", step, before)
        before.append(step.name)
    return found


def _of_step(path: str, step: PipelineStep, before: list[str]) -> Iterator[Problem]:
    yield from _of_name(f"{path}name", step.name)
    if step.name in (INPUT, FILE) or step.name in before:
        is_word = step.name in (INPUT, FILE)
        text = f'"{step.name}" is what the pipeline reads' if is_word else f"{excerpt(step.name)} is taken"
        yield Problem(f"{path}name", f"{text}; choose another name.", excerpt(step.name))
    if step.reads not in (INPUT, FILE, *before):
        hint = nearest(step.reads, [INPUT, FILE, *before])
        allowed = ", ".join([INPUT, FILE, *before])
        yield Problem(f"{path}reads", f"one of {allowed}, got {excerpt(step.reads)}.{hint}", excerpt(step.reads))
    if not step.engines and not (step.category or "").strip():
        yield Problem(f"{path}engines", "name at least one engine, or a category.")
    if not isinstance(step.payload, dict):
        yield Problem(f"{path}payload", f"an object, got {excerpt(step.payload)}.", excerpt(step.payload))
    if len(step.engines) > _MOST_ENGINES:
        yield Problem(f"{path}engines", f"at most {_MOST_ENGINES}, got {len(step.engines)}.", str(len(step.engines)))


def _of_name(path: str, name: str) -> Iterator[Problem]:
    if not _NAME.fullmatch(name):
        yield Problem(path, f"{_NAME_FORM}, got {excerpt(name)}.", excerpt(name), _NAME_FORM)
