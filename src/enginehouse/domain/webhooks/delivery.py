"""A delivery: one message to one address, from the fact until the receiver has it or it is given up."""

from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from enginehouse.domain import times

LONGEST_URL: Final = 2_048
JOB_URL: Final = "enginehouse:create-job"
"""Stands in place of an address where an event creates a job."""
MOST_URIS: Final = 20  # of one task or job


class DeliveryKind(StrEnum):
    """Who asked for the message: a job or task with `notificationUris`, or a subscription.

    JOB: a subscription asks for a job. Nothing is sent: the delivery is the creation of the job. OUTPUT: a job or task
    with `sendOutputToUris`; the bytes of an output are sent.
    """

    NOTIFICATION = "notification"
    EVENT = "event"
    JOB = "job"
    OUTPUT = "output"


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(NamedTuple):
    """A row of the outbox without its body. Times in µs. `id` is the message's id.

    `next_at`: when the next attempt is due, None once the delivery has ended. `answer_status`, `answer`: the last
    answer. `open_until`: the destination has failed so often that nothing is sent to it before this time.
    """

    id: str
    number: int
    organization_id: int
    kind: str
    subscription_id: str | None
    event: str
    job_id: int | None
    ordinal: int | None
    url: str
    status: str
    attempts: int
    in_flight: int
    created_at: int
    next_at: int | None
    expires_at: int
    attempted_at: int | None
    ended_at: int | None
    answer_status: int | None
    answer: str | None
    open_until: int | None


def destination(url: str) -> str:
    """Returns what the address shares with others on the same server: scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def queue(organization_id: int, subscription_id: str | None, job_id: int | None, url: str) -> str:
    """Returns the name of the queue whose messages reach the receiver one after the other, in order."""
    key = f"{organization_id}|{subscription_id or ''}|{job_id or ''}|{url}"
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def sentence(one: Delivery) -> str:
    """Returns how the delivery stands, and if it waits, for what."""
    failures = f"after {one.attempts} attempts" if one.attempts != 1 else "after 1 attempt"
    match DeliveryStatus(one.status):
        case DeliveryStatus.DELIVERED:
            return f"{one.answer}" if one.kind == DeliveryKind.JOB else f"Delivered {failures}."
        case DeliveryStatus.FAILED:
            given_up = f"Given up {failures}. The last answer: {one.answer}"
            return f"{one.answer}" if one.kind == DeliveryKind.JOB else given_up
        case DeliveryStatus.PENDING:
            pass
    if one.in_flight:
        return f"Attempt {one.attempts} is under way."
    if one.open_until is not None and one.next_at is not None and one.next_at >= one.open_until:
        until = times.rest(one.open_until)
        return (
            f"{destination(one.url)} fails: nothing is sent there before {until}. The last answer: {one.answer or '–'}"
        )
    if one.attempts:
        return f"Failed {failures}; it is tried again. The last answer: {one.answer}"
    return "It waits for its turn, after the earlier messages of its job to this address."
