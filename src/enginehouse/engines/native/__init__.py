"""The engines that run in the server's process. They have the ids of published samples."""

from typing import Final

from enginehouse.engines.native.categories import CATEGORIES
from enginehouse.engines.native.chunker import Chunker
from enginehouse.engines.native.dash import DashSegmenter
from enginehouse.engines.native.indexers import INDEXER, MENTIONS
from enginehouse.engines.native.noop import Noop
from enginehouse.engines.native.protocol import NativeEngine
from enginehouse.engines.native.push import PushAdapter
from enginehouse.engines.native.recording import AssetCreator, Playback
from enginehouse.engines.native.transcoder import Thumbnailer, Transcoder
from enginehouse.engines.native.webstream import TV_AND_RADIO, WEBSTREAM
from enginehouse.engines.native.writer import CHUNK_AGGREGATOR, OUTPUT_WRITER

__all__ = ["CATEGORIES", "ENGINES"]

ENGINES: Final[tuple[NativeEngine, ...]] = (
    WEBSTREAM,
    TV_AND_RADIO,
    PushAdapter(),
    Chunker(),
    DashSegmenter(),
    AssetCreator(),
    Playback(),
    Transcoder(),
    Thumbnailer(),
    INDEXER,
    MENTIONS,
    CHUNK_AGGREGATOR,
    OUTPUT_WRITER,
    Noop(),
)
