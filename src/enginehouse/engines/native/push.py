"""The HTTP push adapter: it stands for an endpoint at the root of a job (rest-contract §3.4, §3.5).

Without an input folder it has no work: what is pushed goes to the children behind its routes with an endpoint. With one
it passes each pushed chunk on.
"""

import asyncio
from typing import Final

from enginehouse.domain.engine import PUSH_ADAPTER
from enginehouse.engine import Chunk, EngineFailure, EngineKind, EngineMode, EngineSpec, FailureKind, Output, Work
from enginehouse.engines.native.categories import ADAPTER
from enginehouse.engines.native.files import link_or_copy
from enginehouse.engines.native.protocol import NativeContext


class PushAdapter:
    """Passes on what is pushed. A task to which nothing can be pushed fails, and does not wait for ever."""

    spec: Final = EngineSpec(
        id=PUSH_ADAPTER,
        name="HTTP push adapter",
        slug="http-push",
        category_id=ADAPTER.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.CHUNK,
        ingests=True,
        inputs=("*/*",),
        outputs=("*/*",),
        description="Takes chunks that are posted to an endpoint.",
    )

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """Returns its inputs. Raises EngineFailure without any: no route of the task has an endpoint."""
        if not work.inputs:
            raise EngineFailure(
                "Nothing can be pushed to this task: give a route of it an endpoint, a UUID of your choice.",
                FailureKind.INVALID_DATA,
            )
        return [await asyncio.to_thread(_passed, work, n, chunk) for n, chunk in enumerate(work.inputs)]


def _passed(work: Work, number: int, chunk: Chunk) -> Output:
    target = work.directory / f"passed-{number:06d}"
    link_or_copy(chunk.path, target)
    return Output(media_type=chunk.media_type, path=target, name=chunk.name, index=chunk.index, metadata=chunk.metadata)
