"""Tokens for one task: an engine outside gets one, and can do with it what concerns its task, and nothing else."""

import secrets
from typing import Any, NamedTuple

from enginehouse.domain import task_tokens
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.identity import Organization, Principal, Role, TaskScope
from enginehouse.domain.ids import job_graphql, task_graphql
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.task_tokens import TaskClaims
from enginehouse.domain.work import Lease
from enginehouse.operations import engines, jobs, tokens
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.operations.references import not_found
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

_MICROS = 1_000_000
_INVALID = "is no token of this organization's tasks, or has expired."


class IssuedTaskToken(NamedTuple):
    """A token, and what it is for."""

    token: str
    claims: TaskClaims


@trail.mutation("getEngineJWT", "Task", names="ref")
async def issue(
    house: House, principal: Principal, ref: TaskRef, *, job: Ref, target: Ref | None, engine: str
) -> IssuedTaskToken:
    """Returns a token for the task, which lives as long as a session. `job`, `target` and `engine` must be the task's.

    Raises NotFound for the task, InvalidInput for the others.
    """
    require(principal, Role.USER)
    found, task = await jobs.task(house, principal, ref)
    problems = list[Problem]()
    if job.number != ref.job_id:
        problems.append(not_found("resource.jobId", job.text))
    if target is not None and target.number != found.target_id:
        problems.append(not_found("resource.tdoId", target.text))
    known = engines.find(house, principal, engine)
    if known is None or known.spec.id != task.plan.engine_id:
        problems.append(not_found("engineId", engine))
    if problems:
        raise InvalidInput(problems)
    entry = trail.entry(principal, "getEngineJWT", object_type="Task", object_id=f"{ref.job_id}/{ref.ordinal}")

    async def record(tx: Tx) -> TaskClaims:
        now = await tx.read_clock()
        await entries.record(tx, [entry])
        return TaskClaims(
            org=principal.organization_id,
            sub=principal.user_id,
            job=ref.job_id,
            task=ref.ordinal,
            tdo=found.target_id,
            engine=task.plan.engine_id,
            exp=now // _MICROS + house.limits.session_seconds,
            jti=secrets.token_hex(8),
        )

    claims = await house.database.write(record)
    return IssuedTaskToken(task_tokens.issue(_key(house), claims), claims)


async def traceparent(house: House, lease: Lease) -> str | None:
    """Returns the span of the attempt for whoever works on it; None if no spans are recorded. For workers."""
    traces = house.commits.traces
    return None if traces is None else await traces.of_attempt(lease)


async def of_attempt(house: House, lease: Lease) -> tuple[str, str | None]:
    """Returns a token for the task of the attempt, and the application of its organization. For workers.

    The token lives as long as a session, or as long as the task may take.
    """
    organization_id = lease.organization_id

    async def read_facts(tx: Tx) -> tuple[int, Organization | None]:
        return await tx.read_clock(), await stored_organizations.organization(tx, organization_id)

    now, organization = await house.database.glance(read_facts)
    seconds = max(house.limits.session_seconds, lease.plan.tasks[lease.key.ordinal].timeout_seconds or 0)
    claims = TaskClaims(
        org=organization_id,
        sub=None,
        job=lease.key.job_id,
        task=lease.key.ordinal,
        tdo=lease.target_id,
        engine=lease.engine_id,
        exp=now // _MICROS + seconds,
        jti=secrets.token_hex(8),
    )
    return task_tokens.issue(_key(house), claims), None if organization is None else organization.application_id


async def verify(house: House, principal: Principal, token: str) -> dict[str, Any]:
    """Returns what a valid token of the caller's organization says. Raises InvalidInput."""
    require(principal, Role.READER)
    claims = await read(house, token)
    if claims is None or claims.org != principal.organization_id:
        raise InvalidInput(_INVALID, "jwtToken")
    job, task = job_graphql(claims.job), task_graphql(claims.job, claims.task)
    return {
        "engineId": claims.engine,
        "exp": claims.exp,
        "operations": list(task_tokens.OPERATIONS),
        "resources": task_tokens.resources(job, task, claims.tdo),
    }


async def read(house: House, token: str) -> TaskClaims | None:
    """Returns what a valid token says, None if it was changed, is none, or has expired by the storage clock."""
    claims = task_tokens.read(_key(house), token)
    if claims is None or await house.database.peek(lambda tx: tx.read_clock()) >= claims.exp * _MICROS:
        return None
    return claims


async def holder(house: House, token: str) -> Principal | None:
    """Returns the principal of a valid token, None for any other text."""
    claims = await read(house, token)
    if claims is None:
        return None
    scope = TaskScope(claims.job, claims.task, claims.tdo)
    token_id = tokens.token_id(tokens.fingerprint(token))
    return Principal(claims.org, claims.sub, token_id, Role.USER, task=scope)


def resources(principal: Principal) -> dict[str, Any] | None:
    """Returns the only resources of a token for a task, None for any other caller."""
    scope = principal.task
    if scope is None:
        return None
    task = task_graphql(scope.job_id, scope.ordinal)
    return task_tokens.resources(job_graphql(scope.job_id), task, scope.target_id)


def _key(house: House) -> bytes:
    return house.secret_key.derive("task tokens")
