"""`engineResults`: the results of the engines of a job, or of a target's jobs (graphql-contract §2.5)."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ariadne import ObjectType, QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.input import refs
from enginehouse.domain.artifact import Artifact
from enginehouse.domain.documents import is_json
from enginehouse.domain.errors import IntegrityError, InvalidInput, NotFound, Refusal, UnreadableDocument
from enginehouse.domain.ids import task_graphql
from enginehouse.domain.job import Job, JobFilter
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.operations import artifacts, engines, jobs, targets

query, result_type = QueryType(), ObjectType("EngineResult")

_NEITHER: Final = "give jobId, mentionId, or tdoId (or sourceId) with engineIds or engineCategoryIds."


@query.field("engineResults")
async def list_results(_: object, info: Info, **args: Any) -> dict[str, Any]:
    """Returns the results, by job in the order of its tasks.

    Without engines it returns only the published results of the job.
    """
    context = info.context
    engine_ids = await _wanted_engines(context, args)
    records: list[dict[str, Any]] = []
    for job in await _jobs(context, args, engine_ids):
        context.jobs.prime(job.id, job)
        for artifact in await _artifacts(context, job, engine_ids):
            record = await _record(context, job, artifact)
            if _overlaps(record, args):
                records.append(record)
    return {"sourceId": args.get("sourceId"), "records": records}


async def _wanted_engines(context: Context, args: dict[str, Any]) -> set[str] | None:
    ids, categories = args.get("engineIds"), args.get("engineCategoryIds")
    if not ids and not categories:
        return None
    named = (engines.shown(context.house, context.principal, name) for name in ids or ())
    engine_ids = {engine.spec.id for engine in named if engine}
    if categories:
        inside = engines.EngineFilter(categories=tuple(categories), limit=context.house.limits.page_size)
        engine_ids |= {engine.spec.id for engine in await engines.list_(context.house, context.principal, inside)}
    return engine_ids


async def _jobs(context: Context, args: dict[str, Any], engine_ids: set[str] | None) -> Sequence[Job]:
    house, principal = context.house, context.principal
    target_id = args.get("tdoId") or args.get("fallbackTdoId")
    if args.get("jobId") is not None:
        job = await jobs.get(house, principal, refs.job(args["jobId"]))
        elsewhere = args.get("tdoId") is not None and args["tdoId"] != str(job.target_id)
        return [] if elsewhere else [job]
    if args.get("mentionId") is not None or args.get("sourceId") is not None:
        return []  # mentions and sources have no results here
    if target_id is None or engine_ids is None:
        raise InvalidInput(_NEITHER)
    target = await targets.get(house, principal, refs.number(target_id))
    if not engine_ids:
        return []
    about = JobFilter(target_id=target.id, engine_ids=tuple(sorted(engine_ids)), limit=house.limits.page_size)
    return (await jobs.list_(house, principal, about)).jobs


async def _artifacts(context: Context, job: Job, engine_ids: set[str] | None) -> list[Artifact]:
    house, principal = context.house, context.principal
    if engine_ids is None:
        outputs: Iterable[Artifact] = await artifacts.of_job(house, principal, Ref.of(job.id))
    else:
        tasks = [TaskRef.of(job.id, task.ordinal) for task in job.tasks if task.plan.engine_id in engine_ids]
        outputs = [one for task in tasks for one in await artifacts.of_task(house, principal, task)]
    documents = (one for one in outputs if is_json(one.media_type))
    return sorted(documents, key=lambda one: (one.ordinal, one.index, one.item, one.part))


async def _record(context: Context, job: Job, artifact: Artifact) -> dict[str, Any]:
    """Returns one result, with the fields that the platform adds to the document (graphql-contract §2.5).

    A document that cannot be read leaves `jsondata` null, and the error at its path says why.
    """
    engine_id, task_id = job.plan.tasks[artifact.ordinal].engine_id, task_graphql(job.id, artifact.ordinal)
    document: Any = None
    fault: Refusal | None = None
    try:
        document = await artifacts.document(context.house, artifact)
    except (IntegrityError, NotFound, UnreadableDocument) as refusal:
        fault = refusal
    if isinstance(document, dict):
        document.setdefault("sourceEngineId", engine_id)
        document.setdefault("taskId", task_id)
        document.setdefault("generatedDateUTC", _iso(artifact.created_at))
        document["modifiedDateTime"] = artifact.created_at // 1000
        if isinstance(document["sourceEngineId"], str):
            engine_id = document["sourceEngineId"]
    return {
        "tdoId": "" if job.target_id is None else str(job.target_id),
        "target_id": job.target_id,
        "engineId": engine_id,
        "taskId": task_id,
        "key": artifact.key,
        "readers": [(job.id, ordinal) for ordinal in _collators(context, job, artifact.ordinal)],
        "document": document,
        "fault": fault,
        "startOffsetMs": artifact.start_ms,
        "stopOffsetMs": artifact.stop_ms,
        "userEdited": None,
    }


@result_type.field("jsondata")
def document_of(record: dict[str, Any], _: Info) -> Any:
    """Returns the document. Raises the refusal that says why there is none."""
    if record["fault"] is not None:
        raise record["fault"]
    return record["document"]


@result_type.field("assetId")
async def asset_of(record: dict[str, Any], info: Info) -> str | None:
    """Returns the asset of the target with this result: its own, or that of the writer that has read it."""
    context = info.context
    own = await context.assets_of_bytes.get(record["key"])
    if own is not None:
        return own
    for task in record["readers"]:
        collated = await context.results.get(task)
        if collated is not None:
            return await context.assets_of_bytes.get(collated.key)
    return None


def _collators(context: Context, job: Job, ordinal: int) -> list[int]:
    """Returns the tasks that put the chunks of this task into one document."""
    readers = {route.child for route in job.plan.routes if route.parent == ordinal}
    found = ((reader, engines.shown(context.house, context.principal, job.plan.tasks[reader].engine_id))
             for reader in sorted(readers))  # fmt: skip
    return [reader for reader, engine in found if engine is not None and engine.spec.gathers]


def _iso(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _overlaps(record: dict[str, Any], args: dict[str, Any]) -> bool:
    """Returns False if the result is outside the requested part of the media.

    A result without a place is never outside.
    """
    first, last = args.get("startOffsetMs"), args.get("stopOffsetMs")
    start, stop = record["startOffsetMs"], record["stopOffsetMs"]
    after = first is not None and stop is not None and stop < first
    before = last is not None and start is not None and start > last
    return not (after or before)


@result_type.field("tdo")
def target_of(record: dict[str, Any], info: Info) -> Any:
    """Returns the target of the result."""
    return None if record["target_id"] is None else info.context.targets.load(record["target_id"])


BINDABLES: Final = [query, result_type]
