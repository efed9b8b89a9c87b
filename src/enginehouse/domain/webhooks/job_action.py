"""The job that an event creates: a request in whose texts `{{targetId}}` and the like stand for the event's data."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from enginehouse.domain import handlebars
from enginehouse.domain.handlebars import Block, Part, Value
from enginehouse.domain.job import JobRequest, RouteRequest, TargetRequest, TaskRequest

CHAIN: Final = "eventChain"
"""The field of a plan's echo with the subscriptions that led to the job, the first one first."""

LONGEST_CHAIN: Final = 5
_TARGET: Final = "targetId"


class JobAction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is stored of a request for a job."""

    tasks: tuple[TaskRequest, ...]
    routes: tuple[RouteRequest, ...] = ()
    target_id: str | None = None
    target: TargetRequest | None = None
    status: str | None = None
    name: str | None = None
    echo: dict[str, Any] = {}


_encode: Final = msgspec.json.Encoder(enc_hook=int).encode  # a time from GraphQL is a kind of int
_decode: Final = msgspec.json.Decoder(JobAction).decode


def document(request: JobRequest) -> str:
    """Returns the request as it is stored."""
    action = JobAction(
        tasks=request.tasks, routes=request.routes, target_id=request.target_id, target=request.target,
        status=request.status, name=request.name, echo=request.echo,
    )  # fmt: skip
    return _encode(action).decode()


def fault(document_: str) -> str | None:
    """Returns what is wrong with the placeholders of a stored request; None if it always gives a job."""
    try:
        request(document_, {})
    except (handlebars.BadTemplate, msgspec.MsgspecError) as error:
        return str(error)
    return None


def request(document_: str, message: Mapping[str, Any], chain: tuple[str, ...] = ()) -> JobRequest:
    """Returns the request for the job of an event, whose message this is. `chain` leads to this job.

    If it names no target, the job works on the target of the job in the message. Raises BadTemplate, MsgspecError.
    """
    values = _values(message)
    action = _decode(handlebars.render(_without_html(handlebars.parse(document_)), values))
    target_id = action.target_id
    if target_id is None and action.target is None:
        target_id = values.get(_TARGET)
    return JobRequest(
        tasks=action.tasks, routes=action.routes, target_id=target_id, target=action.target, status=action.status,
        name=action.name, echo=action.echo | ({CHAIN: list(chain)} if chain else {}),
    )  # fmt: skip


def _without_html(parts: list[Part]) -> list[Part]:
    """Returns the parts with values that are not escaped as HTML: a job is no web page."""
    plain = list[Part]()
    for part in parts:
        match part:
            case Value(name=name):
                plain.append(Value(name, is_raw=True))
            case Block(name=name, wanted=wanted, parts=inner, others=others):
                plain.append(Block(name, wanted, _without_html(inner), _without_html(others)))
            case text:
                plain.append(text)
    return plain


def _values(message: Mapping[str, Any]) -> dict[str, str]:
    """Returns the texts and numbers of the message by their names; those of its data go first."""
    data = message.get("data")
    fields = {**message, **(data if isinstance(data, Mapping) else {})}
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in fields.items()
        if isinstance(value, str | int | float)
    }


def loop(subscription_id: str, chain: tuple[str, ...]) -> str | None:
    """Returns why the subscription creates no job after this chain; None if it does.

    A chain has each subscription once and is short, so events and jobs cannot cause each other for ever.
    """
    if subscription_id in chain:
        return "No job: the job of this event was itself created by this subscription, directly or through others."
    if len(chain) >= LONGEST_CHAIN:
        return f"No job: {LONGEST_CHAIN} jobs have created each other by events already, which is the most."
    return None
