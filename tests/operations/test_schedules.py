"""The operations on scheduled jobs: lists with every filter, launches by hand, and the origins of their jobs."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs
from tests import make
from tests.operations.scheduled import CALLER, STRANGER, recurring, scheduled, template

from enginehouse.domain.audit import AuditFilter, RequestOrigin, request_origin
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound
from enginehouse.domain.job import JobFilter, TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.filter import Between, ScheduleFilter
from enginehouse.domain.schedules.request import ScheduleRequest, WeeklyPart
from enginehouse.domain.schedules.timing import RunMode
from enginehouse.domain.sources import Source
from enginehouse.operations import jobs, sources, targets
from enginehouse.operations.house import House
from enginehouse.operations.schedules import launches, schedules
from enginehouse.operations.schedules.launchables import LaunchSelection
from enginehouse.operations.schedules.launches import LaunchOptions
from enginehouse.storage.audit import entries

HOUR = 3600


async def names(house: House, principal: Any = CALLER, **filters: Any) -> list[str]:
    found, _ = await schedules.list_(house, principal, ScheduleFilter(**filters))
    return [each.name for each in found]


async def test_schedules_are_listed_by_every_filter(ready: House) -> None:
    base = 2_000_000_000_000_000
    daily = await recurring(ready, "Ärger", start_at=base)
    await scheduled(ready, "once", is_active=False)
    await scheduled(ready, "ärger2", run_mode=RunMode.RECURRING, cron="0 6 * * *", start_at=base + 100)
    mornings = (WeeklyPart(day=0, start="08:00", stop="10:00"),)
    await scheduled(ready, "weekly", run_mode=RunMode.RECURRING, weekly=mornings)
    busy = await scheduled(ready, "cluster", fresh=(template(echo={"clusterId": "rt-1"}),))
    await scheduled(ready, "ingest", fresh=(template("ingest"),))
    await schedules.create(ready, CALLER, ScheduleRequest(name="empty"), LaunchSelection())
    [live] = await launches.launch_schedule(ready, CALLER, Ref.of(busy.id))
    everything = "empty ingest cluster weekly ärger2 once Ärger"
    lists: list[tuple[dict[str, Any], str]] = [
        ({}, everything),
        ({"principal": STRANGER}, ""),
        ({"name": "ÄRGER"}, "ärger2 Ärger"),
        ({"run_mode": RunMode.ONCE}, "empty ingest cluster once"),
        ({"is_active": False}, "once"),
        ({"ids": (daily.id, 5)}, "Ärger"),
        ({"ids": ()}, ""),
        ({"dates": {"start_at": Between(base, base + 99)}}, "Ärger"),
        (
            {"dates": {"start_at": Between(base + 1, None, or_empty=True)}},
            "empty ingest cluster weekly ärger2 once",
        ),
        ({"dates": {"created_at": Between(None, 1)}}, ""),
        ({"dates": {"modified_at": Between(1, None)}}, everything),
        ({"part_starts": Between(20 * HOUR, 22 * HOUR)}, "Ärger"),
        ({"part_starts": Between(None, 9 * HOUR)}, "weekly"),
        ({"part_stops": Between(9 * HOUR, None)}, "weekly"),
        ({"part_starts": Between(), "part_stops": Between(11 * HOUR, None)}, ""),
        ({"engine_ids": ("ingest",)}, "ingest"),
        ({"engine_ids": ("noop", "ingest")}, "ingest cluster weekly ärger2 once Ärger"),
        ({"engine_ids": ("noop",), "cluster_id": "rt-2"}, ""),
        ({"cluster_id": "rt-1"}, "cluster"),
        ({"has_template": False}, "empty"),
        ({"has_template": True}, "ingest cluster weekly ärger2 once Ärger"),
        ({"has_live_jobs": True}, "cluster"),
        ({"has_live_jobs": False}, "empty ingest weekly ärger2 once Ärger"),
    ]
    assert [(filters, " ".join(await names(ready, **filters))) for filters, _ in lists] == lists
    await jobs.cancel(ready, CALLER, Ref.of(live.job_id))
    assert await names(ready, has_live_jobs=True) == []


async def test_public_schedules_of_others_are_listed_unless_only_ones_own_are_asked_for(ready: House) -> None:
    await scheduled(ready, "theirs", is_public=True)
    await scheduled(ready, "private")
    await scheduled(ready, "mine", principal=STRANGER)
    assert await names(ready, principal=STRANGER) == ["mine", "theirs"]
    assert await names(ready, principal=STRANGER, own=True) == ["mine"]
    _, total = await schedules.list_(ready, STRANGER, ScheduleFilter(limit=1), with_count=True)
    assert total == 2


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([("name", False)], ["a", "B", "c"]),
        ([("name", True)], ["c", "B", "a"]),
        ([("is_active", False), ("name", False)], ["B", "a", "c"]),
        ([("run_mode", False)], ["B", "a", "c"]),
        ([("run_mode", True)], ["a", "c", "B"]),  # the newest first among equals
        ([("start_at", True)], ["c", "a", "B"]),  # a schedule without a value comes last
        ([("id", False)], ["c", "B", "a"]),
    ],
)
async def test_a_list_is_in_the_order_that_is_given(ready: House, order: Sequence[Any], expected: list[str]) -> None:
    await recurring(ready, "c", start_at=2_000_000_000_000_000)
    await scheduled(ready, "B", is_active=False)
    await recurring(ready, "a")
    assert await names(ready, order=tuple(order)) == expected
    paged = [(await names(ready, order=tuple(order), offset=n, limit=1))[0] for n in range(3)]
    assert paged == await names(ready, order=tuple(order))


async def test_a_page_is_counted_over_all_pages(ready: House) -> None:
    for name in "abc":
        await scheduled(ready, name)
    found, total = await schedules.list_(ready, CALLER, ScheduleFilter(limit=2), with_count=True)
    assert ([each.name for each in found], total) == (["c", "b"], 3)
    with pytest.raises(InvalidInput):
        await schedules.list_(ready, CALLER, ScheduleFilter(limit=1001))


# -- launches -----------------------------------------------------------------------------------------------


async def test_a_launch_makes_one_job_of_each_template_with_the_payload_merged_in(ready: House) -> None:
    schedule = await scheduled(ready, fresh=(template(), template(job_config={"createTDOOnLaunch": False})))
    created = await launches.launch_schedule(
        ready, CALLER, Ref.of(schedule.id), options=LaunchOptions(payload={"say": 3, "recordDuration": "15m"})
    )
    found = [await jobs.get(ready, CALLER, Ref.of(each.job_id)) for each in created]
    assert [job.plan.tasks[0].payload for job in found] == [{"keep": 1, "say": 3, "recordDuration": "15m"}] * 2
    assert {(job.scheduled_job_id, job.slot_at) for job in found} == {(schedule.id, None)}
    assert len({job.template_id for job in found}) == 2
    assert found[0].target_id is not None
    assert found[1].target_id is None


async def test_the_jobs_of_a_launch_share_the_target_that_is_given_or_described(ready: House) -> None:
    schedule = await scheduled(ready, fresh=(template(), template()))
    described = LaunchOptions(target=TargetRequest(name="harbour"))
    made = await launches.launch_schedule(ready, CALLER, Ref.of(schedule.id), options=described)
    [target_id] = {each.target_id for each in made}
    assert target_id is not None
    assert (await targets.get(ready, CALLER, Ref.of(target_id))).name == "harbour"
    again = await launches.launch_schedule(
        ready, CALLER, Ref.of(schedule.id), options=LaunchOptions(target_id=str(target_id))
    )
    assert {each.target_id for each in again} == {target_id}


async def test_a_launch_that_is_refused_makes_nothing(ready: House) -> None:
    schedule = await scheduled(ready)
    empty = await schedules.create(ready, CALLER, ScheduleRequest(name="empty"), LaunchSelection())
    wrong = LaunchOptions(payload=[1], target_id="5", target=TargetRequest())
    with pytest.raises(InvalidInput) as refused:
        await launches.launch_schedule(ready, CALLER, Ref.of(schedule.id), options=wrong)
    assert [problem.path for problem in refused.value.problems] == ["payload", ""]
    with pytest.raises(NotFound) as missing:
        await launches.launch_schedule(ready, CALLER, Ref.of(schedule.id), options=LaunchOptions(target_id="5"))
    assert missing.value.path == "targetInfo.targetId"
    with pytest.raises(InvalidInput):
        await launches.launch_schedule(ready, CALLER, Ref.of(empty.id))
    with pytest.raises(NotFound):
        await launches.launch_schedule(ready, STRANGER, Ref.of(schedule.id))
    assert (await jobs.list_(ready, CALLER, JobFilter())).jobs == ()


async def test_a_public_schedule_of_another_organization_is_not_launched(ready: House) -> None:
    schedule = await scheduled(ready, is_public=True)
    with pytest.raises(NotAllowed):
        await launches.launch_schedule(ready, STRANGER, Ref.of(schedule.id))
    assert (await jobs.list_(ready, STRANGER, JobFilter())).jobs == ()


async def test_a_primary_source_of_another_organization_is_refused_and_can_be_deleted(ready: House) -> None:
    source = await sources.create(ready, STRANGER, Source(organization_id=2, source_type_id=1, name="s"))
    mine = await scheduled(ready)
    for source_id in (source.id, source.id + 1):
        request, text = ScheduleRequest(name="n", source_id=source_id), f'primarySourceId: "{source_id}" was not found.'
        with pytest.raises(InvalidInput, match=re.escape(text)):
            await schedules.create(ready, CALLER, request, LaunchSelection())
        with pytest.raises(InvalidInput, match=re.escape(text)):
            await schedules.update(ready, CALLER, Ref.of(mine.id), request)
    await sources.delete(ready, STRANGER, Ref.of(source.id))


# -- the origins of jobs ------------------------------------------------------------------------------------


async def test_a_job_that_names_a_schedule_is_one_of_its_jobs(ready: House) -> None:
    schedule = await scheduled(ready)
    named = structs.replace(make.independent(1), scheduled_job_id=str(schedule.id))
    one, other = await jobs.create(ready, CALLER, [named, make.independent(1)])
    of = await jobs.list_(ready, CALLER, JobFilter(schedule_ids=(schedule.id,)))
    assert [job.id for job in of.jobs] == [one.job_id]
    failed = JobFilter(schedule_ids=(schedule.id,), has_target=True)
    assert (await jobs.list_(ready, CALLER, failed)).jobs == ()
    without = await jobs.list_(ready, CALLER, JobFilter(has_schedule=False), with_count=True)
    assert ({job.id for job in without.jobs}, without.count) == ({other.job_id}, 1)


async def test_nobody_can_make_a_foreign_schedule_busy(ready: House) -> None:
    schedule = await scheduled(ready, is_public=True)
    named = structs.replace(make.independent(1), scheduled_job_id=str(schedule.id))
    [created] = await jobs.create(ready, STRANGER, [named])
    assert (await jobs.get(ready, STRANGER, Ref.of(created.job_id))).scheduled_job_id is None
    assert await names(ready, has_live_jobs=True) == []


async def test_a_retry_is_of_the_same_schedule_and_of_no_slot(ready: House) -> None:
    schedule = await scheduled(ready)
    [launched] = await launches.launch_schedule(ready, CALLER, Ref.of(schedule.id))
    again = await jobs.retry(ready, CALLER, Ref.of(launched.job_id))
    job = await jobs.get(ready, CALLER, Ref.of(again.job_id))
    old = await jobs.get(ready, CALLER, Ref.of(launched.job_id))
    assert (job.scheduled_job_id, job.template_id, job.slot_at) == (schedule.id, old.template_id, None)


async def test_what_is_done_to_a_schedule_is_recorded_with_where_it_came_from(ready: House) -> None:
    request_origin.set(RequestOrigin(client_ip="192.0.2.7"))
    schedule = await scheduled(ready)
    await schedules.update(ready, CALLER, Ref.of(schedule.id), ScheduleRequest(name="t"))
    await launches.launch_schedule(ready, CALLER, Ref.of(schedule.id))
    copy = await schedules.clone(ready, CALLER, Ref.of(schedule.id))
    await schedules.revert(ready, CALLER, Ref.of(schedule.id))
    await schedules.delete(ready, CALLER, Ref.of(schedule.id))
    found = await ready.database.read(lambda tx: entries.page(tx, (1,), AuditFilter()))
    of, ip = str(schedule.id), "192.0.2.7"
    assert [(row.event, row.object_id, row.client_ip) for row in found][5::-1] == [
        ("createScheduledJob", of, ip), ("updateScheduledJob", of, ip), ("launchScheduledJobs", of, ip),
        ("cloneScheduledJob", str(copy.id), ip), ("revertScheduledJob", of, ip), ("deleteScheduledJob", of, ip),
    ]  # fmt: skip
