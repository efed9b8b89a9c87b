"""The HTTP push adapter. Jobs may name its id, but the server does not serve its endpoints yet."""

from typing import Final

from enginehouse.engine import EngineFailure, EngineKind, EngineMode, EngineSpec, FailureKind, Output, Work
from enginehouse.engines.native.categories import ADAPTER
from enginehouse.engines.native.protocol import NativeContext


class PushAdapter:
    """Fails and says why, so that no task waits for chunks that cannot come."""

    spec: Final = EngineSpec(
        id="bb544ade-461c-11ea-8604-a3b3a83f5182",
        name="HTTP push adapter",
        slug="http-push",
        category_id=ADAPTER.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.STREAM,
        ingests=True,
        outputs=("*/*",),
        description="Takes chunks that are posted to an endpoint. Push endpoints are not served yet.",
    )

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """Raises EngineFailure."""
        raise EngineFailure(
            "Push endpoints (POST /proc/endpoint/{uuid}) are not served yet. "
            "Use the webstream adapter with payload.url or payload.text.",
            FailureKind.SYSTEM_DEPENDENCY_MISSING,
        )
