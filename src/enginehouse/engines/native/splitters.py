"""One splitter for each kind of media. It takes an input chunk, a folder for its files and the payload."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from enginehouse.engine import Chunk, Output
from enginehouse.engines.native import decoder, text_splitter, wave_splitter
from enginehouse.engines.native.ffmpeg import Segment
from enginehouse.engines.native.files import link_or_copy
from enginehouse.engines.native.payload import invalid, number
from enginehouse.engines.native.pcm import Sound, milliseconds, read_pcm, write_pcm
from enginehouse.engines.threads import in_thread
from enginehouse.text.captions import CAPTIONS, caption_text
from enginehouse.text.charset import NotText, decode
from enginehouse.text.file_type import type_of_file
from enginehouse.text.media_types import OCTETS, WAVE, bare, medium
from enginehouse.text.page import html_text
from enginehouse.wave import NotWave, OtherCoding

Splitter = Callable[[Chunk, Path, dict[str, Any]], Awaitable[list[Output]]]

_PROPERTIES: Final = "customFFMPEGProperties"
_RAW_BLOCK: Final = 10 << 20


async def keep_whole(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """Returns the unchanged input."""
    path = directory / "whole"
    await in_thread(link_or_copy, chunk.path, path)
    return [Output(media_type=chunk.media_type, path=path, name=chunk.name or None)]


async def split_bytes(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """Returns the input's bytes in blocks of 10 MiB, without a look at the contents."""

    def split() -> list[Output]:
        outputs: list[Output] = []
        with chunk.path.open("rb") as file:
            while block := file.read(_RAW_BLOCK):
                path = directory / f"chunk-{len(outputs):06}"
                path.write_bytes(block)
                metadata = {"offset": len(outputs) * _RAW_BLOCK}
                outputs.append(Output(media_type=chunk.media_type, path=path, name=path.name, metadata=metadata))
        return outputs

    return await in_thread(split)


async def split_text(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """Returns the paragraphs of a text in UTF-8, each at most `maxWordsPerChunk` long.

    They are of the text's own media type, but pages and captions become plain text. `offset` and `length` count
    characters.
    """
    most = int(number(payload, "maxWordsPerChunk", default=text_splitter.MAX_WORDS, least=1, most=1_000_000))

    def split() -> list[Output]:
        kind, document = _text(chunk)
        extension = ".md" if kind == "text/markdown" else ".txt"
        return [
            Output(
                media_type=kind,
                data=piece.text.encode(),
                name=f"chunk-{place:06}{extension}",
                metadata={"offset": piece.offset, "length": len(piece.text), "words": piece.words},
            )
            for place, piece in enumerate(text_splitter.split(document, most))
        ]

    return await in_thread(split)


def _text(chunk: Chunk) -> tuple[str, str]:
    """Returns the media type and the characters of the text to cut."""
    kind = bare(chunk.media_type)
    try:
        document = decode(chunk.path.read_bytes(), chunk.media_type)
    except NotText as problem:
        raise invalid(f'"{chunk.name or chunk.path.name}" is {chunk.media_type} but not text: {problem}.') from None
    if kind == "text/html":
        return "text/plain", html_text(document)
    if kind in CAPTIONS:
        return "text/plain", caption_text(document)
    # A part of an XML document no longer has the declaration of its encoding.
    return kind, document


async def split_sound(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """Returns the sound in WAV files that begin and end in pauses.

    Other than WAV files of PCM, float or companded samples need PyAV or ffmpeg. An empty recording has none.
    """
    seconds = _seconds(payload)
    source = await _sound(chunk, directory)

    def split() -> list[Output]:
        outputs: list[Output] = []
        for stretch in wave_splitter.split(source, seconds):
            path = directory / f"chunk-{len(outputs):06}.wav"
            write_pcm(source, stretch.start, stretch.stop, path)
            start_ms, stop_ms = milliseconds(source, stretch.start), milliseconds(source, stretch.stop)
            outputs.append(Output(media_type=WAVE, path=path, name=path.name, start_ms=start_ms, stop_ms=stop_ms))
        return outputs

    return await in_thread(split)


async def _sound(chunk: Chunk, directory: Path) -> Sound:
    """Returns the sound. The bytes decide what they are, because the media type is often wrong.

    Raises EngineFailure.
    """
    kind = await in_thread(type_of_file, chunk.path)
    named = f'"{chunk.name or chunk.path.name}" is {chunk.media_type}, but'
    reason: str | None = None
    if kind == WAVE:
        try:
            return await in_thread(read_pcm, chunk.path)
        except OtherCoding as problem:
            reason = str(problem)
        except NotWave as problem:
            raise invalid(f"{named} it is a broken WAV file: {problem}.") from None
    elif kind != OCTETS and medium(kind) not in ("audio", "video"):
        raise invalid(f"{named} its bytes are {kind}, which has no sound.")
    elif kind == OCTETS and bare(chunk.media_type) == WAVE and not decoder.can_decode():
        raise invalid(f"{named} it does not begin as a WAV file does.")
    return read_pcm(await decoder.to_wave(chunk.path, directory, reason))


async def extract_frames(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """Returns pictures of a video, `framesPerSecond` for each second. It needs PyAV or ffmpeg."""
    rate = number(_properties(payload), "framesPerSecond", default=1, least=0.001, most=240, path=f"{_PROPERTIES}.")
    return _outputs(await decoder.to_frames(chunk.path, directory, rate), "image/jpeg")


async def split_video(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """Returns pieces of a video, cut at key frames. It needs PyAV or ffmpeg."""
    return _outputs(await decoder.to_segments(chunk.path, directory, _seconds(payload)), "video/x-matroska")


def _outputs(segments: Sequence[Segment], media_type: str) -> list[Output]:
    return [
        Output(
            media_type=media_type,
            path=segment.path,
            name=segment.path.name,
            start_ms=segment.start_ms,
            stop_ms=segment.stop_ms,
        )
        for segment in segments
    ]


def _properties(payload: dict[str, Any]) -> dict[str, Any]:
    match payload.get(_PROPERTIES):
        case None:
            return {}
        case dict() as properties:
            return properties
        case _:
            raise invalid(f"payload.{_PROPERTIES}: an object is needed.")


def _seconds(payload: dict[str, Any]) -> float:
    return number(_properties(payload), "chunkSizeInSeconds", default=30, least=1, most=86_400, path=f"{_PROPERTIES}.")
