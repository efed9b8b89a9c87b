"""The objects that a request names: one parser for each kind of id.

Each raises NotFound for a text that is not an id.
"""

from collections.abc import Callable

from enginehouse.domain import ids
from enginehouse.domain.errors import NotFound
from enginehouse.domain.refs import Ref, TaskRef, UuidRef

_SHOWN = 80  # characters of an invalid id in a message


def job(text: str) -> Ref:
    """Returns the job with this id, in either spelling."""
    return _ref(text, ids.parse_job, "Job", "")


def template(text: str, *, path: str = "") -> Ref:
    """Returns the job template with this id."""
    return _ref(text, ids.parse_job, "JobTemplate", path)


def pipeline(text: str) -> Ref:
    """Returns the job pipeline with this id."""
    return _ref(text, ids.parse_pipeline, "JobPipeline", "")


def schedule(text: str, *, path: str = "") -> Ref:
    """Returns the scheduled job with this number or UUID."""
    return _ref(text, ids.parse_schedule, "ScheduledJob", path)


def bulk_cancel(text: str) -> Ref:
    """Returns the bulk cancel with this number."""
    return _ref(text, ids.parse_number, "Bulk cancel", "")


def engine_category(text: str) -> UuidRef:
    """Returns the engine category with this UUID."""
    return _uuid(text, "EngineCategory")


def event_subscription(text: str) -> UuidRef:
    """Returns the subscription with this UUID."""
    return _uuid(text, "EventSubscription")


def event_definition(text: str) -> UuidRef:
    """Returns the declared event with this UUID."""
    return _uuid(text, "Event")


def delivery(text: str) -> UuidRef:
    """Returns the delivery of a webhook with this UUID."""
    return _uuid(text, "WebhookDelivery")


def engine_build(text: str) -> UuidRef:
    """Returns the engine build with this UUID."""
    return _uuid(text, "Build")


def user(text: str) -> UuidRef:
    """Returns the user with this UUID."""
    return _uuid(text, "User")


def task(text: str, *, kind: str = "Task") -> TaskRef:
    """Returns the task with this id, in either spelling. A task of a template is a `TaskTemplate`."""
    key = ids.parse_task(text)
    if key is None:
        raise NotFound(kind, text[:_SHOWN])
    return TaskRef(*key, text)


def number(text: str) -> Ref:
    """Returns an object with a number as its id: a target, a source. A text that is not a number finds nothing."""
    return Ref(ids.parse_number(text) or 0, text)


def _ref(text: str, parse: Callable[[str], int | None], kind: str, path: str) -> Ref:
    number = parse(text)
    if number is None:
        raise NotFound(kind, text[:_SHOWN], path=path)
    return Ref(number, text)


def _uuid(text: str, kind: str) -> UuidRef:
    uuid = ids.parse_uuid(text)
    if uuid is None:
        raise NotFound(kind, text[:_SHOWN])
    return UuidRef(uuid, text)
