"""A launch by hand: every template of a scheduled job makes one job now, whatever its calendar says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from enginehouse.domain.audit import Entry
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import TEMPLATE as SPELLING
from enginehouse.domain.job import JobRequest, TargetRequest
from enginehouse.operations import bounds, targets
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.jobs import CreatedJob, new_job
from enginehouse.operations.permission import require
from enginehouse.operations.plans import plan_all
from enginehouse.operations.template_jobs import job_request
from enginehouse.storage import targets as stored_targets
from enginehouse.storage import templates
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import creation
from enginehouse.storage.jobs.new_jobs import JobOrigin, NewJob
from enginehouse.storage.schedules import schedules
from enginehouse.storage.templates import JobTemplate

SCHEDULE: Final = "ScheduledJob"
TEMPLATE: Final = "JobTemplate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """What a launch gives its jobs: a payload for every task, and the target they are about.

    `target_id` names one that is there, `target` describes one that all of the jobs share. With neither each job makes
    its own, as its template says. `echo` is kept with the jobs and shown again.
    """

    payload: Any = None
    target_id: str | None = None
    target: TargetRequest | None = None
    echo: dict[str, Any] | None = None

    def problems(self) -> list[Problem]:
        """What is wrong with it, before anything is looked up."""
        found = list[Problem]()
        if self.payload is not None and not isinstance(self.payload, dict):
            found.append(Problem("payload", "an object, which is merged into the payload of every task.", "", "object"))
        found += bounds.json("payload", self.payload)
        if self.target_id is not None and self.target is not None:
            found.append(Problem("", "Give at most one of targetInfo, createTargetInfo."))
        if self.target is not None:
            found += targets.problems(self.target, "createTargetInfo.")
        return found


@trail.mutation("launchScheduledJobs", SCHEDULE, names="schedule_id")
async def launch_schedule(
    house: House, principal: Principal, schedule_id: int, shown: str = "", *, launching: Launching | None = None
) -> list[CreatedJob]:
    """One job of each of its templates is durable, all or none; they are of no slot.

    An inactive schedule is launched too: what is switched off is its calendar. Raises NotFound (schedule, target),
    NotAllowed for a public one of another organization, InvalidInput with all problems.
    """
    require(principal, Role.USER)
    launching = launching or Launching()
    bounds.refuse(launching.problems())
    made_from = await _launched(house, principal, schedule_id, shown)
    done = trail.entry(
        principal, "launchScheduledJobs", object_type=SCHEDULE, object_id=schedule_id, detail=f"{len(made_from)} jobs"
    )
    return await _launch(house, principal, made_from, launching, done, schedule_id=schedule_id, shown=shown)


@trail.mutation("launchJobTemplates", TEMPLATE)
async def launch_templates(
    house: House,
    principal: Principal,
    template_ids: Sequence[int],
    *,
    schedule_id: int | None = None,
    shown: str = "",
    launching: Launching | None = None,
) -> list[CreatedJob]:
    """One job of each of the templates is durable, all or none; they count as the schedule's where one is named.

    Raises NotFound (template, schedule, target), InvalidInput with all problems.
    """
    require(principal, Role.USER)
    launching = launching or Launching()
    most = house.limits.jobs_per_request
    problems = launching.problems()
    if not template_ids:
        problems.append(Problem("ids", "at least 1 job template is required.", "0", f"1–{most}"))
    if len(template_ids) > most:
        problems.append(
            Problem("ids", f"{len(template_ids)} given, at most {most}.", str(len(template_ids)), f"1–{most}")
        )
    bounds.refuse(problems)
    known = await house.database.read(lambda tx: templates.readable(tx, principal.organization_id, template_ids))
    for place, template_id in enumerate(template_ids):
        if template_id not in known:
            raise NotFound(TEMPLATE, job_graphql(template_id), path=f"ids[{place}]")
    made_from = [known[template_id] for template_id in template_ids]
    which = job_graphql(template_ids[0]) if len(template_ids) == 1 else f"{len(template_ids)} templates"
    one_id = template_ids[0] if len(template_ids) == 1 else None
    done = trail.entry(principal, "launchJobTemplates", object_type=TEMPLATE, object_id=one_id, detail=f"of {which}")
    return await _launch(
        house, principal, made_from, launching, done, schedule_id=schedule_id, shown=shown, path="scheduledJobId",
        listed="ids",
    )  # fmt: skip


async def _launch(
    house: House,
    principal: Principal,
    made_from: Sequence[JobTemplate],
    launching: Launching,
    done: Entry,
    *,
    schedule_id: int | None,
    shown: str,
    path: str = "",
    listed: str = "jobTemplates",
) -> list[CreatedJob]:
    """One job of each template is durable, all or none; where the schedule is gone, or foreign, none."""
    new, warnings = await _planned(house, principal, schedule_id, made_from, launching, listed)

    async def start(tx: Tx) -> list[tuple[int, int | None]]:
        if schedule_id is not None and await schedules.lock(tx, principal.organization_id, schedule_id) is None:
            raise NotFound(SCHEDULE, shown or schedule_id, path=path)
        target_id = await _target(tx, principal, launching)
        about = new if target_id is None else [replace(job, target=None, target_id=target_id) for job in new]
        made = await creation.create(tx, house.plans, about)
        await entries.record(tx, [done])
        return made

    made = await house.database.write_work(start)
    house.waiting(principal.organization_id)
    return [CreatedJob(*ids, told) for ids, told in zip(made, warnings, strict=True)]


async def _launched(house: House, principal: Principal, schedule_id: int, shown: str) -> list[JobTemplate]:
    """What the caller's own schedule launches, in order. Raises NotFound, NotAllowed, InvalidInput for nothing."""

    async def look(tx: Tx) -> list[JobTemplate]:
        found = (await schedules.by_ids(tx, principal.organization_id, [schedule_id])).get(schedule_id)
        if found is None:
            raise NotFound(SCHEDULE, shown or schedule_id)
        if found.organization_id != principal.organization_id:
            raise NotAllowed("This scheduled job belongs to another organization; it can be read, not launched.")
        keys = (await schedules.templates_of(tx, [schedule_id])).get(schedule_id, [])
        known = await templates.load(tx, (key.template_id for key in keys))
        return [known[key.template_id] for key in keys if key.template_id in known]

    found = await house.database.read(look)
    if not found:
        raise InvalidInput(
            "This scheduled job has nothing to launch: give it jobTemplates, jobTemplateIds or jobPipelineIds.",
            "scheduledJobId",
        )
    return found


async def _planned(
    house: House,
    principal: Principal,
    schedule_id: int | None,
    made_from: Sequence[JobTemplate],
    launching: Launching,
    listed: str,
) -> tuple[list[NewJob], list[tuple[str, ...]]]:
    """The jobs of the templates, and what is to be told with each."""
    requests = [_request(template, launching, f"{listed}[{n}].") for n, template in enumerate(made_from)]
    planned = plan_all(house, principal, requests, ())
    named = await targets.for_jobs(house, principal, [replace(each, prefix="targetInfo.") for each in requests])
    new = [
        new_job(
            principal,
            each.plan,
            target_id=target_id,
            target=request.target,
            due_at=None,
            origin=JobOrigin(scheduled_job_id=schedule_id, template_id=template.id),
        )
        for template, request, each, target_id in zip(made_from, requests, planned, named, strict=True)
    ]
    return new, [each.warnings for each in planned]


def _request(template: JobTemplate, launching: Launching, prefix: str) -> JobRequest:
    made = job_request(template, payload=launching.payload, target=launching.target)
    if launching.target_id is not None:
        made = replace(made, target=None, target_id=launching.target_id)
    return replace(made, prefix=prefix, spelling=SPELLING, echo={**made.echo, **(launching.echo or {})})


async def _target(tx: Tx, principal: Principal, launching: Launching) -> int | None:
    """The target that all jobs of the launch share, made now; None where each has its own."""
    if launching.target is None:
        return None
    await tx.read_clock()
    row = stored_targets.TargetRow(
        id=await stored_targets.reserve(tx),
        organization_id=principal.organization_id,
        created_by=principal.user_id,
        request=launching.target,
    )
    [made] = await stored_targets.insert(tx, [row])
    return made.id
