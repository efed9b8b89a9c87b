"""Writes the messages that tasks and jobs have ended, in the transaction in which they end.

A job without notificationUris in an organization without subscriptions costs no statement: the row that is locked
anyway says so (`listeners`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.event import CANCELLED, JOB, EventKind
from enginehouse.domain.job import Plan
from enginehouse.domain.settlement import Settlement
from enginehouse.domain.webhooks import message, notifications
from enginehouse.domain.webhooks.delivery import DeliveryKind
from enginehouse.domain.webhooks.message import EndedJob, EndedTask
from enginehouse.domain.webhooks.subscription import Subscriber
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.outbox import messages
from enginehouse.storage.outbox.messages import NewMessage

_URIS: Final = 1
_SUBSCRIPTIONS: Final = 2
_uris: Final = msgspec.json.Decoder(list[str]).decode
_plan: Final = msgspec.json.Decoder(Plan).decode


class SetAddresses(NamedTuple):
    """The addresses that an update of a task has set: `uris` is a JSON list."""

    job_id: int
    ordinal: int
    uris: str


Added = Mapping[int, Mapping[int, Sequence[str]]]
"""Addresses that updates have set, by job and task."""

_ADDRESSES: Final = Select("outbox.addresses", SetAddresses)
_JOBS: Final = Select("outbox.jobs", EndedJob)
_TASKS: Final = Select("outbox.tasks", EndedTask)


class End(NamedTuple):
    """The end of a job (`ordinal` JOB) or of a task. `plan` None: it is read if it is needed."""

    job_id: int
    organization_id: int
    ordinal: int
    kind: EventKind
    listeners: int
    plan: Plan | None = None


_SUBSCRIBED: Final = Select("outbox.subscriptions", Subscriber)


def aborted(jobs: Iterable[tuple[int, int, int]]) -> list[End]:
    """Returns the ends of cancelled jobs, given as (job, organization, listeners)."""
    return [End(job_id, owner, JOB, EventKind.ABORTED, listeners) for job_id, owner, listeners in jobs if listeners]


def of_settlement(settlement: Settlement, of_job: EventKind | None) -> list[End]:
    """Returns the ends in a settlement that is written, in their order. `of_job` is the event of the job itself.

    Tasks that end because the job was cancelled are not among them: the end of the job tells that.
    """
    job = settlement.job
    if not job.listeners:
        return []
    ends = [
        End(job.id, job.organization_id, ordinal, kind, job.listeners, settlement.plan)
        for ordinal, kind, detail in settlement.events
        if kind in message.ENDS and not (detail is not None and detail.reason == CANCELLED)
    ]
    if of_job in message.ENDS:
        ends.append(End(job.id, job.organization_id, JOB, of_job, job.listeners, settlement.plan))
    return ends


async def record(tx: Tx, ends: Sequence[End]) -> None:
    """Writes one message for every address that wants to hear of an end. The rows of jobs and tasks are written."""
    ends = [end for end in ends if end.listeners]
    if not ends:
        return
    owners = sorted({end.organization_id for end in ends if end.listeners & _SUBSCRIPTIONS})
    subscriptions = await _SUBSCRIBED.all(tx, ids=owners) if owners else []
    plans, added = await _plans(tx, ends), await _added(tx, ends)
    wanted = [end for end in ends if end.organization_id in owners or _addresses(end, plans, added)]
    if not wanted:
        return
    jobs = {row.id: row for row in await _JOBS.each(tx, sorted({(end.job_id, end.organization_id) for end in wanted}))}
    keys = sorted({(end.job_id, end.ordinal) for end in wanted if end.ordinal != JOB})
    tasks = {(row.job_id, row.ordinal): row for row in await _TASKS.each(tx, keys)} if keys else {}
    rows = list[NewMessage]()
    for end in wanted:
        event = message.system_event(end.kind, of_task=end.ordinal != JOB)
        plan, task = plans[end.job_id], tasks.get((end.job_id, end.ordinal))
        document = message.document(event, tx.now, message.data_of(jobs[end.job_id], plan, task))
        calls: list[tuple[DeliveryKind, str | None, str]] = [
            (DeliveryKind.NOTIFICATION, None, url) for url in _addresses(end, plans, added)
        ]
        calls += [
            (each.kind, each.id, each.url)
            for each in subscriptions
            if each.organization_id == end.organization_id and each.wants(event, document)
        ]
        body = message.encoded(document) if calls else ""
        rows += [
            NewMessage(
                organization_id=end.organization_id, kind=kind, subscription_id=subscription, url=url, event=event.name,
                job_id=end.job_id, ordinal=None if end.ordinal == JOB else end.ordinal, body=body,
            )
            for kind, subscription, url in calls
        ]  # fmt: skip
    await messages.insert(tx, rows)


async def _plans(tx: Tx, ends: Sequence[End]) -> dict[int, Plan]:
    plans = {end.job_id: end.plan for end in ends if end.plan is not None}
    missing = sorted({end.job_id for end in ends} - plans.keys())
    if missing:
        plans |= {job_id: _plan(document) for job_id, document in await tx.all("jobs.documents", ids=missing)}
    return plans


async def _added(tx: Tx, ends: Sequence[End]) -> Added:
    ids = sorted({end.job_id for end in ends if end.listeners & _URIS})
    found: dict[int, dict[int, Sequence[str]]] = defaultdict(dict)
    for row in await _ADDRESSES.all(tx, ids=ids) if ids else []:
        found[row.job_id][row.ordinal] = _uris(row.uris)
    return found


def _addresses(end: End, plans: Mapping[int, Plan], added: Added) -> list[str]:
    """Returns whom to call. A cancel of a job is told once to everybody, see `notifications.of_job`."""
    if not end.listeners & _URIS or end.job_id not in plans:
        return []
    more = added.get(end.job_id, {})
    if end.ordinal == JOB:
        is_aborted = end.kind is EventKind.ABORTED
        planned = notifications.of_job(plans[end.job_id], aborted=is_aborted)
        return _each_once(planned, *(more.values() if is_aborted else ()))
    return _each_once(notifications.of_task(plans[end.job_id], end.ordinal), more.get(end.ordinal, ()))


def _each_once(*lists: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(uri for uris in lists for uri in uris))
