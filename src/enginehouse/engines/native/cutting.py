"""One way of cutting for each kind of media: an input chunk, a folder to write in and the payload in, outputs out."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from enginehouse.engine import Chunk, Output
from enginehouse.engines.native import ffmpeg, media, text_cut, wave_cut, wave_file
from enginehouse.engines.native.payload import invalid, number
from enginehouse.engines.native.source import borrow
from enginehouse.engines.threads import in_thread

Way = Callable[[Chunk, Path, dict[str, Any]], Awaitable[list[Output]]]

_PROPERTIES: Final = "customFFMPEGProperties"
_RAW_BLOCK: Final = 10 << 20


async def whole(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """The input as it is."""
    path = directory / "whole"
    await in_thread(borrow, chunk.path, path)
    return [Output(media_type=chunk.media_type, path=path, name=chunk.name or None)]


async def raw(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """The input's bytes in blocks of 10 MiB, whatever they mean."""

    def cut() -> list[Output]:
        outputs: list[Output] = []
        with chunk.path.open("rb") as file:
            while block := file.read(_RAW_BLOCK):
                path = directory / f"chunk-{len(outputs):06}"
                path.write_bytes(block)
                metadata = {"offset": len(outputs) * _RAW_BLOCK}
                outputs.append(Output(media_type=chunk.media_type, path=path, name=path.name, metadata=metadata))
        return outputs

    return await in_thread(cut)


async def words(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """A text's paragraphs, each at most `maxWordsPerChunk` long; `offset` and `length` count characters."""
    most = int(number(payload, "maxWordsPerChunk", default=text_cut.MAX_WORDS, least=1, most=1_000_000))

    def cut() -> list[Output]:
        document = chunk.path.read_bytes().decode("utf-8-sig", "replace")
        if media.plain(chunk.media_type) == "text/html":
            document = text_cut.html_text(document)
        return [
            Output(
                media_type="text/plain",
                data=piece.text.encode(),
                name=f"chunk-{place:06}.txt",
                metadata={"offset": piece.offset, "length": len(piece.text), "words": piece.words},
            )
            for place, piece in enumerate(text_cut.cut(document, most))
        ]

    return await in_thread(cut)


async def sound(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """The sound in WAV files that begin and end in pauses; ffmpeg is needed unless the input is a PCM WAV."""
    seconds = _seconds(payload)
    try:
        if media.plain(chunk.media_type) != media.WAVE:
            raise wave_file.NotPcm(chunk.media_type)
        source = await in_thread(wave_file.opened, chunk.path)
    except wave_file.NotPcm:
        source = wave_file.opened(await ffmpeg.to_wave(chunk.path, directory))

    def cut() -> list[Output]:
        outputs: list[Output] = []
        for stretch in wave_cut.cut(source, seconds):
            path = directory / f"chunk-{len(outputs):06}.wav"
            wave_file.write(source, stretch.start, stretch.stop, path)
            start_ms, stop_ms = source.milliseconds(stretch.start), source.milliseconds(stretch.stop)
            outputs.append(Output(media_type=media.WAVE, path=path, name=path.name, start_ms=start_ms, stop_ms=stop_ms))
        return outputs

    return await in_thread(cut)


async def frames(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """Pictures of a video, `framesPerSecond` of them; needs ffmpeg."""
    rate = number(_properties(payload), "framesPerSecond", default=1, least=0.001, most=240, path=f"{_PROPERTIES}.")
    return _outputs(await ffmpeg.to_frames(chunk.path, directory, rate), "image/jpeg")


async def segments(chunk: Chunk, directory: Path, payload: dict[str, Any]) -> list[Output]:
    """A video in pieces cut at key frames; needs ffmpeg."""
    return _outputs(await ffmpeg.to_segments(chunk.path, directory, _seconds(payload)), "video/x-matroska")


def _outputs(made: Sequence[ffmpeg.Segment], media_type: str) -> list[Output]:
    return [
        Output(
            media_type=media_type,
            path=segment.path,
            name=segment.path.name,
            start_ms=segment.start_ms,
            stop_ms=segment.stop_ms,
        )
        for segment in made
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
