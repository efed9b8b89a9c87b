"""`getEngineJWT`, `verifyJWT`: tokens for one task (graphql-contract §1.4)."""

from typing import Any, Final

from ariadne import MutationType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.input import refs
from enginehouse.domain.ids import job_graphql, parse_job, parse_number, task_graphql
from enginehouse.domain.refs import Ref
from enginehouse.operations import task_tokens

query, mutation = QueryType(), MutationType()


@mutation.field("getEngineJWT")
async def issue(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Returns a token for the task."""
    context, resource = info.context, input["resource"]
    target: str | None = resource.get("tdoId")
    issued = await task_tokens.issue(
        context.house,
        context.principal,
        await refs.named_task(context.house, context.principal, resource["taskId"]),
        job=Ref(parse_job(resource["jobId"]) or 0, resource["jobId"]),
        target=None if target is None else Ref(parse_number(target) or 0, target),
        engine=input["engineId"],
    )
    claims = issued.claims
    _user, organization = await context.me()
    return {
        "engineId": claims.engine,
        "token": issued.token,
        "resource": {
            "applicationId": organization.application_id,
            "tdoId": claims.tdo,
            "jobId": job_graphql(claims.job),
            "taskId": task_graphql(claims.job, claims.task),
        },
    }


@mutation.field("verifyJWT")
async def verify(_: object, info: Info, jwtToken: str) -> dict[str, Any]:  # noqa: N803 — the name of the argument
    """Returns what the token says."""
    context = info.context
    payload = await task_tokens.verify(context.house, context.principal, jwtToken)
    return {"jwtToken": jwtToken, "payload": payload}


BINDABLES: Final = [query, mutation]
