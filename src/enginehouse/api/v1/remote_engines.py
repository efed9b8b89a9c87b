"""Engines over HTTP for workers on other machines: where they answer, what their calls are told, and their health."""

from typing import Final

from enginehouse.api.http.call import NO_CONTENT, Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.v1.attempt_bytes import held_lease
from enginehouse.api.v1.envelope import Result, result
from enginehouse.api.v1.instances import instance
from enginehouse.operations import remote_engines, task_tokens, task_updates
from enginehouse.wire.worker import CallBody, HealthBody, HttpEngineBody, InfoBody, ProbesBody

_HEALTH: Final = Body(HealthBody)
_INFO: Final = Body(InfoBody)


@answers(Result[HttpEngineBody])
async def get(call: Call) -> Reply:
    """GET instances/{InstanceID}/engines/{EngineID}: an engine over HTTP whose work the worker takes."""
    Query(call.query).finish()
    spec, health = await remote_engines.get(call.house, call.principal, instance(call.ids[0]), call.ids[1])
    return result(HttpEngineBody.of(spec, on_trial=health.on_trial))


@answers(None, status=204, body=_HEALTH)
async def record_health(call: Call) -> Reply:
    """POST instances/{InstanceID}/engines/{EngineID}/health: whether the engine has answered."""
    body = await call.body(_HEALTH)
    await remote_engines.record_health(
        call.house, call.principal, instance(call.ids[0]), call.ids[1], body.event, body.reason, probed=body.probed
    )
    return NO_CONTENT


@answers(Result[ProbesBody])
async def take_probes(call: Call) -> Reply:
    """POST instances/{InstanceID}/probes: the unavailable engines that the worker probes now."""
    Query(call.query).finish()
    specs, seconds = await remote_engines.due_probes(call.house, call.principal, instance(call.id))
    return result(ProbesBody(engines=[HttpEngineBody.of(spec, on_trial=False) for spec in specs], seconds=seconds))


@answers(Result[CallBody])
async def call_facts(call: Call) -> Reply:
    """GET instances/{InstanceID}/items/{LeaseID}/call: what an engine over HTTP is told besides its work."""
    Query(call.query).finish()
    lease = await held_lease(call)
    token, application_id = await task_tokens.of_attempt(call.house, lease)
    poll = await task_updates.poll_of(call.house, lease)
    trace = await task_tokens.traceparent(call.house, lease)
    return result(CallBody(token=token, application_id=application_id, poll=poll, traceparent=trace))


@answers(None, status=204, body=_INFO)
async def tell(call: Call) -> Reply:
    """POST instances/{InstanceID}/items/{LeaseID}/info: what an engine over HTTP says of its work."""
    body = await call.body(_INFO)
    await task_updates.tell(call.house, await held_lease(call), body.info)
    return NO_CONTENT
