"""The numbers of the organization and of its engines: once, over time, and as a stream."""

from typing import Final

import msgspec

from enginehouse.api import auth
from enginehouse.api.http.call import Answer, Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.query import Query
from enginehouse.api.v1.envelope import Result, result
from enginehouse.api.v1.event_stream import EventStream
from enginehouse.api.v1.events import HEARTBEAT, SLOWEST_HEARTBEAT
from enginehouse.api.v1.overview_shapes import (
    CountsView,
    EngineNumbersView,
    FailureView,
    OverviewView,
    RatePointView,
    WaitingView,
)
from enginehouse.domain import ids, times
from enginehouse.operations import engine_numbers, events, overview
from enginehouse.operations.engine_numbers import EngineNumbers
from enginehouse.operations.organization_feeds import Counts

_LONGEST_STEP: Final = 172_800  # seconds
_encode: Final = msgspec.json.Encoder().encode


@answers(Result[OverviewView])
async def get(call: Call) -> Reply:
    """GET overview: jobs by status, what waits and runs, and what has failed within the hour."""
    Query(call.query).finish()
    found = await overview.now(call.house, call.principal)
    return result(
        OverviewView(
            date_time=times.rest(found.now),
            jobs=_by_status(found.counts),
            waiting=[
                WaitingView(engine_id=engine.spec.id, engine_name=engine.spec.name, items=items)
                for engine, items in found.waiting
            ],
            running=dict(found.running_by_pool),
            failures=dict(found.reasons),
        )
    )


@answers(Result[list[RatePointView]], query={"sinceDateTime": str, "step": int})
async def rates(call: Call) -> Reply:
    """GET overview/rates: how many jobs were created, started and ended in each `step` (seconds) of the time until now.

    Without `sinceDateTime` the last hour. Numbers are kept for two days.
    """
    query = Query(call.query)
    since = query.earliest("sinceDateTime")
    step = query.integer("step", 60, 60, _LONGEST_STEP)
    query.finish()
    points = await overview.rates(call.house, call.principal, since=since, step=step)
    return result(
        [
            RatePointView(
                date_time=times.rest(point.start),
                created=point.created,
                started=point.started,
                complete=point.complete,
                failed=point.failed,
                aborted=point.aborted,
            )
            for point in points
        ]
    )


@answers(None, query={"heartbeat": int}, media_type="text/event-stream")
async def stream(call: Call) -> Answer:
    """GET overview/stream: events `counts` with the jobs by status, now and at each change, twice a second at most."""
    query = Query(call.query)
    heartbeat = query.integer("heartbeat", HEARTBEAT, 1, SLOWEST_HEARTBEAT)
    query.finish()
    following = await events.follow_organization(call.house, call.principal)

    async def check() -> None:
        await auth.principal(call.house, call.headers.authorization, call.headers.api_key)

    return EventStream(following, _block, check=check, heartbeat=heartbeat)


@answers(Result[list[EngineNumbersView]])
async def of_engines(call: Call) -> Reply:
    """GET engine-numbers: what waits, runs and has failed of every engine that the caller may use."""
    Query(call.query).finish()
    return result([_of_engine(each) for each in await engine_numbers.of_all(call.house, call.principal)])


def _of_engine(found: EngineNumbers) -> EngineNumbersView:
    engine = found.engine
    return EngineNumbersView(
        engine_id=engine.spec.id,
        engine_name=engine.spec.name,
        state=engine.state,
        running_limit=engine.running_limit,
        waiting=found.waiting,
        running=found.running,
        failures=dict(found.reasons),
        last_failures=[
            FailureView(
                core_job_id=ids.job_graphql(task.job_id),
                core_task_id=ids.task_graphql(task.job_id, task.ordinal),
                reason=task.reason,
                date_time=times.rest(task.at),
            )
            for task in found.failures
        ],
        unavailable=None if found.health is None else found.health.reason,
        offered=found.is_offered,
    )


def _by_status(counts: Counts) -> dict[str, int]:
    return {status.value: jobs for status, jobs in counts.items()}


def _block(counts: Counts) -> bytes:
    return b"event: counts\ndata: %b\n\n" % _encode(CountsView(jobs=_by_status(counts)))
