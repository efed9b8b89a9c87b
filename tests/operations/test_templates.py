"""Templates in schedules: which organization owns their jobs, what protects them, and where media come from."""

import asyncio
from typing import Any

import pytest
from msgspec import structs
from tests.operations.scheduled import CALLER, STRANGER, scheduled, template

from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound
from enginehouse.domain.ids import job_graphql, pipeline_uuid
from enginehouse.domain.job import Job, JobFilter, TargetRequest, TaskRequest
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.schedules.filter import ScheduleFilter
from enginehouse.domain.schedules.request import ScheduleRequest, WeeklyPart
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import RunMode
from enginehouse.domain.sources import Source
from enginehouse.operations import (
    content_templates,
    job_pipelines,
    jobs,
    sources,
    targets,
    task_templates,
    templates,
)
from enginehouse.operations.house import House
from enginehouse.operations.schedules import firing, launches, schedules, slots
from enginehouse.operations.schedules.firing import JobCache
from enginehouse.operations.schedules.launchables import LaunchSelection
from enginehouse.operations.schedules.launches import LaunchOptions

MONDAYS = (WeeklyPart(day=0, start="09:00"),)


async def now(house: House, launched: LaunchSelection, principal: Any = CALLER) -> Schedule:
    """A schedule that fires at once."""
    request = ScheduleRequest(name="s", run_mode=RunMode.NOW)
    return await schedules.create(house, principal, request, launched)


async def jobs_of(house: House, principal: Any = CALLER) -> list[Job]:
    found = await jobs.list_(house, principal, JobFilter(descending=False))
    return list(found.jobs)


async def source(house: House, zone: str | None = None, principal: Any = CALLER) -> Source:
    details = {} if zone is None else {"details": {"timeZone": zone}}
    new = Source(organization_id=principal.organization_id, source_type_id=4, name="radio", document=details)
    return await sources.create(house, principal, new)


async def test_a_public_pipeline_makes_jobs_of_whoever_launches_it_for_as_long_as_it_is_public(ready: House) -> None:
    made = await templates.create(ready, CALLER, template())
    line = await job_pipelines.create(ready, CALLER, [made.id])
    with pytest.raises(InvalidInput, match="there is no such job pipeline"):
        await now(ready, LaunchSelection(pipeline_ids=[line.id]), STRANGER)
    await job_pipelines.update(ready, CALLER, Ref.of(line.id), is_public=True)
    schedule = await now(ready, LaunchSelection(pipeline_ids=[line.id]), STRANGER)
    kept = JobCache()
    await firing.fire_due(ready, kept)
    [job] = await jobs_of(ready, STRANGER)
    assert (job.scheduled_job_id, job.template_id, job.created_by) == (schedule.id, made.id, None)
    assert await jobs_of(ready) == []
    again = await now(ready, LaunchSelection(pipeline_ids=[line.id]), STRANGER)
    await job_pipelines.update(ready, CALLER, Ref.of(line.id), is_public=False)
    await firing.fire_due(ready, kept)
    assert len(await jobs_of(ready, STRANGER)) == 1
    [(slot, _)] = await slots.history(ready, STRANGER, Ref.of(again.id))
    assert (slot.outcome, slot.reason) == ("skipped", firing.NOTHING_TO_LAUNCH)


async def test_a_template_gets_into_nobody_elses_pipeline(ready: House) -> None:
    made = await templates.create(ready, CALLER, template())
    line = await job_pipelines.create(ready, CALLER, [made.id], is_public=True)
    hidden = await job_pipelines.create(ready, CALLER, [])
    for into, refusal in ((line, NotAllowed), (hidden, NotFound)):
        intruder = structs.replace(template(principal=STRANGER), pipeline_id=into.id, stage=1)
        with pytest.raises(refusal):
            await templates.create(ready, STRANGER, intruder)
        with pytest.raises(refusal):
            await now(ready, LaunchSelection(fresh=[intruder]), STRANGER)
    assert (await schedules.list_(ready, STRANGER, ScheduleFilter()))[0] == []
    with pytest.raises(InvalidInput, match="there is no such job template"):
        await now(ready, LaunchSelection(template_ids=[made.id]), STRANGER)
    found = await job_pipelines.templates(ready, CALLER, [line.id, hidden.id])
    assert {key: [each.id for each in value] for key, value in found.items()} == {line.id: [made.id], hidden.id: []}


async def test_templates_of_one_microsecond_have_ids_of_their_own(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enginehouse.storage.templates.first_job_id", lambda now: 4711)
    made = await asyncio.gather(*(templates.create(ready, CALLER, template()) for _ in range(20)))
    assert sorted(each.id for each in made) == list(range(4711, 4731))


async def test_a_template_that_a_schedule_launches_is_not_deleted_silently(ready: House) -> None:
    alone, inside = [await templates.create(ready, CALLER, template()) for _ in range(2)]
    line = await job_pipelines.create(ready, CALLER, [inside.id], is_public=True)
    schedule = await now(ready, LaunchSelection(template_ids=[alone.id], pipeline_ids=[line.id]))
    await now(ready, LaunchSelection(pipeline_ids=[line.id]), STRANGER)
    with pytest.raises(InvalidInput) as refused:
        await templates.delete(ready, CALLER, Ref.of(alone.id))
    text = f'id: "{job_graphql(alone.id)}" cannot be deleted: scheduled jobs {schedule.id} launch it.'
    assert refused.value.message == f"{text} Change or delete those first."
    with pytest.raises(InvalidInput, match=f"scheduled jobs {schedule.id} and 1 more launch it"):
        await templates.delete(ready, CALLER, Ref.of(inside.id))
    with pytest.raises(InvalidInput, match=f"{pipeline_uuid(line.id)}.* cannot be deleted"):
        await job_pipelines.delete(ready, CALLER, Ref.of(line.id))
    with pytest.raises(InvalidInput, match="would be left without a task"):
        await task_templates.delete(ready, CALLER, TaskRef.of(alone.id, 0))
    await schedules.update(
        ready, CALLER, Ref.of(schedule.id), ScheduleRequest(), LaunchSelection(template_ids=[alone.id], pipeline_ids=[])
    )
    with pytest.raises(InvalidInput, match="1 scheduled jobs of other organizations launch it"):
        await job_pipelines.delete(ready, CALLER, Ref.of(line.id))
    await schedules.delete(ready, CALLER, Ref.of(schedule.id))
    await templates.delete(ready, CALLER, Ref.of(alone.id))
    with pytest.raises(NotFound):
        await templates.get(ready, CALLER, Ref.of(alone.id))


async def test_what_is_changed_is_what_is_launched_from_then_on(ready: House) -> None:
    made = await templates.create(ready, CALLER, template())
    kept = JobCache()
    await now(ready, LaunchSelection(template_ids=[made.id]))
    await firing.fire_due(ready, kept)
    await task_templates.update(
        ready, CALLER, TaskRef.of(made.id, 0), lambda task: structs.replace(task, payload={"say": 3})
    )
    await task_templates.create(ready, CALLER, Ref.of(made.id), TaskRequest(engine_id="noop", payload={"new": True}))
    await now(ready, LaunchSelection(template_ids=[made.id]))
    await firing.fire_due(ready, kept)
    before, after = [[task.payload for task in job.plan.tasks] for job in await jobs_of(ready)]
    assert before == [{"keep": 1, "say": 2}]
    assert after == [{"say": 3}, {"new": True}]
    with pytest.raises(InvalidInput) as refused:
        await task_templates.create(ready, CALLER, Ref.of(made.id), TaskRequest(engine_id="gone"))
    assert refused.value.problems[0].path == "taskTemplates[2].engineId"
    assert (await templates.get(ready, CALLER, Ref.of(made.id))).version == 3


async def test_a_launch_of_templates_lays_its_payload_over_each_task(ready: House) -> None:
    made = [await templates.create(ready, CALLER, template()) for _ in range(2)]
    schedule = await scheduled(ready)
    created = await launches.launch_templates(
        ready, CALLER, [each.id for each in made], schedule=Ref.of(schedule.id),
        options=LaunchOptions(payload={"say": "15m", "more": [1]}),
    )  # fmt: skip
    found = await jobs.get_many(ready, CALLER, [each.job_id for each in created])
    for each, template_ in zip(created, made, strict=True):
        job = found[each.job_id]
        assert job.plan.tasks[0].payload == {"keep": 1, "say": "15m", "more": [1]}
        assert (job.template_id, job.scheduled_job_id, job.slot_at) == (template_.id, schedule.id, None)
    assert len({each.target_id for each in created}) == 2  # each job has its own, created with it
    assert (await templates.get(ready, CALLER, Ref.of(made[0].id))).tasks[0].request.payload == {"keep": 1, "say": 2}


async def test_a_target_is_made_as_the_template_says_or_taken_as_the_launch_says(ready: House) -> None:
    data = {"sourceId": "62648"}
    described = {"createTDOInput": {"name": "show", "details": {"a": 1}, "sourceData": data, "isPublic": True}}
    for config, name, kept in (
        (described, "show", data),
        ({"sourceData": data}, None, data),
        ({"createTDOOnLaunch": False}, None, None),
    ):
        made = await templates.create(ready, CALLER, template(job_config=config))
        [created] = await launches.launch_templates(ready, CALLER, [made.id])
        if created.target_id is None:
            assert config == {"createTDOOnLaunch": False}
            continue
        target = await targets.get(ready, CALLER, Ref.of(created.target_id))
        assert (target.name, target.echo.get("sourceData"), target.is_public) == (name, kept, config is described)
    other = await targets.create(ready, CALLER, TargetRequest(name="there"))
    given = LaunchOptions(target_id=str(other.id))
    assert [
        each.target_id for each in await launches.launch_templates(ready, CALLER, [made.id] * 2, options=given)
    ] == [other.id] * 2
    shared = LaunchOptions(target=TargetRequest(name="shared"))
    first, second = await launches.launch_templates(ready, CALLER, [made.id] * 2, options=shared)
    assert first.target_id == second.target_id
    assert (await targets.get(ready, CALLER, Ref.of(first.target_id or 0))).name == "shared"


async def test_a_launch_that_is_wrong_in_one_template_makes_nothing(ready: House) -> None:
    right = await templates.create(ready, CALLER, template())
    empty = await templates.create(ready, CALLER, templates.new(CALLER))
    foreign = await templates.create(ready, STRANGER, template(principal=STRANGER))
    schedule = await scheduled(ready, principal=STRANGER)
    with pytest.raises(InvalidInput, match=r"ids\[1\]\.taskTemplates: at least 1 task is required"):
        await launches.launch_templates(ready, CALLER, [right.id, empty.id])
    with pytest.raises(NotFound, match=r"ids\[1\]: JobTemplate"):
        await launches.launch_templates(ready, CALLER, [right.id, foreign.id])
    with pytest.raises(NotFound, match="scheduledJobId: ScheduledJob"):
        await launches.launch_templates(ready, CALLER, [right.id], schedule=Ref.of(schedule.id))
    with pytest.raises(InvalidInput, match="payload"):
        await launches.launch_templates(ready, CALLER, [right.id], options=LaunchOptions(payload=[1]))
    with pytest.raises(InvalidInput, match="ids: at least 1 job template"):
        await launches.launch_templates(ready, CALLER, [])
    assert await jobs_of(ready) == []


async def test_weekly_parts_are_in_the_time_zone_of_the_primary_source(ready: House) -> None:
    prague, plain = await source(ready, "Europe/Prague"), await source(ready)
    hidden = await source(ready, "Asia/Tokyo", STRANGER)

    async def made(*ids: object, **more: Any) -> tuple[str, int | None]:
        fresh = [template(job_config={"sourceData": {"sourceId": each}}) for each in ids]
        request = ScheduleRequest(name="s", **{"run_mode": RunMode.RECURRING, "weekly": MONDAYS, **more})
        schedule = await schedules.create(ready, CALLER, request, LaunchSelection(fresh=fresh))
        return schedule.timing.zone, schedule.source_id

    assert await made(prague.id, plain.id) == ("Europe/Prague", prague.id)
    assert await made(str(plain.id), prague.id) == ("UTC", plain.id)
    assert await made(hidden.id, prague.id) == ("Europe/Prague", prague.id)
    assert await made(prague.id, zone="Asia/Tokyo") == ("Asia/Tokyo", prague.id)
    assert await made(prague.id, run_mode=RunMode.RECURRING, weekly=(), cron="0 9 * * 1") == ("UTC", prague.id)
    fresh = [template(job_config={"sourceData": {"sourceId": prague.id}})]
    request = ScheduleRequest(name="s", run_mode=RunMode.RECURRING, weekly=MONDAYS, zone="Asia/Tokyo")
    schedule = await schedules.create(ready, CALLER, request, LaunchSelection(fresh=fresh))
    back = await schedules.update(ready, CALLER, Ref.of(schedule.id), ScheduleRequest(zone=None))
    assert (back.timing.zone, back.source_id) == ("Europe/Prague", prague.id)
    with pytest.raises(InvalidInput, match="have it as their primary source"):
        await sources.delete(ready, CALLER, Ref.of(prague.id))
    named = LaunchSelection(fresh=[template(job_config={"createTDOInput": {"sourceData": {"sourceId": plain.id}}})])
    changed = await schedules.update(ready, CALLER, Ref.of(schedule.id), ScheduleRequest(), named)
    assert (changed.timing.zone, changed.source_id) == ("Europe/Prague", plain.id)


async def test_content_templates_come_and_go_with_their_schedule(ready: House) -> None:
    wanted = [ContentTemplate(schema_id="s1", data={"show": 1}), ContentTemplate(schema_id="s2", sdo_id="o2")]
    schedule = await schedules.create(
        ready, CALLER, ScheduleRequest(name="s"), LaunchSelection(fresh=[template()], content=wanted)
    )
    copy = await schedules.clone(ready, CALLER, Ref.of(schedule.id))

    async def held(schedule_id: int, principal: Any = CALLER) -> list[tuple[str, Any]]:
        found = await content_templates.of_schedules(ready, principal, [schedule_id])
        return sorted((each.schema_id, each.data) for each in found.get(schedule_id, ()))

    assert await held(schedule.id) == await held(copy.id) == [("s1", {"show": 1}), ("s2", None)]
    assert await held(schedule.id, STRANGER) == []
    more = await content_templates.create(
        ready, CALLER, Ref.of(schedule.id), ContentTemplate(schema_id="s3", sdo_id="o3")
    )
    assert len(await held(schedule.id)) == 3
    with pytest.raises(NotFound):
        await content_templates.delete(ready, STRANGER, more.id)
    with pytest.raises(NotFound):
        await content_templates.create(
            ready, STRANGER, Ref.of(schedule.id), ContentTemplate(schema_id="s3", sdo_id="o3")
        )
    with pytest.raises(InvalidInput, match="give sdoId or data"):
        await content_templates.create(ready, CALLER, Ref.of(schedule.id), ContentTemplate(schema_id="s3"))
    await content_templates.delete(ready, CALLER, more.id)
    await schedules.update(ready, CALLER, Ref.of(schedule.id), ScheduleRequest(), LaunchSelection(content=wanted[1:]))
    assert await held(schedule.id) == [("s2", None)]
    await schedules.delete(ready, CALLER, Ref.of(schedule.id))
    assert await held(schedule.id) == []
