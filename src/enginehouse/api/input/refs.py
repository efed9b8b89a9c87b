"""The objects that a request names: one parser for each kind of id.

Each raises NotFound for a text that is not an id of such an object, MalformedId if it has none of the forms of its ids.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from enginehouse.domain import ids
from enginehouse.domain.errors import MalformedId, NotFound, Problem, excerpt
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import Ref, TaskRef, UuidRef
from enginehouse.domain.work_requests import parse_request
from enginehouse.operations import additions
from enginehouse.operations.house import House

_SHOWN: Final = 80  # characters of an invalid id in a message


class IdForm(NamedTuple):
    """The forms of an id: as a pattern, and in words."""

    pattern: re.Pattern[str]
    words: str

    def problem(self, path: str, text: str) -> Problem:
        """Returns the problem of a text that has none of the forms."""
        return Problem(path, f"{self.words}, got {excerpt(text)}.", excerpt(text), self.words)

    def missing(self, kind: str, text: str, path: str = "") -> NotFound:
        """Returns the refusal of a text that names no object."""
        if self.pattern.fullmatch(text):
            return NotFound(kind, text[:_SHOWN], path=path)
        return MalformedId(kind, text[:_SHOWN], self.words, path=path)


_A_UUID: Final = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
JOB: Final = IdForm(re.compile(f"{_A_UUID}|[0-9]{{8}}_[0-9A-Za-z]{{10}}"), ids.JOB_FORM)
TASK: Final = IdForm(re.compile(f"{_A_UUID}|[0-9]{{8}}_[0-9A-Za-z]{{15}}"), ids.TASK_FORM)
NUMBER_OR_UUID: Final = IdForm(re.compile(f"{_A_UUID}|[0-9]{{1,19}}"), ids.NUMBER_OR_UUID_FORM)
NUMBER: Final = IdForm(re.compile("[0-9]{1,19}"), ids.NUMBER_FORM)
UUID: Final = IdForm(re.compile(_A_UUID), ids.UUID_FORM)
ASSET: Final = IdForm(re.compile("[0-9]{1,19}_[0-9A-Za-z]{10}"), ids.ASSET_FORM)
UUIDS: Final = IdForm(re.compile(f" *{_A_UUID}(?: *, *{_A_UUID})* *"), "UUIDs with commas between them")
_A_NUMBER_OR_UUID: Final = f"(?:{_A_UUID}|[0-9]{{1,19}})"
NUMBERS_OR_UUIDS: Final = IdForm(
    re.compile(f" *{_A_NUMBER_OR_UUID}(?: *, *{_A_NUMBER_OR_UUID})* *"), "numbers or UUIDs with commas between them"
)


def organization_spellings(organization_id: int | None) -> set[str]:
    """Returns the number and the UUID of an organization, nothing for none."""
    return set() if organization_id is None else {str(organization_id), ids.organization_uuid(organization_id)}


def job(text: str) -> Ref:
    """Returns the job with this id, in either spelling."""
    return _ref(text, ids.parse_job, "Job", JOB)


def job_graphql(ref: Ref) -> str:
    """Returns the GraphQL spelling of the job: the client's own text, if it named the job so. A job has only one."""
    return ref.text if ref.text[8:9] == "_" else ids.job_graphql(ref.number)


def template(text: str, *, path: str = "") -> Ref:
    """Returns the job template with this id."""
    return _ref(text, ids.parse_job, "JobTemplate", JOB, path)


def pipeline(text: str, *, path: str = "") -> Ref:
    """Returns the job pipeline with this id."""
    return _ref(text, ids.parse_pipeline, "JobPipeline", UUID, path)


def schedule(text: str, *, path: str = "") -> Ref:
    """Returns the scheduled job with this number or UUID."""
    return _ref(text, ids.parse_schedule, "ScheduledJob", NUMBER_OR_UUID, path)


def asset(text: str) -> str:
    """Returns the id of an asset."""
    if not ASSET.pattern.fullmatch(text):
        raise ASSET.missing("Asset", text)
    return text


def bulk_cancel(text: str) -> Ref:
    """Returns the bulk cancel with this number."""
    return _ref(text, ids.parse_number, "Bulk cancel", NUMBER)


def bulk_act(text: str) -> Ref:
    """Returns the act on many jobs with this number."""
    return _ref(text, ids.parse_number, "BulkAct", NUMBER)


def engine_category(text: str) -> UuidRef:
    """Returns the engine category with this UUID."""
    return _uuid(text, "EngineCategory")


def engine(text: str) -> UuidRef:
    """Returns the engine with this UUID."""
    return _uuid(text, "Engine")


def event_subscription(text: str) -> UuidRef:
    """Returns the subscription with this UUID."""
    return _uuid(text, "EventSubscription")


def trigger(text: str) -> UuidRef:
    """Returns the trigger with this UUID."""
    return _uuid(text, "Trigger")


def action_template(text: str) -> UuidRef:
    """Returns the template of what follows an event, with this UUID."""
    return _uuid(text, "EventActionTemplate")


def event_definition(text: str) -> UuidRef:
    """Returns the declared event with this UUID."""
    return _uuid(text, "Event")


def export(text: str) -> UuidRef:
    """Returns the export with this UUID."""
    return _uuid(text, "ExportRequest")


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
        raise TASK.missing(kind, text)
    return TaskRef(*key, text)


async def named_task(house: House, principal: Principal, text: str) -> TaskRef:
    """Returns the task with this id: in a spelling of the server, or as a client gave it to an added task."""
    try:
        return task(text)
    except NotFound:
        found = await additions.given_task(house, principal, text)
        if found is None:
            raise
        return found


def work_request(text: str) -> tuple[int, int, int]:
    """Returns the job, the ordinal and the item of the work request with this UUID."""
    key = parse_request(text)
    if key is None:
        raise UUID.missing("WorkRequest", text)
    return key


def number(text: str) -> Ref:
    """Returns an object with a number as its id: a target, a source. A text that is not a number finds nothing."""
    return Ref(ids.parse_number(text) or 0, text)


def _ref(text: str, parse: Callable[[str], int | None], kind: str, form: IdForm, path: str = "") -> Ref:
    number = parse(text)
    if number is None:
        raise form.missing(kind, text, path)
    return Ref(number, text)


def _uuid(text: str, kind: str) -> UuidRef:
    uuid = ids.parse_uuid(text)
    if uuid is None:
        raise UUID.missing(kind, text)
    return UuidRef(uuid, text)
