"""The engines that gather the results of a branch. The output writer publishes them, the aggregator passes them on."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec

from enginehouse.domain.documents import DEEPEST_GATHERED, DocumentError, is_json, read_document
from enginehouse.engine import Chunk, EngineKind, EngineMode, EngineSpec, Output, Work
from enginehouse.engines.native.aion import MEDIA_TYPE, Document
from enginehouse.engines.native.categories import AGGREGATOR
from enginehouse.engines.native.collation import Part, collate
from enginehouse.engines.native.files import link_or_copy
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.engines.threads import in_thread


class Gatherer:
    """Collates its AION documents into one, and passes every other input on unchanged.

    `publishes` puts both among the job's results. The document records problems of validation. They stop nothing.
    """

    def __init__(self, spec: EngineSpec, *, publishes: bool) -> None:
        self.spec: Final = spec
        self._publishes = publishes

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        """Returns one document, then the other files in order. Without any chunk the document is empty."""
        outputs = await in_thread(self._gather, work)
        context.log(f"{len(work.inputs)} chunks, {len(outputs) - 1} of them passed on as they are")
        return [replace(output, index=index, published=self._publishes) for index, output in enumerate(outputs)]

    def _gather(self, work: Work) -> list[Output]:
        parts: list[Part] = []
        others: list[Output] = []
        findings: list[str] = []
        for chunk in sorted(work.inputs, key=lambda chunk: (chunk.start_ms or 0, chunk.index, chunk.folder)):
            document = _read(chunk, findings)
            if document is None:
                others.append(_pass_on(chunk, work, len(others)))
            else:
                parts.append(_part(chunk, document))
        document = self._stamp(work, parts) | collate(parts, findings)
        written = work.directory / "collated.json"
        written.write_bytes(msgspec.json.encode(document))
        # A repeated attempt publishes under the same name.
        name = f"vtn-standard-{uuid.uuid5(uuid.NAMESPACE_OID, f'{work.job_id}/{work.task_id}')}.json"
        return [Output(media_type=MEDIA_TYPE, path=written, name=name), *others]

    def _stamp(self, work: Work, parts: list[Part]) -> Document:
        """Returns the fields that the platform fills.

        They describe the producing engine if there is only one, else the gatherer.
        """
        producers = {(part.engine_id, part.task_id) for part in parts}
        engine_id, task_id = producers.pop() if len(producers) == 1 else (None, None)
        stamp: Document = {"generatedDateUTC": datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"}
        if engine_id is None:
            stamp |= {"sourceEngineId": work.engine_id, "sourceEngineName": self.spec.name, "taskId": work.task_id}
            payload = work.payload
        else:
            stamp |= {"sourceEngineId": engine_id}
            if task_id is not None:
                stamp["taskId"] = task_id
            if (engine_name := _agreed(parts, "sourceEngineName")) is not None:
                stamp["sourceEngineName"] = engine_name
            payload = _agreed(parts, "taskPayload")
        if isinstance(payload, dict):
            stamp["taskPayload"] = payload
        return stamp


def _read(chunk: Chunk, findings: list[str]) -> Document | None:
    """Returns the chunk's AION document, None if it is something else."""
    if not is_json(chunk.media_type):
        return None
    try:
        document = read_document(chunk.path.read_bytes(), DEEPEST_GATHERED)
    except DocumentError as fault:
        findings.append(f"chunk {chunk.index}: {str(fault).removesuffix('.')}, passed on as it is")
        return None
    if not isinstance(document, dict):
        findings.append(f"chunk {chunk.index}: JSON but not an object, passed on as it is")
        return None
    return document


def _part(chunk: Chunk, document: Document) -> Part:
    return Part(
        document=document,
        index=chunk.index,
        folder=chunk.folder,
        start_ms=chunk.start_ms,
        stop_ms=chunk.stop_ms,
        engine_id=chunk.engine_id,
        task_id=chunk.task_id,
        metadata=chunk.metadata,
    )


def _pass_on(chunk: Chunk, work: Work, position: int) -> Output:
    path = work.directory / f"passed-{position:06}"
    link_or_copy(chunk.path, path)
    # Files of several branches may have the same name. Among a job's results each needs its own.
    own = PurePosixPath(chunk.name or f"chunk-{chunk.index:06}")
    return Output(
        media_type=chunk.media_type,
        path=path,
        name=f"{own.stem}-{chunk.folder}-{chunk.index:06}{own.suffix}",
        start_ms=chunk.start_ms,
        stop_ms=chunk.stop_ms,
        metadata=chunk.metadata,
    )


def _agreed(parts: list[Part], name: str) -> Any:
    """Returns the value of a platform field if all documents (or their chunks' metadata) agree on it, else None."""
    values = [part.document.get(name, part.metadata.get(name)) for part in parts]
    return values[0] if all(value == values[0] for value in values) else None


OUTPUT_WRITER: Final = Gatherer(
    EngineSpec(
        id="8eccf9cc-6b6d-4d7d-8cb3-7ebf4950c5f3",
        name="Output writer",
        slug="output-writer",
        category_id=AGGREGATOR.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.CHUNK,
        gathers=True,
        inputs=("*/*",),
        outputs=("application/json",),
        description="Publishes the results of a branch as one vtn-standard file.",
    ),
    publishes=True,
)
CHUNK_AGGREGATOR: Final = Gatherer(
    EngineSpec(
        id="045e675b-ed7c-43bf-8300-a2f2102f57a4",
        name="Chunk aggregator",
        slug="aggregator",
        category_id=AGGREGATOR.id,
        kind=EngineKind.NATIVE,
        mode=EngineMode.CHUNK,
        gathers=True,
        inputs=("*/*",),
        outputs=("application/json",),
        description="Collates many AION chunks into one.",
    ),
    publishes=False,
)
