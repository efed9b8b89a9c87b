"""The objects that a request names, one parser for each kind of id. Each raises NotFound for a text that is none."""

from collections.abc import Callable

from enginehouse.domain import ids
from enginehouse.domain.errors import NotFound
from enginehouse.domain.refs import Ref, TaskRef, UuidRef

_SHOWN = 80  # characters of a text that is no id, in a message


def job(text: str) -> Ref:
    """The job with this id, in either spelling."""
    return _ref(text, ids.parse_job, "Job", "")


def template(text: str, *, path: str = "") -> Ref:
    """The job template with this id."""
    return _ref(text, ids.parse_job, "JobTemplate", path)


def pipeline(text: str) -> Ref:
    """The job pipeline with this id."""
    return _ref(text, ids.parse_pipeline, "JobPipeline", "")


def schedule(text: str, *, path: str = "") -> Ref:
    """The scheduled job with this id, by number or UUID."""
    return _ref(text, ids.parse_schedule, "ScheduledJob", path)


def bulk_cancel(text: str) -> Ref:
    """The bulk cancel with this number."""
    return _ref(text, ids.parse_number, "Bulk cancel", "")


def engine_category(text: str) -> UuidRef:
    """The engine category with this UUID."""
    uuid = ids.parse_uuid(text)
    if uuid is None:
        raise NotFound("EngineCategory", text[:_SHOWN])
    return UuidRef(uuid, text)


def task(text: str, *, kind: str = "Task") -> TaskRef:
    """The task with this id, in either spelling; a task of a template is a `TaskTemplate`."""
    key = ids.parse_task(text)
    if key is None:
        raise NotFound(kind, text[:_SHOWN])
    return TaskRef(*key, text)


def number(text: str) -> Ref:
    """What has numbers for ids: a target, a source. A text that is no number is nobody's, and is not found."""
    return Ref(ids.parse_number(text) or 0, text)


def _ref(text: str, parse: Callable[[str], int | None], kind: str, path: str) -> Ref:
    number = parse(text)
    if number is None:
        raise NotFound(kind, text[:_SHOWN], path=path)
    return Ref(number, text)
