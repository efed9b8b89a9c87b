"""Hosts over REST that speak for their engine instances: the array forms of the loop, and a host's own registration.

This server starts no containers: a host is told to go on, and nothing of its state is kept.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar
from uuid import NAMESPACE_URL, uuid5

from enginehouse.api import auth
from enginehouse.api.edge import instance_loop
from enginehouse.api.edge.instance_shapes import (
    HostActionView,
    HostRegistration,
    InstanceOutcome,
    InstanceRegistration,
    InstanceStatusBody,
    NewHost,
    NewInstance,
    WorkAnswer,
    WorkRequestBody,
)
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.error_shapes import Error
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.domain.errors import Refusal
from enginehouse.operations import instances
from enginehouse.operations.permission import require_worker

T = TypeVar("T")

_HOST: Final = Body(NewHost, free=True)
_STATE: Final[Body[dict[str, Any]]] = Body(dict[str, Any], free=True)
_NEW: Final[Body[list[NewInstance]]] = Body(list[NewInstance])
_WORK: Final[Body[list[WorkRequestBody]]] = Body(list[WorkRequestBody], free=True)
_STATUS: Final[Body[list[InstanceStatusBody]]] = Body(list[InstanceStatusBody], free=True)
_NAMES: Final[Body[list[str]]] = Body(list[str])


@answers(HostRegistration, body=_HOST)
async def register_host(call: Call) -> Reply:
    """POST host/register: a host starts. Its id is that of its token, so it is the same after each start."""
    await call.body(_HOST)
    require_worker(call.principal)
    token = auth.secret(call.headers.authorization, call.headers.api_key) or ""
    host_id = _host_of(call.principal.token_id)
    return json(HostRegistration(host_id=host_id, host_token=token, status=HostActionView()))


@answers(HostActionView, body=_STATE)
async def update_host(call: Call) -> Reply:
    """POST host/{HostID}/updatestatus: the host is told to go on."""
    await call.body(_STATE)
    _check_host(call)
    return json(HostActionView())


@answers(InstanceRegistration, body=Body(NewInstance))
async def register_on_host(call: Call) -> Reply:
    """POST host/{HostID}/engine/register: an engine instance starts on this host."""
    _check_host(call)
    return await instance_loop.register(call)


@answers(list[InstanceRegistration], body=_NEW)
async def register(call: Call) -> Reply:
    """POST proxy/{HostID}/register: several instances start, or none if one is refused."""
    _check_host(call)
    return json([await instance_loop.registered(call, one) for one in await call.body(_NEW)])


@answers(list[WorkAnswer], body=_WORK)
async def get_work(call: Call) -> Reply:
    """POST proxy/{HostID}/getwork: getwork for each instance."""
    _check_host(call)

    async def one(body: WorkRequestBody) -> WorkAnswer:
        try:
            return await instance_loop.given_work(call, instance_loop.named(body.engine_instance_id or ""), body)
        except Refusal as refusal:
            return WorkAnswer(success=False, error=_error(refusal))

    return json([await one(body) for body in await call.body(_WORK)])


@answers(list[InstanceOutcome], body=_STATUS)
async def update(call: Call) -> Reply:
    """POST proxy/{HostID}/update: updatestatus for each instance."""
    _check_host(call)

    async def one(body: InstanceStatusBody) -> InstanceOutcome:
        return await _outcome(body.engine_instance_id or "", lambda name: instance_loop.updated(call, name, body))

    return json([await one(body) for body in await call.body(_STATUS)])


@answers(list[InstanceOutcome], body=_NAMES)
async def terminate(call: Call) -> Reply:
    """POST proxy/{HostID}/terminate: these instances have left."""
    _check_host(call)
    return json(
        [
            await _outcome(text, lambda name: instances.terminate(call.house, call.principal, name))
            for text in await call.body(_NAMES)
        ]
    )


async def _outcome(text: str, do: Callable[[str], Awaitable[None]]) -> InstanceOutcome:
    try:
        await do(instance_loop.named(text))
    except Refusal as refusal:
        return InstanceOutcome(engine_instance_id=text, success=False, error=_error(refusal))
    return InstanceOutcome(engine_instance_id=text, success=True)


def _error(refusal: Refusal) -> Error:
    return Error(id=refusal.code, description=refusal.message, detail=refusal.message)


def _host_of(token_id: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"enginehouse:host:{token_id}"))


def _check_host(call: Call) -> None:
    """Raises NotFound unless the path names the host of the caller's token, MalformedId for what is no UUID."""
    if call.id.lower() != _host_of(call.principal.token_id):
        raise refs.UUID.missing("Host", call.id)
