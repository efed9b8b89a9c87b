"""The requests about schedules, as flows: one text of them for both clients."""

from collections.abc import Mapping
from typing import Any

import msgspec

from enginehouse.client.calls import ClientCall, Flow, ServerInterface
from enginehouse.client.paths import edge, v1
from enginehouse.client.records import Cancellation, RecordPage, ScheduleRecord


class AiwareSchedule(msgspec.Struct, frozen=True):
    """A scheduled job as aiWARE's interface shows it."""

    scheduledJobID: int  # noqa: N815 - fields of the interface
    scheduledJobName: str | None = None  # noqa: N815
    isActive: bool = True  # noqa: N815
    runMode: str | None = None  # noqa: N815

    def record(self) -> ScheduleRecord:
        return ScheduleRecord(
            id=str(self.scheduledJobID), name=self.scheduledJobName, is_active=self.isActive, run_mode=self.runMode
        )


def create_schedule(to: ServerInterface, fields: Mapping[str, Any]) -> Flow[ScheduleRecord]:
    """The schedule exists. It is sent once: a schedule has no idempotency key."""
    to.only_here("create a schedule")
    return (yield from to.read(ClientCall("POST", v1("schedules"), body=dict(fields)), ScheduleRecord, "result"))


def update_schedule(to: ServerInterface, schedule_id: str, changes: Mapping[str, Any]) -> Flow[ScheduleRecord]:
    """The schedule has changed; absent fields stay as they are."""
    to.only_here("change a schedule")
    call = ClientCall("PATCH", v1("schedules", schedule_id), body=dict(changes), is_repeatable=True)
    return (yield from to.read(call, ScheduleRecord, "result"))


def get_schedule(to: ServerInterface, schedule_id: str) -> Flow[ScheduleRecord]:
    """Returns the schedule."""
    if to.is_aiware:
        call = ClientCall("GET", edge("scheduled_job", schedule_id, "detail"))
        return (yield from to.read(call, AiwareSchedule, "result")).record()
    return (yield from to.read(ClientCall("GET", v1("schedules", schedule_id)), ScheduleRecord, "result"))


def schedule_page(
    to: ServerInterface, *, name: str | None, limit: int, offset: int
) -> Flow[RecordPage[ScheduleRecord]]:
    """Returns schedules from `offset` on, newest first."""
    if to.is_aiware:
        query = {"scheduledJobName": name, "limit": limit, "offset": offset}
        found = yield from to.read(ClientCall("GET", edge("scheduled_jobs"), query), RecordPage[AiwareSchedule])
        return RecordPage([one.record() for one in found.result], found.count)
    query = {"name": name, "limit": limit, "offset": offset}
    return (yield from to.read(ClientCall("GET", v1("schedules"), query), RecordPage[ScheduleRecord]))


def set_schedule_active(to: ServerInterface, schedule_id: str, *, active: bool) -> Flow[ScheduleRecord]:
    """The schedule fires, or it does not."""
    to.only_here("pause or resume a schedule")
    call = ClientCall(
        "POST", v1("schedules", schedule_id, "resume" if active else "pause"), body={}, is_repeatable=True
    )
    yield from to.send(call)
    return (yield from get_schedule(to, schedule_id))


def cancel_schedule(to: ServerInterface, schedule_id: str) -> Flow[Cancellation]:
    """The schedule is paused, and its jobs that can still be cancelled are."""
    call = ClientCall("POST", edge("jobs", "cancel"), body={"scheduledJobID": schedule_id}, is_repeatable=True)
    return (yield from to.read(call, Cancellation))


def delete_schedule(to: ServerInterface, schedule_id: str) -> Flow[None]:
    """The schedule is gone; its jobs stay. It is sent once: the second time nobody would know it."""
    if to.is_aiware:
        yield from to.send(ClientCall("POST", edge("scheduled_job", schedule_id, "delete"), body={}))
    else:
        yield from to.send(ClientCall("DELETE", v1("schedules", schedule_id)))


def run_schedule(to: ServerInterface, schedule_id: str, payload: Mapping[str, Any] | None) -> Flow[list[str]]:
    """A job of each template exists now, independent of the calendar. Returns their ids. It is sent once."""
    to.only_here("run a schedule")
    body = {} if payload is None else {"payload": dict(payload)}
    return (
        yield from to.read(
            ClientCall("POST", v1("schedules", schedule_id, "run"), body=body), list[str], "result", "jobIds"
        )
    )
