"""The engines that would feed a search index, which this server does not have. Published pipelines end with them."""

from dataclasses import dataclass
from typing import Final

from enginehouse.engine import EngineKind, EngineMode, EngineSpec, Output, Work
from enginehouse.engines.native.categories import RECORDING
from enginehouse.engines.native.protocol import NativeContext


@dataclass(frozen=True, slots=True)
class Indexer:
    """Completes at once, and says why in the log of the task."""

    spec: EngineSpec

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """Returns no output. The results of the other tasks do not change."""
        context.log(f"this server keeps no search index, so the engine {self.spec.slug} had nothing to do")
        return []


def _spec(engine_id: str, slug: str, name: str) -> EngineSpec:
    return EngineSpec(
        id=engine_id,
        name=name,
        slug=slug,
        category_id=RECORDING.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        gathers=True,
        inputs=("*/*",),
        description="Accepted so that published pipelines run. This server keeps no search index, so it does nothing.",
    )


INDEXER: Final = Indexer(_spec("c2aaa6d7-14fa-f840-f77e-4d2c0b857fa8", "insert-into-index", "Search index"))
MENTIONS: Final = Indexer(_spec("915bb300-bfa8-4ce6-8498-50d43705a144", "mention-generate", "Mentions"))
