"""The engines that make other media of a target's media: a copy that browsers play, and a thumbnail."""

from pathlib import Path
from typing import Final

from enginehouse.engine import Chunk, EngineKind, EngineMode, EngineSpec, Output, Work
from enginehouse.engines.native import decoder
from enginehouse.engines.native.categories import RECORDING
from enginehouse.engines.native.payload import fields, flag, number
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.engines.native.root_input import read_root_input


class Transcoder:
    """Turns video into MP4 (H.264, AAC) and sound into M4A (AAC). With payload.setAsPrimary the result is primary."""

    spec: Final = EngineSpec(
        id="fc004413-89f0-132a-60b2-b94522fb7e66",
        name="Transcoder",
        slug="transcode-ffmpeg",
        category_id=RECORDING.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        gathers=True,
        inputs=("video/*", "audio/*"),
        outputs=("video/mp4", "audio/mp4"),
        timeout_seconds=3600,
        description="Makes a copy that browsers play, as a media asset of the target; needs PyAV or ffmpeg.",
    )

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """The copies are assets of the target. Returns them too.

        Raises EngineFailure, without PyAV and ffmpeg of the kind system_dependency_missing.
        """
        as_primary = flag(fields(work.payload), "setAsPrimary")
        outputs: list[Output] = []
        for source in await _sources(work, context):
            sound = source.media_type.startswith("audio/")
            name = f"{Path(source.name or 'media').stem}.{'m4a' if sound else 'mp4'}"
            target = work.directory / f"transcoded-{len(outputs)}-{name}"
            await decoder.to_mp4(source.path, target, sound_only=sound)
            output = Output(
                media_type="audio/mp4" if sound else "video/mp4", path=target, name=name, index=len(outputs)
            )
            await _keep(work, context, output, "media", as_primary=as_primary and not outputs)
            outputs.append(output)
        return outputs


class Thumbnailer:
    """Takes a typical picture of a video as a thumbnail of the target (payload.width, default 640)."""

    spec: Final = EngineSpec(
        id="00000000-0000-4000-8000-0000000e0002",
        name="Thumbnail",
        slug="thumbnail-generator",
        category_id=RECORDING.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        gathers=True,
        inputs=("*/*",),
        outputs=("image/jpeg",),
        description="Takes a picture of a video as a thumbnail asset of the target; needs PyAV or ffmpeg.",
    )

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """The picture is an asset of the target. Returns it too, or nothing for what has no pictures.

        Raises EngineFailure, without PyAV and ffmpeg of the kind system_dependency_missing.
        """
        width = number(fields(work.payload), "width", default=640, least=16, most=3840)
        outputs: list[Output] = []
        for source in await _sources(work, context):
            if not source.media_type.startswith("video/"):
                context.log(f"{source.media_type} has no pictures, so there is no thumbnail of it")
                continue
            target = work.directory / f"thumbnail-{len(outputs)}.jpg"
            await decoder.to_thumbnail(source.path, target, round(width))
            output = Output(media_type="image/jpeg", path=target, name="thumbnail.jpg", index=len(outputs))
            await _keep(work, context, output, "thumbnail", as_primary=not outputs)
            outputs.append(output)
        return outputs


async def _sources(work: Work, context: NativeContext) -> list[Chunk]:
    """Returns the inputs; for a root task the data that its payload or its target names."""
    if work.inputs or work.folders:
        return [chunk for chunk in work.inputs if chunk.size]
    root = await read_root_input(work, context, fields(work.payload))
    return [Chunk(path=root.path, media_type=root.media_type, size=root.path.stat().st_size, name=root.name)]


async def _keep(work: Work, context: NativeContext, output: Output, asset_type: str, *, as_primary: bool) -> None:
    # A repeated attempt finds the asset that the first one created.
    replay_key = f"{work.task_id}/{asset_type}/{output.index}"
    asset = await context.create_asset(output, asset_type=asset_type, as_primary=as_primary, replay_key=replay_key)
    context.log("the job has no target, so nothing was kept" if asset is None else f"asset {asset.id}: {output.name}")
