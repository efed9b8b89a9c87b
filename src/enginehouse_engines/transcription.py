"""Transcription of English speech with pocketsphinx: finds the words in a WAV file, and their times."""

import os
import re
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from enginehouse.engine import Chunk, Output, Work
from enginehouse_engines.aion import fraction, output
from enginehouse_engines.spec import chunk_spec
from enginehouse_engines.text import invalid

ID = "c0e55cde-340b-44d7-bb42-2e0d65e98255"  # the id of transcription in published samples
LANGUAGE = "en-US"
RATE = 16_000
_FRAME_MS = 10
_VARIANT = re.compile(r"\(\d+\)$")  # the number of the recognised pronunciation
_NOT_WORDS = ("<", "[", "+")  # <sil>, [SPEECH], ++NOISE++
_WAVS = ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
_TYPES = ("audio/*", "video/*") if find_spec("av") else _WAVS  # PyAV decodes the others


class Transcription:
    """Returns one AION transcript for each input: a `series` item for each word, at its time in the media."""

    spec = chunk_spec(
        "transcription",
        engine_id=ID,
        name="Transcription (pocketsphinx)",
        slug="transcription-pocketsphinx",
        description=(
            "Writes down English speech without a model to install. Poor: about three words in ten of clear reading "
            "are wrong; transcription-whisper is far better (pip install 'enginehouse[whisper]')."
        ),
        category="Transcription",
        category_id="67cd4dd0-2f75-445d-a6f0-2f297d6cd182",
        task_type="transcribe",
        memory_mb=2048,
        timeout_seconds=1800,
        inputs=_TYPES,
        formats=_WAVS,
        languages=("en",),
    )

    def process(self, work: Work) -> list[Output]:
        """Returns the words of every input. A sound without speech, or an empty one, has an empty series.

        Raises EngineFailure (invalid_data) for an input without sound, and without PyAV for all but WAV files.
        """
        if not work.inputs:
            raise invalid("Nothing to hear: give payload.url, or a target with a primary asset, with sound.")
        return [output(_transcribe(chunk), chunk) for chunk in work.inputs]


def _transcribe(chunk: Chunk) -> dict[str, Any]:
    sound = _sound(chunk)
    if len(sound) == 0:
        sys.stdout.write(f'warning: "{chunk.name or chunk.path.name}" is empty: there is nothing to hear\n')
        return _transcript([]) | {"vendor": {"note": "The recording is empty."}}
    decoder = _decoder()
    # The decoder adapts to the noise of an input. It must forget that before the next one.
    decoder.reinit_feat()
    series: list[dict[str, Any]] = []
    for start, stop in import_module("enginehouse_engines.speech").utterances(sound):
        decoder.start_utt()
        decoder.process_raw(sound[start:stop].tobytes(), full_utt=True)
        decoder.end_utt()
        offset = (chunk.start_ms or 0) + start * 1000 // RATE
        series.extend(_word(segment, offset) for segment in decoder.seg() or () if _is_word(segment))
    return _transcript(series)


def _transcript(series: list[dict[str, Any]]) -> dict[str, Any]:
    return {"validationContracts": ["transcript"], "language": LANGUAGE, "series": series}


def _sound(chunk: Chunk) -> Any:
    """Returns the chunk as 16-bit mono samples at 16 kHz. The bytes decide, because the media type is often wrong."""
    sound = import_module("enginehouse_engines.sound")
    name = chunk.name or chunk.path.name
    if chunk.size == 0:
        return []
    try:
        return sound.read_sound(chunk.path, rate=RATE)
    except sound.NotSound as problem:
        raise invalid(f'"{name}" is {chunk.media_type}, and {problem}.') from None


def _is_word(segment: Any) -> bool:
    return not segment.word.startswith(_NOT_WORDS)


def _word(segment: Any, offset: int) -> dict[str, Any]:
    return {
        "startTimeMs": offset + segment.start_frame * _FRAME_MS,
        "stopTimeMs": offset + (segment.end_frame + 1) * _FRAME_MS,
        # This score is a posterior probability, unlike the decoder's others.
        "words": [{"word": _VARIANT.sub("", segment.word), "confidence": fraction(segment.prob)}],
    }


@cache
def _decoder() -> Any:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing here is large enough to gain from threads
    return import_module("pocketsphinx").Decoder(samprate=RATE, loglevel="FATAL")


engine = Transcription()
