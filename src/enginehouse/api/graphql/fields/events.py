"""The field `events` of a job: its history."""

from typing import Any, Final

from ariadne import ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.api.spelling import optional
from enginehouse.domain.event import Event
from enginehouse.domain.ids import job_graphql, task_graphql
from enginehouse.domain.times import graphql_millis
from enginehouse.operations.events import FIRST, EventPage, check

job_type = ObjectType("Job")


@job_type.field("events")
async def events_of(job: Any, info: Info, after: int | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """Returns the events of the job and its tasks in order, after the event with the id `after`."""
    page = EventPage(job.id, FIRST if after is None else after, 100 if limit is None else limit)
    check(info.context.house, page)  # before it is joined with other requests, which may be valid
    return [_view(event) for event in await info.context.events.get(page) or ()]


def _view(event: Event) -> dict[str, Any]:
    detail = event.detail
    return {
        "id": event.id,
        "kind": event.kind.value,
        "dateTime": graphql_millis(event.at),
        "taskId": None if event.ordinal is None else task_graphql(event.job_id, event.ordinal),
        "worker": detail.worker,
        "attempt": detail.attempt,
        "chunk": detail.item,
        "chunks": detail.items,
        "reason": detail.reason,
        "message": detail.message,
        "againDateTime": optional(graphql_millis, detail.again_at),
        "jobId": optional(job_graphql, detail.job),
        "referenceId": detail.reference,
    }


BINDABLES: Final = [job_type]
