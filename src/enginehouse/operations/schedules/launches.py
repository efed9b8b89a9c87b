"""Launches by hand: create one job now from every template of a scheduled job, independent of its calendar."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import structs

from enginehouse.domain import numbers
from enginehouse.domain.audit import Entry
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import NUMBER_FORM, job_graphql, parse_number
from enginehouse.domain.job import JobRequest, TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.spelling import TEMPLATE as SPELLING
from enginehouse.domain.template_jobs import job_request
from enginehouse.domain.templates import JobTemplate
from enginehouse.operations import bounds, idempotency, owned, targets
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.jobs import CreatedJob, new_job
from enginehouse.operations.permission import require
from enginehouse.operations.plans import plan_all
from enginehouse.operations.references import not_found
from enginehouse.operations.schedules.schedules import KIND, SCHEDULE
from enginehouse.operations.templates import TEMPLATE
from enginehouse.storage import targets as stored_targets
from enginehouse.storage import templates, token_quotas
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.idempotency import RequestKey
from enginehouse.storage.jobs import creation
from enginehouse.storage.jobs.new_jobs import JobOrigin, NewJob
from enginehouse.storage.schedules import schedules

CREATED: Final = list[tuple[int, int | None]]
"""The ids of new jobs, and of their targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOptions:
    """The options of a launch: a payload for every task, and the target of the jobs.

    `target_id` names an existing target, at `target_path` of the request; `target` describes a new one that all the
    jobs share. Without both each job creates its own, as its template says. `echo` is stored with the jobs and shown
    again.
    """

    payload: Any = None
    target_id: str | None = None
    target_path: str = "targetInfo.targetId"
    target: TargetRequest | None = None
    echo: dict[str, Any] | None = None

    def problems(self) -> list[Problem]:
        """Returns what is wrong with the options, without a look-up."""
        problems = list[Problem]()
        if self.payload is not None and not isinstance(self.payload, dict):
            problems.append(
                Problem("payload", "an object, which is merged into the payload of every task.", "", "object")
            )
        problems += bounds.json("payload", self.payload) + numbers.problems(self.payload, "payload")
        if self.target_id is not None and parse_number(self.target_id) is None:
            problems.append(not_found(self.target_path, self.target_id, NUMBER_FORM))
        if self.target_id is not None and self.target is not None:
            problems.append(Problem("", "Give at most one of targetInfo, createTargetInfo."))
        if self.target is not None:
            problems += targets.problems(self.target, "createTargetInfo.")
        return problems


@trail.mutation("launchScheduledJobs", SCHEDULE, names="ref")
async def launch_schedule(
    house: House, principal: Principal, ref: Ref, *, options: LaunchOptions | None = None, path: str = ""
) -> list[CreatedJob]:
    """Creates one job from each of the schedule's templates, all or none. The jobs have no slot.

    An inactive schedule can be launched too: only its calendar is off. Raises NotFound (target; schedule, with the
    `path` of its id), NotAllowed for a public one of another organization, InvalidInput with all problems.
    """
    require(principal, Role.USER)
    options = options or LaunchOptions()
    bounds.refuse(options.problems())
    sources = await _templates_of(house, principal, ref, path)
    detail = f"{len(sources)} jobs"
    entry = trail.entry(principal, "launchScheduledJobs", object_type=SCHEDULE, object_id=ref.number, detail=detail)
    return await launch(house, principal, sources, options, entry, schedule=ref, path=path)


@trail.mutation("launchJobTemplates", TEMPLATE)
async def launch_templates(
    house: House,
    principal: Principal,
    template_ids: Sequence[int],
    *,
    schedule: Ref | None = None,
    options: LaunchOptions | None = None,
) -> list[CreatedJob]:
    """Creates one job from each template, all or none. If a schedule is named, they count as its jobs.

    Raises NotFound (template, schedule, target), InvalidInput with all problems.
    """
    require(principal, Role.USER)
    options = options or LaunchOptions()
    most = house.limits.jobs_per_request
    problems = options.problems()
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
    sources = [known[template_id] for template_id in template_ids]
    which = job_graphql(template_ids[0]) if len(template_ids) == 1 else f"{len(template_ids)} templates"
    one_id = template_ids[0] if len(template_ids) == 1 else None
    entry = trail.entry(principal, "launchJobTemplates", object_type=TEMPLATE, object_id=one_id, detail=f"of {which}")
    return await launch(
        house, principal, sources, options, entry, schedule=schedule, path="scheduledJobId", list_path="ids"
    )


async def launch(
    house: House,
    principal: Principal,
    sources: Sequence[JobTemplate],
    options: LaunchOptions,
    entry: Entry,
    *,
    schedule: Ref | None,
    path: str = "",
    list_path: str = "jobTemplates",
    key: RequestKey | None = None,
) -> list[CreatedJob]:
    """Creates one job from each template, all or none. With a `key` that was used before it returns those jobs.

    Raises NotFound if the schedule is gone or foreign.
    """
    new, warnings = await _planned(house, principal, schedule, sources, options, list_path)

    async def start(tx: Tx) -> list[tuple[int, int | None]]:
        if schedule is not None and await schedules.lock(tx, principal.organization_id, schedule.number) is None:
            raise NotFound(SCHEDULE, schedule.text, path=path)
        target_id = await _target(tx, principal, options)
        about = new if target_id is None else [structs.replace(job, target=None, target_id=target_id) for job in new]
        await token_quotas.take_tasks(tx, principal.quota, sum(job.total for job in about))
        created = await creation.create(tx, house.plans, about)
        await entries.record(tx, [entry])
        return created

    answer = await idempotency.once(house, key, CREATED, start, starts_work=True)
    if answer.replayed:
        return [CreatedJob(*ids, replayed=True) for ids in answer.value]
    house.waiting(principal.organization_id)
    return [CreatedJob(*ids, texts) for ids, texts in zip(answer.value, warnings, strict=True)]


async def _templates_of(house: House, principal: Principal, ref: Ref, path: str) -> list[JobTemplate]:
    """Returns the templates of the caller's schedule, in order. Raises NotFound, NotAllowed, InvalidInput if none."""

    async def look(tx: Tx) -> list[JobTemplate]:
        schedule = (await schedules.by_ids(tx, principal.organization_id, [ref.number])).get(ref.number)
        if schedule is None:
            raise NotFound(SCHEDULE, ref.text, path=path)
        if schedule.organization_id != principal.organization_id:
            raise NotAllowed(owned.foreign(KIND, "launched"))
        keys = (await schedules.templates_of(tx, [schedule.id])).get(schedule.id, [])
        known = await templates.load(tx, (key.template_id for key in keys))
        return [known[key.template_id] for key in keys if key.template_id in known]

    sources = await house.database.read(look)
    if not sources:
        raise InvalidInput(
            "This scheduled job has nothing to launch: give it jobTemplates, jobTemplateIds or jobPipelineIds.",
            "scheduledJobId",
        )
    return sources


async def _planned(
    house: House,
    principal: Principal,
    schedule: Ref | None,
    sources: Sequence[JobTemplate],
    options: LaunchOptions,
    list_path: str,
) -> tuple[list[NewJob], list[tuple[str, ...]]]:
    """Returns the jobs of the templates, and the warnings for each."""
    requests = [_request(template, options, f"{list_path}[{n}].") for n, template in enumerate(sources)]
    planned = plan_all(house, principal, requests, ())
    prefix = options.target_path.removesuffix("targetId")
    named = await targets.for_jobs(house, principal, [structs.replace(each, prefix=prefix) for each in requests])
    new = [
        new_job(
            principal,
            each,
            target_id=target_id,
            target=request.target,
            due_at=None,
            origin=JobOrigin(scheduled_job_id=None if schedule is None else schedule.number, template_id=template.id),
        )
        for template, request, each, target_id in zip(sources, requests, planned, named, strict=True)
    ]
    return new, [each.warnings for each in planned]


def _request(template: JobTemplate, options: LaunchOptions, prefix: str) -> JobRequest:
    request = job_request(template, payload=options.payload, target=options.target)
    if options.target_id is not None:
        request = structs.replace(request, target=None, target_id=options.target_id)
    return structs.replace(request, prefix=prefix, spelling=SPELLING, echo={**request.echo, **(options.echo or {})})


async def _target(tx: Tx, principal: Principal, options: LaunchOptions) -> int | None:
    """Creates the target that all jobs of the launch share. Returns None if the options describe no target."""
    if options.target is None:
        return None
    await tx.read_clock()
    row = stored_targets.NewTarget(
        id=await stored_targets.reserve(tx),
        organization_id=principal.organization_id,
        created_by=principal.user_id,
        request=options.target,
    )
    [target] = await stored_targets.insert(tx, [row])
    return target.id
