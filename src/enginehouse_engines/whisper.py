"""Transcription with Whisper: finds the words in any sound or video, their times, and the language."""

import os
import re
import sys
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from enginehouse.engine import Chunk, EngineSpec, Output, Work
from enginehouse_engines import whisper_models
from enginehouse_engines.aion import fraction, output
from enginehouse_engines.spec import chunk_spec
from enginehouse_engines.text import invalid, options

ID = "2d7b5a90-4c1e-4f6b-8a37-61c0e9d24b15"
RATE = 16_000
_MOST_THREADS = 8
# How the rest of a word begins. A new word begins with a space, and so do some hyphens inside of one: "ill -disposed".
_CONTINUED = re.compile(r"[-'’]|\s-\w")

SPEC = chunk_spec(
    "whisper",
    engine_id=ID,
    name="Transcription (Whisper)",
    slug="transcription-whisper",
    description=(
        "Writes down speech and finds its language, by the Whisper model that is installed. Good: even the smallest "
        "English model gets only about four words in a hundred of clear reading wrong."
    ),
    category="Transcription",
    category_id="67cd4dd0-2f75-445d-a6f0-2f297d6cd182",
    task_type="transcribe-whisper",
    memory_mb=6144,
    timeout_seconds=7200,
    inputs=("audio/*", "video/*"),
    formats=("audio/wav", "audio/mpeg", "audio/mp4", "audio/flac", "audio/ogg", "video/mp4", "video/webm"),
)


class Whisper:
    """Returns one AION transcript for each input: a `series` item for each word, at its time in the media.

    Payload: `language` (found by the model when absent), `model` (the name of one that was downloaded).
    """

    @property
    def spec(self) -> EngineSpec:
        """The declaration. Raises EngineFailure without a model, so that a server offers what it can run."""
        whisper_models.find()
        return SPEC

    def process(self, work: Work) -> list[Output]:
        """Returns the words of every input. A sound without speech has an empty series.

        Raises EngineFailure (invalid_data) for an input without sound, or a language that the model does not know.
        """
        if not work.inputs:
            raise invalid("Nothing to hear: give payload.url, or a target with a primary asset, with sound.")
        folder = whisper_models.find(_text(work, "model"))
        model, language = _model(folder), _text(work, "language")
        if language is not None and (language := language.lower().partition("-")[0]) not in model.supported_languages:
            known = ", ".join(sorted(model.supported_languages))
            raise invalid(f"payload.language: the model {folder.name} knows {known}, not {language!r}.")
        return [output(_transcribe(model, folder.name, language, chunk), chunk) for chunk in work.inputs]


def _text(work: Work, field: str) -> str | None:
    value = options(work).get(field)
    if value is not None and not isinstance(value, str):
        raise invalid(f"payload.{field}: must be a string, not {value!r}.")
    return value


def _transcribe(model: Any, name: str, language: str | None, chunk: Chunk) -> dict[str, Any]:
    sound = _sound(chunk)
    if len(sound) == 0:
        sys.stdout.write(f'warning: "{chunk.name or chunk.path.name}" is empty: there is nothing to hear\n')
        return {"validationContracts": ["transcript"], "series": [], "vendor": {"note": "The recording is empty."}}
    # Larger models are known to write words where nobody speaks, and with the text before as context to repeat
    # themselves for the rest of a recording.
    segments, found = model.transcribe(
        sound, language=language, word_timestamps=True, vad_filter=True, condition_on_previous_text=False
    )
    offset = chunk.start_ms or 0
    series: list[dict[str, Any]] = []
    for word in (word for segment in segments for word in segment.words or () if word.word.strip()):
        if series and _CONTINUED.match(word.word):
            _continue(series[-1], _word(word, offset))
        else:
            series.append(_word(word, offset))
    vendor: dict[str, Any] = {"model": name}
    if language is None and model.model.is_multilingual:
        ranked = sorted(found.all_language_probs or (), key=lambda pair: -pair[1])[:3]
        vendor["languageConfidence"] = fraction(found.language_probability)
        vendor["languages"] = [{"language": one, "confidence": fraction(chance)} for one, chance in ranked]
    return {
        "validationContracts": ["transcript"],
        "language": found.language,
        "series": series,
        "vendor": vendor,
    }


def _word(word: Any, offset: int) -> dict[str, Any]:
    start = round(float(word.start) * 1000)
    stop = max(round(float(word.end) * 1000), start + 1)
    return {
        "startTimeMs": offset + start,
        "stopTimeMs": offset + stop,
        "words": [{"word": word.word.strip(), "confidence": fraction(word.probability)}],
    }


def _continue(item: dict[str, Any], rest: dict[str, Any]) -> None:
    """The word of `item` goes on with that of `rest`: the model parts "cold-hearted" before its hyphen."""
    [word], [more] = item["words"], rest["words"]
    item["stopTimeMs"] = max(item["stopTimeMs"], rest["stopTimeMs"])
    word["word"] += more["word"]
    word["confidence"] = min(word["confidence"], more["confidence"])


def _sound(chunk: Chunk) -> Any:
    sound = import_module("enginehouse_engines.sound")
    if chunk.size == 0:
        return []
    try:
        return sound.read_sound(chunk.path, rate=RATE).astype("float32") / 32768
    except sound.NotSound as problem:
        name = chunk.name or chunk.path.name
        raise invalid(f'"{name}" is {chunk.media_type}, and {problem}.') from None


@lru_cache(maxsize=1)
def _model(folder: Path) -> Any:
    """Returns the loaded model. It is only read from its folder: nothing is ever downloaded here."""
    whisper, runtime = import_module("faster_whisper"), import_module("ctranslate2")
    on_gpu = runtime.get_cuda_device_count() > 0
    return whisper.WhisperModel(
        str(folder),
        device="cuda" if on_gpu else "cpu",
        compute_type="float16" if on_gpu else "int8",
        cpu_threads=min(_MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4),
        local_files_only=True,
    )


engine = Whisper()
