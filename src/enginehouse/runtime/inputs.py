"""The inputs of an item as local files: the outputs of its parents.

A task without parents reads what its payload names.
"""

from typing import Any, Final

from enginehouse.domain.artifact import Artifact
from enginehouse.domain.engine import PUSH_ADAPTER
from enginehouse.domain.ids import task_graphql
from enginehouse.engine import Chunk, EngineKind
from enginehouse.engines.native.root_input import find_root_input, read_root_input, text_in_utf8
from enginehouse.engines.threads import in_thread
from enginehouse.runtime.attempt import AttemptRun
from enginehouse.text.file_type import type_of_file
from enginehouse.text.media_types import UNSPECIFIC, bare

_DATA: Final = frozenset({"url", "text"})


async def open_inputs(attempt: AttemptRun) -> tuple[Chunk, ...]:
    """Returns the inputs as files, which are open until the attempt ends."""
    lease, spec = attempt.lease, attempt.spec
    routes = lease.plan.routes
    if any(route.child == lease.key.ordinal and (route.parent >= 0 or route.endpoint) for route in routes):
        return tuple([await _chunk(attempt, artifact) for artifact in await attempt.source.inputs(lease)])
    if spec.ingests or spec.gathers or not spec.inputs:
        return ()
    return await _stream(attempt)


async def _chunk(attempt: AttemptRun, artifact: Artifact) -> Chunk:
    plan, is_pushed = attempt.lease.plan, artifact.ordinal == attempt.lease.key.ordinal
    path, media_type = await attempt.open(artifact), artifact.media_type
    if bare(media_type) in UNSPECIFIC:
        media_type = await in_thread(type_of_file, path, media_type, artifact.name)
    return Chunk(
        path=path,
        media_type=media_type,
        size=artifact.size,
        index=artifact.index,
        folder=artifact.folder,
        name=artifact.name,
        start_ms=artifact.start_ms,
        stop_ms=artifact.stop_ms,
        metadata=artifact.metadata or {},
        engine_id=PUSH_ADAPTER if is_pushed else plan.tasks[artifact.ordinal].engine_id,
        task_id=task_graphql(artifact.job_id, artifact.ordinal),
    )


async def _stream(attempt: AttemptRun) -> tuple[Chunk, ...]:
    """Returns the input of a cognitive engine without a parent: `payload.url` or the primary asset.

    A `payload.text` is not an input: the engine reads its payload. Without all three, an engine from outside runs on
    its own parameters; without any of these, and for a native engine, there is nothing to work on.
    """
    payload = attempt.task.payload if isinstance(attempt.task.payload, dict) else {}
    if payload.get("text") is not None:
        return ()  # the engine reads it from its payload
    attempt.directory()  # what is found is brought here
    work = attempt.work(())
    if attempt.spec.kind is not EngineKind.NATIVE and _has_parameters(payload):
        found = await find_root_input(work, attempt.context, payload)
        if found is None:
            return ()
    else:
        found = await read_root_input(work, attempt.context, payload)
    source = await text_in_utf8(found, attempt.context)
    size = source.path.stat().st_size
    return (Chunk(path=source.path, media_type=source.media_type, size=size, name=source.name),)


def _has_parameters(payload: dict[str, Any]) -> bool:
    """True if the payload says anything besides where the data are."""
    return any(value is not None for name, value in payload.items() if name not in _DATA)
