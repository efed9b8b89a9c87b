"""The fields of acts on many jobs, which are ours: a plan, the act itself, its progress, and what takes it back."""

from typing import Any, Final

from ariadne import MutationType, QueryType

from enginehouse.api.graphql import idempotency
from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.api.input.rules import job_rule
from enginehouse.domain.bulk_acts import SENTENCES, Act, SkipCount, in_words
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import JobFilter
from enginehouse.operations import bulk_acts, jobs
from enginehouse.operations.bulk_acts import BulkAct

query, mutation = QueryType(), MutationType()
_LARGEST: Final = 1_000


@query.field("bulkActPlan")
async def plan(_: object, info: Info, act: str, rule: dict[str, Any]) -> dict[str, Any]:
    """Returns what the act would do now. Changes nothing."""
    context = info.context
    found = await bulk_acts.plan(context.house, context.principal, Act(act), _rule(context, rule))
    whole = await jobs.get_many(context.house, context.principal, [job.id for job, _ in found.sample])
    return {
        "act": found.act.value,
        "matched": found.forecast.matched,
        "changes": found.forecast.changes,
        "skips": [_skip(each) for each in found.forecast.skips],
        "sample": [
            {"job": whole[job.id], "skip": None if reason is None else reason.value}
            for job, reason in found.sample
            if job.id in whole
        ],
        "undo": None if found.undo is None else found.undo.value,
        "plannedDateTime": found.planned_at,
    }


@query.field("bulkAct")
async def get(_: object, info: Info, id: str) -> dict[str, Any]:
    """Returns the progress of the act."""
    context = info.context
    return _view(await bulk_acts.get(context.house, context.principal, refs.bulk_act(id)))


@query.field("bulkActs")
async def list_acts(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns the acts of the organization, newest first."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), _LARGEST)
    acts = await bulk_acts.list_(context.house, context.principal, limit=limit, offset=offset)
    return paging.Page([_view(act) for act in acts], offset, limit)


@mutation.field("actOnJobs")
async def start(_: object, info: Info, act: str, rule: dict[str, Any], **args: Any) -> dict[str, Any]:
    """The act is accepted for exactly the jobs that match now."""
    context = info.context
    started = await bulk_acts.start(
        context.house,
        context.principal,
        Act(act),
        _rule(context, rule),
        confirmed=args.get("confirmCount"),
        key=idempotency.key(context, args.get("idempotencyKey")),
    )
    context.replayed |= started.replayed
    return _view(started)


@mutation.field("undoBulkAct")
async def undo(_: object, info: Info, id: str) -> dict[str, Any]:
    """Another act takes this one back for the jobs that it has changed."""
    context = info.context
    return _view(await bulk_acts.undo(context.house, context.principal, refs.bulk_act(id)))


def _rule(context: Context, fields: dict[str, Any]) -> JobFilter:
    times = {
        "created_from": None if fields.get("createdAfter") is None else int(fields["createdAfter"]),
        "created_to": None if fields.get("createdBefore") is None else fields["createdBefore"].last,
        "modified_from": None if fields.get("modifiedAfter") is None else int(fields["modifiedAfter"]),
        "modified_to": None if fields.get("modifiedBefore") is None else fields["modifiedBefore"].last,
    }
    words = ["aborted" if word == "cancelled" else word for word in fields.get("statuses") or ()]
    return job_rule(context.house, context.principal, {**fields, "statuses": words}, times, [])


def _skip(skip: SkipCount) -> dict[str, Any]:
    example = job_graphql(skip.example) if skip.example else None
    return {
        "reason": skip.reason.value, "jobs": skip.jobs, "message": SENTENCES[skip.reason], "exampleJobId": example,
    }  # fmt: skip


def _view(act: BulkAct) -> dict[str, Any]:
    return {
        "id": str(act.id),
        "act": act.act.value,
        "rule": in_words(act.rule),
        "userName": act.user_name,
        "acceptedDateTime": act.accepted_at,
        "matched": act.matched,
        "applied": act.applied,
        "skipped": act.skipped,
        "left": act.left,
        "skips": [_skip(each) for each in act.skips],
        "endedDateTime": act.ended_at,
        "undo": None if act.undo is None else act.undo.value,
        "undoOf": None if act.undo_of is None else str(act.undo_of),
        "undoneBy": None if act.undone_by is None else str(act.undone_by),
    }


BINDABLES: Final = [query, mutation]
