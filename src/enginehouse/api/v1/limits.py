"""Weights, limits and pauses under `/api/v1`."""

from typing import Final

from msgspec import UNSET

from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.spelling import optional
from enginehouse.api.v1.account_shapes import (
    EngineView,
    JobPauseView,
    NewEngineLimit,
    OrganizationShare,
    OrganizationView,
)
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import ids, times
from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Organization
from enginehouse.operations import accounts, limits

_SHARE: Final = Body(OrganizationShare)
_LIMIT: Final = Body(NewEngineLimit)


@answers(Result[OrganizationView], body=_SHARE)
async def set_organization(call: Call) -> Reply:
    """PATCH organizations/{OrganizationID}: sets its weight, and how many attempts of it may run at once."""
    body = await call.body(_SHARE)
    if body.weight is UNSET and body.running_limit is UNSET:
        raise InvalidInput("give weight, runningLimit or both.")
    changed = await limits.set_organization(
        call.house,
        call.principal,
        await _organization_id(call),
        weight=limits.UNCHANGED if body.weight is UNSET else body.weight,
        running_limit=limits.UNCHANGED if body.running_limit is UNSET else body.running_limit,
    )
    return result(organization_view(changed))


@answers(Result[OrganizationView])
async def pause_organization(call: Call) -> Reply:
    """POST organizations/{OrganizationID}/pause: nothing more of it starts."""
    Query(call.query).finish()
    paused = await limits.pause_organization(call.house, call.principal, await _organization_id(call))
    return result(organization_view(paused))


@answers(Result[OrganizationView])
async def resume_organization(call: Call) -> Reply:
    """POST organizations/{OrganizationID}/resume: tasks of the organization start again."""
    Query(call.query).finish()
    resumed = await limits.resume_organization(call.house, call.principal, await _organization_id(call))
    return result(organization_view(resumed))


@answers(Result[EngineView], body=_LIMIT)
async def limit_engine(call: Call) -> Reply:
    """PATCH engines/{EngineID}: sets how many attempts of it may run at once, of all organizations together."""
    body = await call.body(_LIMIT)
    return _engine(await limits.limit_engine(call.house, call.principal, call.ids[0], body.running_limit))


@answers(Result[EngineView])
async def pause_engine(call: Call) -> Reply:
    """POST engines/{EngineID}/pause: nothing more of it starts."""
    Query(call.query).finish()
    return _engine(await limits.pause_engine(call.house, call.principal, call.ids[0]))


@answers(Result[EngineView])
async def resume_engine(call: Call) -> Reply:
    """POST engines/{EngineID}/resume: tasks of the engine start again."""
    Query(call.query).finish()
    return _engine(await limits.resume_engine(call.house, call.principal, call.ids[0]))


@answers(Result[JobPauseView])
async def pause_job(call: Call) -> Reply:
    """POST jobs/{JobID}/pause: nothing more of it starts."""
    Query(call.query).finish()
    ref = refs.job(call.id)
    changed = await limits.pause_job(call.house, call.principal, ref)
    return _job(ref.number, paused=True, changed=changed)


@answers(Result[JobPauseView])
async def resume_job(call: Call) -> Reply:
    """POST jobs/{JobID}/resume: tasks of the job start again."""
    Query(call.query).finish()
    ref = refs.job(call.id)
    changed = await limits.resume_job(call.house, call.principal, ref)
    return _job(ref.number, paused=False, changed=changed)


def organization_view(one: Organization) -> OrganizationView:
    """Returns the administrator's view of the organization."""
    return OrganizationView(
        organization_id=str(one.id),
        internal_organization_id=ids.organization_uuid(one.id),
        name=one.name,
        application_id=one.application_id,
        default_retries=one.default_retries,
        weight=one.weight,
        running_limit=one.running_limit,
        paused_date_time=optional(times.rest, one.paused_at),
        created_date_time=times.rest(one.created_at),
    )


async def _organization_id(call: Call) -> int:
    """Returns the organization in the path, by number or UUID. Raises NotFound, also for a foreign one."""
    acting = await accounts.acting(call.house, call.principal, call.ids[0], "")
    return acting.organization_id


def _engine(one: Engine) -> Reply:
    return result(
        EngineView(
            engine_id=one.spec.id,
            name=one.spec.name,
            state=one.state,
            running_limit=one.running_limit,
            organization_id=optional(str, one.organization_id),
        )
    )


def _job(job_id: int, *, paused: bool, changed: bool) -> Reply:
    return result(
        JobPauseView(
            internal_job_id=ids.job_uuid(job_id),
            core_job_id=ids.job_graphql(job_id),
            paused=paused,
            changed=changed,
        )
    )
