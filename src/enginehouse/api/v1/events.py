"""The history of a job under `/api/v1`: as a list, and as server-sent events."""

from typing import Any, Final

import msgspec

from enginehouse.api import auth
from enginehouse.api.http.call import Answer, Call
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.query import MAX_OFFSET, MAX_PAGE, Query
from enginehouse.api.input import refs
from enginehouse.api.spelling import optional
from enginehouse.api.v1.envelope import Result, result
from enginehouse.api.v1.event_shapes import EventView
from enginehouse.api.v1.event_stream import EventStream
from enginehouse.domain import ids, times
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.event import Event
from enginehouse.operations import events
from enginehouse.operations.events import FIRST

_STREAM: Final = b"text/event-stream"
_encode: Final = msgspec.json.Encoder().encode
HEARTBEAT: Final = 15
SLOWEST_HEARTBEAT: Final = 60


@answers(Result[list[EventView]], query={"after": int, "limit": int, "heartbeat": int}, media_type="text/event-stream")
async def list_events(call: Call) -> Answer:
    """GET jobs/{JobID}/events: the events of the job; with `Accept: text/event-stream` the stream below."""
    if _STREAM in (call.headers.accept or b""):
        return await stream(call)
    query = Query(call.query)
    after = query.integer("after", FIRST, 0, MAX_OFFSET)
    limit = query.integer("limit", MAX_PAGE, 1, MAX_PAGE)
    query.finish()
    page = await events.list_(call.house, call.principal, refs.job(call.id), after=after, limit=limit)
    return result([event_view(event) for event in page])


@answers(None, query={"after": int, "heartbeat": int}, media_type="text/event-stream")
async def stream(call: Call) -> Answer:
    """GET jobs/{JobID}/events/stream: server-sent events until the job has ended; `Last-Event-ID` resumes."""
    query = Query(call.query)
    after = query.integer("after", FIRST, 0, MAX_OFFSET)
    heartbeat = query.integer("heartbeat", HEARTBEAT, 1, SLOWEST_HEARTBEAT)
    query.finish()
    name = "after"
    if call.headers.last_event_id:
        name, after = "Last-Event-ID", _last_event(call.headers.last_event_id)
    following = await events.follow(call.house, call.principal, refs.job(call.id), after=after, name=name)

    async def check() -> None:
        await auth.principal(call.house, call.headers.authorization, call.headers.api_key)

    return EventStream(following, _block, check=check, heartbeat=heartbeat)


def _block(event: Event) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.id, event.kind.encode(), _encode(event_view(event)))


def event_view(event: Event) -> EventView:
    """Returns the event as JSON."""
    task = event.ordinal
    return EventView(
        id=event.id,
        kind=event.kind.value,
        date_time=times.rest(event.at),
        job_id=ids.job_graphql(event.job_id),
        task=task,
        task_id=None if task is None else ids.task_graphql(event.job_id, task),
        detail=_detail(event),
    )


def _detail(event: Event) -> dict[str, Any]:
    detail = event.detail
    facts = {
        "worker": detail.worker,
        "attempt": detail.attempt,
        "chunk": detail.item,
        "chunks": detail.items,
        "reason": detail.reason,
        "message": detail.message,
        "againDateTime": optional(times.rest, detail.again_at),
        "jobID": optional(ids.job_graphql, detail.job),
        "referenceID": detail.reference,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _last_event(header: bytes) -> int:
    text = header.decode("latin-1")
    if len(text) < 10 and (event_id := ids.parse_number(text)) is not None:
        return event_id
    raise InvalidInput(f'the id of an event of this job, got "{text[:40]}".', "Last-Event-ID")
