"""Fires due schedules. Every server does this, without a leader."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from enginehouse.domain.errors import Refusal
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.schedules.schedule import TemplateVersion
from enginehouse.domain.template_jobs import job_request
from enginehouse.domain.templates import JobTemplate
from enginehouse.operations.house import House
from enginehouse.operations.jobs import new_job
from enginehouse.operations.plans import plan_all
from enginehouse.storage import templates
from enginehouse.storage.database.database import Contended, Tx
from enginehouse.storage.jobs.new_jobs import NewJob
from enginehouse.storage.schedules import firing, schedules
from enginehouse.storage.schedules.firing import Fired, LaunchPlan

MICROS: Final = 1_000_000
AT_ONCE: Final = 1000  # schedules fired in one transaction
NOTHING_TO_LAUNCH: Final = "no_template"
INVALID_TEMPLATE: Final = "invalid_template"
_KEPT: Final = 10_000
_PATIENCE: Final = 1.0  # seconds to wait for a row that another server holds; the next round uses another shard
_HELD: Final = 0.05  # seconds until the next look at schedules that another server holds

Jobs = dict[TemplateVersion, NewJob | str]


@dataclass(slots=True)
class JobCache:
    """The planned jobs of recently used templates, by organization. Each is planned once and created many times."""

    _kept: OrderedDict[TemplateVersion, NewJob | str] = field(default_factory=OrderedDict)
    _engines: object = None

    def of(self, house: House) -> "JobCache":
        """Returns the cache, emptied if the catalogue was reloaded: the new engines may give a template another job."""
        if self._engines is not house.catalogue.by_id:
            self._kept.clear()
            self._engines = house.catalogue.by_id
        return self

    def known(self, keys: Iterable[TemplateVersion]) -> Jobs:
        """Returns those of the jobs that are in the cache."""
        return {key: self._kept[key] for key in keys if key in self._kept}

    def keep(self, jobs: Jobs) -> None:
        self._kept.update(jobs)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)


async def fire_due(house: House, cache: JobCache, *, limit: int = AT_ONCE) -> tuple[Fired, float]:
    """Fires or records everything that is due. Returns what was done, and in how many seconds to look again."""
    due, next_at, now = await house.database.read(lambda tx: firing.due(tx, limit=limit))
    if not due:
        return Fired(), float("inf") if next_at is None else max(0.0, (next_at - now) / MICROS)
    plans = await _launch_plans(house, cache.of(house), dict(due))
    try:
        fired = await house.database.write_work(lambda tx: firing.fire(tx, house.plans, plans), patience=_PATIENCE)
    except Contended:
        return Fired(), _HELD
    if fired.stopping:
        house.listeners.stopping(fired.stopping)
    for organization_id in fired.organizations:
        house.waiting(organization_id)
    return fired, 0.0 if fired.looked_at else _HELD


async def _launch_plans(house: House, cache: JobCache, due: Mapping[int, int]) -> dict[int, LaunchPlan]:
    """Returns what each schedule launches now. A template is read and planned once per version."""

    async def read(tx: Tx) -> tuple[dict[int, list[TemplateVersion]], Jobs, dict[int, JobTemplate]]:
        versions = await schedules.templates_of(tx, due)
        keys = {key for keys in versions.values() for key in keys}
        known = cache.known(keys)
        return versions, known, await templates.load(tx, {key.template_id for key in keys if key not in known})

    versions, jobs, known_templates = await house.database.read(read)
    unknown = {key for keys in versions.values() for key in keys if key not in jobs}
    fresh = {key: _job_of(house, known_templates[key.template_id], key.organization_id) for key in unknown}
    cache.keep(fresh)
    jobs |= fresh
    return {
        schedule_id: _launch_plan(version, versions.get(schedule_id, []), jobs) for schedule_id, version in due.items()
    }


def _launch_plan(version: int, keys: Iterable[TemplateVersion], jobs_of: Jobs) -> LaunchPlan:
    jobs = list[tuple[int, NewJob]]()
    for key in keys:
        match jobs_of[key]:
            case str(fault):
                return LaunchPlan(version, fault=fault)
            case job:
                jobs.append((key.template_id, job))
    return LaunchPlan(version, jobs) if jobs else LaunchPlan(version, fault=NOTHING_TO_LAUNCH)


def _job_of(house: House, template: JobTemplate, organization_id: int) -> NewJob | str:
    """Returns the job of a template for the organization, or why there is none now (for example an engine is gone).

    A template of a foreign public pipeline uses the engines of the launching organization, which owns the job.
    """
    own = template.organization_id == organization_id
    owner = Principal(organization_id, template.created_by if own else None, "", Role.USER)
    request = job_request(template)
    try:
        [planned] = plan_all(house, owner, [request], ())
    except Refusal as refused:
        return f"{INVALID_TEMPLATE}: {refused.message}"[:500]
    return new_job(owner, planned, target_id=None, target=request.target, due_at=None)
