"""The chunker, under the published FFmpeg id: it cuts a stream into the chunks that other engines work on."""

from collections.abc import Sequence
from typing import Any, Final

from enginehouse.domain.errors import excerpt
from enginehouse.engine import Chunk, EngineKind, EngineMode, EngineSpec, FolderMode, FolderType, Output, Work
from enginehouse.engines.native import splitters
from enginehouse.engines.native.categories import CHUNKING
from enginehouse.engines.native.payload import fields, invalid, text
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.engines.native.root_input import read_root_input
from enginehouse.engines.native.splitters import Splitter
from enginehouse.text.charset import NotText, decode
from enginehouse.text.file_type import HEAD
from enginehouse.text.media_types import OCTETS, TABLES, bare

_TEMPLATES: Final = frozenset({"audio", "video", "frame", "rawchunk"})
_PER_INPUT: Final = 1_000_000  # the number of indices for each input chunk that is cut again


class Chunker:
    """Cuts text between paragraphs and sentences, sound in its pauses, and video at its key frames or into pictures.

    payload: `maxWordsPerChunk`, `ffmpegTemplate` (audio, video, frame, rawchunk), `outputMode` "stream" to pass on the
    whole stream, `customFFMPEGProperties` with `chunkSizeInSeconds` (an upper bound) and `framesPerSecond`.
    """

    spec: Final = EngineSpec(
        id="8bdb0e3b-ff28-4f6e-a3ba-887bd06e6440",
        name="Chunker",
        slug="chunker",
        category_id=CHUNKING.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        inputs=("text/*", "audio/*", "video/*", "*/*"),
        outputs=("text/*", "audio/wav", "image/jpeg", "video/x-matroska"),
        description="Cuts text into paragraphs, sound in its pauses, and with PyAV or ffmpeg video.",
    )

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """Returns the chunks of every input in order. An empty input has none. Raises EngineFailure."""
        payload = fields(work.payload)
        outputs: list[Output] = []
        for position, chunk in enumerate(await _inputs(work, context, payload)):
            split = _splitter(chunk, payload)
            if chunk.size == 0:
                context.log(f'warning: input "{chunk.name}" is empty')
                continue
            directory = work.directory / f"input-{position}"
            directory.mkdir()
            first = chunk.index * _PER_INPUT if _is_chunked(work, chunk) else len(outputs)
            parts = await split(chunk, directory, payload)
            if not parts:
                context.log(f'warning: input "{chunk.name}" ({chunk.media_type}) has nothing in it to cut')
            outputs += [_place(output, chunk, first + place) for place, output in enumerate(parts)]
        context.log(f"{len(outputs)} chunk{'' if len(outputs) == 1 else 's'}")
        return outputs


async def _inputs(work: Work, context: NativeContext, payload: dict[str, Any]) -> Sequence[Chunk]:
    has_parent = any(folder.type is FolderType.INPUT for folder in work.folders)
    has_source = text(payload, "url") or text(payload, "text")
    if work.inputs or (has_parent and not has_source):
        return work.inputs
    source = await read_root_input(work, context, payload)
    size = source.path.stat().st_size
    return (Chunk(path=source.path, media_type=source.media_type, size=size, name=source.name),)


def _is_chunked(work: Work, chunk: Chunk) -> bool:
    return chunk.folder < len(work.folders) and work.folders[chunk.folder].mode is FolderMode.CHUNK


def _splitter(chunk: Chunk, payload: dict[str, Any]) -> Splitter:
    """Returns the function that cuts this input. Raises EngineFailure if there is none."""
    template = text(payload, "ffmpegTemplate")
    if template is not None and template not in _TEMPLATES:
        raise invalid(f"payload.ffmpegTemplate: audio, frame, rawchunk or video, got {excerpt(template)}.")
    kind = bare(chunk.media_type)
    match kind.partition("/")[0], template:
        case _ if text(payload, "outputMode") == "stream":
            splitter = splitters.keep_whole
        case _, "rawchunk":
            splitter = splitters.split_bytes
        case "text", _ if kind not in TABLES:
            splitter = splitters.split_text
        case ("audio", _) | ("video", "audio"):
            splitter = splitters.split_sound
        case "video", "frame":
            splitter = splitters.extract_frames
        case "video", _:
            splitter = splitters.split_video
        case ("image" | "application" | "message" | "text", _) if kind != OCTETS:  # a document already is a chunk
            splitter = splitters.keep_whole
        case _:
            raise invalid(
                f'input "{chunk.name}": media type {kind} is not one that can be cut into chunks{_why(chunk)}'
            )
    return splitter


def _why(chunk: Chunk) -> str:
    """Returns what is wrong with bytes of no known type."""
    try:
        with chunk.path.open("rb") as file:
            decode(file.read(HEAD))
    except NotText as problem:
        return f", and not text: {problem}."
    return "."


def _place(output: Output, chunk: Chunk, index: int) -> Output:
    """Returns the output with `index`, and with times from the start of the whole media, like its input's times."""
    begin = chunk.start_ms or 0
    return Output(
        media_type=output.media_type,
        data=output.data,
        path=output.path,
        name=output.name,
        index=index,
        start_ms=None if output.start_ms is None else begin + output.start_ms,
        stop_ms=None if output.stop_ms is None else begin + output.stop_ms,
        metadata={**chunk.metadata, **output.metadata, "index": index},
    )
