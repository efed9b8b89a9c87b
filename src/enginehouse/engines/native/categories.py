"""The engine categories that this server knows, by their fixed ids."""

from typing import Final

from enginehouse.domain.engine import EngineCategory

ADAPTER: Final = EngineCategory(
    id="00000000-0000-4000-8000-0000000c0001",
    name="Adapter",
    type="Ingestion",
    description="Brings outside data into a job as a stream.",
)
CHUNKING: Final = EngineCategory(
    id="00000000-0000-4000-8000-0000000c0002",
    name="Chunking",
    type="Ingestion",
    description="Cuts a stream into the chunks that other engines work on.",
)
RECORDING: Final = EngineCategory(
    id="00000000-0000-4000-8000-0000000c0003",
    name="Recording",
    type="Ingestion",
    description="Keeps what reaches it as assets of the job's target.",
)
AGGREGATOR: Final = EngineCategory(
    id="00000000-0000-4000-8000-0000000c0004",
    name="Aggregator",
    type="Aggregator",
    description="Collates the results of many chunks into one.",
)
TEST: Final = EngineCategory(
    id="00000000-0000-4000-8000-0000000c0005",
    name="Test",
    type="Cognition",
    description="Does nothing, for benchmarks and tests.",
)
OTHER: Final = EngineCategory(
    id="00000000-0000-4000-8000-0000000c0006",
    name="Other",
    type="Cognition",
    description="Engines that were added without a category.",
)
TRANSCRIPTION: Final = EngineCategory(
    id="67cd4dd0-2f75-445d-a6f0-2f297d6cd182",
    name="Transcription",
    type="Cognition",
    description="Turns speech into text with times.",
)
SENTIMENT: Final = EngineCategory(
    id="f2554098-f14b-4d81-9be1-41d0f992a22f",
    name="Sentiment",
    type="Cognition",
    description="Says how positive or negative a text is.",
)
LANGUAGE: Final = EngineCategory(
    id="a856c447-1030-4fb0-917f-08179f949c4e",
    name="Language identification",
    type="Cognition",
    description="Names the language of a text.",
)
KEYWORDS: Final = EngineCategory(
    id="dd7a1f0c-2d3c-4f6e-9a40-5b1f7d3d6e21",
    name="Keyword extraction",
    type="Cognition",
    description="Finds the terms that a text is about.",
)
TEXT_RECOGNITION: Final = EngineCategory(
    id="3b4ac603-9bfa-49d3-96b3-25ca3b502325",
    name="Text recognition",
    type="Cognition",
    description="Reads the text in pictures and scans.",
)
ENTITIES: Final = EngineCategory(
    id="9a1c5e70-3f42-4b8d-a6d7-28e0b4f91c53",
    name="Entity extraction",
    type="Cognition",
    description="Finds the people, places and organizations in a text.",
)
SUMMARY: Final = EngineCategory(
    id="5b7e2d94-8c16-4a3f-b0e5-f16d9a73c820",
    name="Summary",
    type="Cognition",
    description="Says in a few sentences what a text says.",
)
TRANSLATION: Final = EngineCategory(
    id="3b2b2ff8-44aa-4db4-9b71-ff96c3bf5923",
    name="Translate",
    type="Cognition",
    description="Says in another language what a text says.",
)

CATEGORIES: Final = (
    ADAPTER,
    CHUNKING,
    RECORDING,
    AGGREGATOR,
    TEST,
    OTHER,
    TRANSCRIPTION,
    SENTIMENT,
    LANGUAGE,
    KEYWORDS,
    TEXT_RECOGNITION,
    ENTITIES,
    SUMMARY,
    TRANSLATION,
)
