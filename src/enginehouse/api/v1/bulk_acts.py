"""Acts on many jobs over our own REST interface: a plan, the act itself, its progress, and what takes it back."""

from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec

from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import PAGE, answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs, rules
from enginehouse.api.spelling import DateTime, optional
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import ids, times
from enginehouse.domain.bulk_acts import SENTENCES, Act, SkipCount
from enginehouse.domain.errors import Problem, excerpt
from enginehouse.domain.job import JobFilter
from enginehouse.operations import bulk_acts
from enginehouse.operations.bulk_acts import BulkAct, BulkPlan

ActWord = Literal["cancel", "stop", "retry", "pause", "resume"]


class JobRule(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which jobs: those that match all filters that are given, and one value of each list. At least one is needed.

    `failures` are reasons for which a task failed. Bounds of time belong to the range.
    """

    jobs: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    statuses: list[str] = []
    engines: list[str] = []
    failures: list[str] = []
    paused: bool = False
    name: str | None = None
    schedules: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    target: str | None = None
    created_after: DateTime | None = None
    created_before: DateTime | None = None
    modified_after: DateTime | None = None
    modified_before: DateTime | None = None


class ActPlan(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to do, and to which jobs."""

    act: ActWord
    rule: JobRule


class ActRequest(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The same. More than 1000 jobs are changed only if `confirmCount` has their number."""

    act: ActWord
    rule: JobRule
    confirm_count: int | None = None


class SkipView(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """How many jobs are left alone for this reason, and one of them."""

    reason: str
    jobs: int
    message: str
    example_job_id: str | None = None


class SampleView(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """One of the jobs that match. `skip` is why it would be left alone, absent if it would be changed."""

    internal_job_id: str
    core_job_id: str
    job_status: str
    skip: str | None = None


class BulkPlanView(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """What the act would do now. `undo` is what would take it back, absent if nothing would."""

    act: str
    matched: int
    changes: int
    skips: list[SkipView]
    sample: list[SampleView]
    undo: str | None = None
    planned_date_time: str


class BulkActView(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """An act: of `matched` jobs it has changed `applied` and left `skipped` alone; `left` have not had their turn."""

    id: str
    act: str
    rule: JobRule
    user_name: str | None = None
    accepted_date_time: str
    matched: int
    applied: int
    skipped: int
    left: int
    skips: list[SkipView]
    ended_date_time: str | None = None
    undo: str | None = None
    undo_of: str | None = None
    undone_by: str | None = None


_PLAN: Final = Body(ActPlan, exact=True)
_ACT: Final = Body(ActRequest, exact=True)


@answers(Result[BulkPlanView], body=_PLAN)
async def plan(call: Call) -> Reply:
    """POST bulk-acts/plan: how many jobs match, what the act would change now, and why not the others."""
    body = await call.body(_PLAN)
    found = await bulk_acts.plan(call.house, call.principal, Act(body.act), _rule(call, body.rule))
    return result(_plan_view(found))


@answers(Result[BulkActView], body=_ACT, idempotent=True)
async def start(call: Call) -> Reply:
    """POST bulk-acts: the act is done to exactly the jobs that match now, in the background."""
    body = await call.body(_ACT)
    act = await bulk_acts.start(
        call.house,
        call.principal,
        Act(body.act),
        _rule(call, body.rule),
        confirmed=body.confirm_count,
        key=call.key,
    )
    return result(_view(act), replayed=act.replayed)


@answers(Result[list[BulkActView]], query=PAGE)
async def list_acts(call: Call) -> Reply:
    """GET bulk-acts: the acts of the organization, newest first."""
    query = Query(call.query)
    offset, limit = query.page()
    query.finish()
    return result([_view(act) for act in await bulk_acts.list_(call.house, call.principal, limit=limit, offset=offset)])


@answers(Result[BulkActView])
async def get(call: Call) -> Reply:
    """GET bulk-acts/{BulkActID}: the progress of the act."""
    return result(_view(await bulk_acts.get(call.house, call.principal, refs.bulk_act(call.id))))


@answers(Result[BulkActView])
async def undo(call: Call) -> Reply:
    """POST bulk-acts/{BulkActID}/undo: another act takes it back for the jobs that it has changed."""
    return result(_view(await bulk_acts.undo(call.house, call.principal, refs.bulk_act(call.id))))


def _rule(call: Call, rule: JobRule) -> JobFilter:
    problems = list[Problem]()
    bounds = {
        "created_from": _moment("createdAfter", rule.created_after, times.moment, problems),
        "created_to": _moment("createdBefore", rule.created_before, times.upper_bound, problems),
        "modified_from": _moment("modifiedAfter", rule.modified_after, times.moment, problems),
        "modified_to": _moment("modifiedBefore", rule.modified_before, times.upper_bound, problems),
    }
    given = {field.name: getattr(rule, field.name) for field in msgspec.structs.fields(rule)}
    return rules.job_rule(call.house, call.principal, given, bounds, problems)


def _moment(
    name: str, written: DateTime | None, read: Callable[[DateTime | None], int | None], problems: list[Problem]
) -> int | None:
    try:
        return read(written)
    except times.DateTimeError as fault:
        problems.append(Problem(f"rule.{name}", str(fault), excerpt(written)))
        return None


def rule_view(rule: JobFilter) -> JobRule:
    """Returns the rule as a request gives it."""
    return JobRule(
        jobs=None if rule.ids is None else [ids.job_uuid(one) for one in rule.ids],
        statuses=[status.value for status in rule.statuses],
        engines=list(rule.engine_ids),
        failures=list(rule.failure_reasons),
        paused=rule.paused,
        name=rule.name,
        schedules=None if rule.schedule_ids is None else [str(one) for one in rule.schedule_ids],
        target=optional(str, rule.target_id),
        created_after=optional(times.rest, rule.created_from),
        created_before=optional(times.rest, rule.created_to),
        modified_after=optional(times.rest, rule.modified_from),
        modified_before=optional(times.rest, rule.modified_to),
    )


def _plan_view(found: BulkPlan) -> BulkPlanView:
    return BulkPlanView(
        act=found.act.value,
        matched=found.forecast.matched,
        changes=found.forecast.changes,
        skips=[_skip(each) for each in found.forecast.skips],
        sample=[
            SampleView(
                internal_job_id=ids.job_uuid(job.id),
                core_job_id=ids.job_graphql(job.id),
                job_status=job.status.value,
                skip=optional(str, reason),
            )
            for job, reason in found.sample
        ],
        undo=optional(str, found.undo),
        planned_date_time=times.rest(found.planned_at),
    )


def _skip(skip: SkipCount) -> SkipView:
    example = ids.job_uuid(skip.example) if skip.example else None
    return SkipView(reason=skip.reason.value, jobs=skip.jobs, message=SENTENCES[skip.reason], example_job_id=example)


def _view(act: BulkAct) -> BulkActView:
    return BulkActView(
        id=str(act.id),
        act=act.act.value,
        rule=rule_view(act.rule),
        user_name=act.user_name,
        accepted_date_time=times.rest(act.accepted_at),
        matched=act.matched,
        applied=act.applied,
        skipped=act.skipped,
        left=act.left,
        skips=[_skip(each) for each in act.skips],
        ended_date_time=optional(times.rest, act.ended_at),
        undo=optional(str, act.undo),
        undo_of=optional(str, act.undo_of),
        undone_by=optional(str, act.undone_by),
    )
