"""The engines that store their input as assets of the job's target."""

from typing import Any, Final

from enginehouse.engine import Chunk, EngineKind, EngineMode, EngineSpec, Output, Work
from enginehouse.engines.native.categories import RECORDING
from enginehouse.engines.native.payload import fields, flag, text
from enginehouse.engines.native.protocol import NativeContext


class AssetCreator:
    """Turns every input into an asset. With payload.setAsPrimary the first one is the target's primary asset."""

    spec: Final = EngineSpec(
        id="75fc943b-b5b0-4fe1-bcb6-9a7e1884257a",
        name="Asset creator",
        slug="asset-creator",
        category_id=RECORDING.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        gathers=True,
        inputs=("*/*",),
        description="Keeps every input as an asset of the target (payload.assetType, payload.setAsPrimary).",
    )

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """The inputs are assets of the target. Returns no output."""
        await _record(work, context, fields(work.payload))
        return []


class Playback:
    """Stores the stream as a media asset, so that a client can play the target."""

    spec: Final = EngineSpec(
        id="352556c7-de07-4d55-b33f-74b1cf237f25",
        name="Playback",
        slug="playback",
        category_id=RECORDING.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        gathers=True,
        inputs=("*/*",),
        description="Keeps the stream as a media asset of the target.",
    )

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """The stream is an asset of the target. Returns no output."""
        payload = fields(work.payload)
        await _record(work, context, {"assetType": "media", "setAsPrimary": payload.get("setAsPrimary")})
        return []


async def _record(work: Work, context: NativeContext, payload: dict[str, Any]) -> None:
    asset_type = text(payload, "assetType") or "media"
    as_primary = flag(payload, "setAsPrimary")
    for position, chunk in enumerate(work.inputs):
        asset = await context.create_asset(
            _as_output(chunk),
            asset_type=asset_type,
            as_primary=as_primary and position == 0,
            # A repeated attempt finds the asset that the first one created.
            replay_key=f"{work.task_id}/{chunk.folder}/{chunk.index}",
        )
        if asset is None:
            context.log("the job has no target, so nothing was kept")
            return
        context.log(f"asset {asset.id}: {chunk.media_type}, {chunk.size} bytes")


def _as_output(chunk: Chunk) -> Output:
    return Output(
        media_type=chunk.media_type,
        path=chunk.path,
        name=chunk.name or None,
        index=chunk.index,
        start_ms=chunk.start_ms,
        stop_ms=chunk.stop_ms,
        metadata=chunk.metadata,
    )
