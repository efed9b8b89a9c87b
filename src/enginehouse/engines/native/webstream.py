"""The adapters. Each turns outside data into one stream."""

from typing import Final

from enginehouse.engine import EngineKind, EngineMode, EngineSpec, Output, Work
from enginehouse.engines.native.categories import ADAPTER
from enginehouse.engines.native.payload import fields
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.engines.native.root_input import read_root_input, text_in_utf8


class StreamAdapter:
    """Reads payload.url, payload.text or the target's primary asset, and writes it out, text as UTF-8."""

    def __init__(self, spec: EngineSpec) -> None:
        self.spec: Final = spec

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """Returns one stream. The client that reads it sets the limits of size and time."""
        source = await text_in_utf8(await read_root_input(work, context, fields(work.payload)), context)
        size = source.path.stat().st_size
        context.log(f"{source.media_type}, {size} bytes")
        return [Output(media_type=source.media_type, path=source.path, name=source.name or None)]


WEBSTREAM: Final = StreamAdapter(
    EngineSpec(
        id="9e611ad7-2d3b-48f6-a51b-0a1ba40fe255",
        aliases=("9e611ad7-2d3b-48f6-a51b-0a1ba40feab4",),
        name="Webstream adapter",
        slug="webstream",
        category_id=ADAPTER.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        ingests=True,
        outputs=("*/*",),
        description="Reads a URL, text given in the payload, or the target's primary asset.",
    )
)
TV_AND_RADIO: Final = StreamAdapter(
    EngineSpec(
        id="74dfd76b-472a-48f0-8395-c7e01dd7fd24",
        aliases=("74dfd76b-472a-48f0-8395-c7e01dd7f255",),
        name="TV & radio adapter",
        slug="tv-radio",
        category_id=ADAPTER.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        ingests=True,
        outputs=("*/*",),
        description="Reads a recording by its URL, like the webstream adapter.",
    )
)
