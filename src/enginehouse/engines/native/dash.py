"""The MPEG-DASH segmenter: it turns a stream into a manifest and segments."""

from typing import Final

from enginehouse.engine import EngineKind, EngineMode, EngineSpec, Output, Work
from enginehouse.engines.native import decoder
from enginehouse.engines.native.categories import CHUNKING
from enginehouse.engines.native.payload import fields, number
from enginehouse.engines.native.protocol import NativeContext


class DashSegmenter:
    """Cuts media into DASH segments (payload.segmentSeconds, default 4)."""

    spec: Final = EngineSpec(
        id="29694232-a4f5-4622-a422-b48f206ca52a",
        name="MPEG-DASH segmenter",
        slug="dash",
        category_id=CHUNKING.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        inputs=("video/*", "audio/*"),
        outputs=("application/dash+xml", "video/iso.segment"),
        description="Cuts media into MPEG-DASH segments; needs PyAV or ffmpeg.",
    )

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """Returns the manifest, then the segments.

        Raises EngineFailure, without PyAV and ffmpeg of the kind system_dependency_missing.
        """
        seconds = number(fields(work.payload), "segmentSeconds", default=4, least=1, most=3600)
        outputs: list[Output] = []
        for position, chunk in enumerate(chunk for chunk in work.inputs if chunk.size):
            directory = work.directory / f"input-{position}"
            directory.mkdir()
            for path in await decoder.to_dash(chunk.path, directory, seconds):
                kind = "application/dash+xml" if path.suffix == ".mpd" else "video/iso.segment"
                outputs.append(Output(media_type=kind, path=path, name=path.name, index=len(outputs)))
        return outputs
