"""Shows why a job and its tasks wait, and the workers that could run them."""

from collections.abc import Iterable
from functools import partial

from enginehouse.api.edge import words
from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.v1.envelope import Result, result
from enginehouse.api.v1.why_shapes import JobWhy, OtherTaskView, ReasonView, TaskWhy, WorkerView
from enginehouse.api.view.reasons import ReasonWriter
from enginehouse.domain import ids, times
from enginehouse.domain.job import Job
from enginehouse.domain.wait_reasons.explanation import Explanation
from enginehouse.domain.wait_reasons.reasons import AnyReason, OtherTask
from enginehouse.operations import engines, why, workers


@answers(Result[JobWhy])
async def of_job(call: Call) -> Reply:
    """GET jobs/{JobID}/why: why the job and each of its tasks wait."""
    Query(call.query).finish()
    job, explained = await why.job(call.house, call.principal, refs.job(call.id))
    return result(
        JobWhy(
            internal_job_id=ids.job_uuid(job.id),
            internal_organization_id=ids.organization_uuid(job.organization_id),
            core_job_id=ids.job_graphql(job.id),
            job_status=words.job_word(job.status),
            sentence=explained.sentence,
            reasons=_reasons(job, explained.reasons),
            tasks=[_task(call, job, each) for each in explained.tasks],
        )
    )


@answers(Result[TaskWhy])
async def of_task(call: Call) -> Reply:
    """GET tasks/{TaskID}/why: why the task waits."""
    Query(call.query).finish()
    ref = await refs.named_task(call.house, call.principal, call.id)
    job, explained = await why.task(call.house, call.principal, ref)
    return result(_task(call, job, explained))


@answers(Result[list[WorkerView]])
async def list_workers(call: Call) -> Reply:
    """GET workers: the workers that sent a heartbeat within a day; only administrators see their names."""
    Query(call.query).finish()
    page = await workers.list_(call.house, call.principal)
    return result([worker_view(each) for each in page])


def _task(call: Call, job: Job, explained: Explanation) -> TaskWhy:
    engine_id = job.plan.tasks[explained.ordinal].engine_id
    engine = engines.shown(call.house, call.principal, engine_id)
    return TaskWhy(
        internal_task_id=ids.task_uuid(job.id, explained.ordinal),
        core_task_id=ids.task_graphql(job.id, explained.ordinal),
        engine_id=engine_id,
        engine_name=engine.spec.name if engine else None,
        task_status=words.task_word(explained.status),
        items_running=explained.running,
        sentence=explained.sentence,
        reasons=_reasons(job, explained.reasons),
    )


def _reasons(job: Job, reasons: Iterable[AnyReason]) -> list[ReasonView]:
    written = ReasonWriter(task=partial(_other_task, job.id), time=times.rest)
    return [ReasonView(**written.facts(reason)) for reason in reasons]


def _other_task(job_id: int, task: OtherTask) -> OtherTaskView:
    return OtherTaskView(
        internal_task_id=ids.task_uuid(job_id, task.ordinal),
        order=task.ordinal,
        name=task.name,
        task_status=words.task_word(task.status),
    )


def worker_view(worker: workers.WorkerShown) -> WorkerView:
    """Returns the worker as our interface shows it."""
    return WorkerView(
        worker_id=worker.id,
        name=worker.name,
        connected=worker.connected,
        drained=worker.drain is not None,
        drain_reason=worker.drain and worker.drain.reason,
        drain_detail=worker.drain and worker.drain.detail,
        slots=dict(worker.pools),
        running=worker.running,
        engine_ids=sorted(worker.engines),
        resources=worker.resources.amounts(),
        started_date_time=times.rest(worker.started_at),
        seen_date_time=times.rest(worker.seen_at),
    )
