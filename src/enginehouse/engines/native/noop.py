"""The engine that does nothing. It shows what a task costs apart from its engine."""

from typing import Final

from enginehouse.engine import EngineKind, EngineMode, EngineSpec, Output, Work
from enginehouse.engines.native.categories import TEST
from enginehouse.engines.native.protocol import NativeContext


class Noop:
    """Returns at once, without output."""

    spec: Final = EngineSpec(
        id="00000000-0000-4000-8000-0000000e0001",
        name="No operation",
        slug="noop",
        category_id=TEST.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.BATCH,
        description="Does nothing; for benchmarks and tests.",
    )

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """Returns no output."""
        return []
