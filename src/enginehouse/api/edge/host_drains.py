"""The drain of hosts over REST: a worker that takes no new work."""

from typing import Final

import msgspec

from enginehouse.api.edge.schedule_shapes import Operation
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.domain import ids
from enginehouse.operations import worker_drains


class DrainHost(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why a host is drained, in a word of the interface and in words of a person."""

    reason: str | None = None
    detail: str | None = None


_DRAIN: Final = Body(DrainHost)
_ONE: Final = Operation(True, 1)


@answers(Operation, body=_DRAIN)
async def drain(call: Call) -> Reply:
    """POST host/{HostID}/drain: nothing more starts on the host, also after a restart. What runs there runs on."""
    host_id = _host_id(call)
    body = await call.body(_DRAIN)
    reason, detail = body.reason or None, body.detail or None
    await worker_drains.drain(call.house, call.principal, host_id, reason=reason, detail=detail)
    return json(_ONE)


@answers(Operation)
async def pause(call: Call) -> Reply:
    """POST host/{HostID}/pause: the same without a reason, as all engines of the host are paused. A body is ignored."""
    await worker_drains.drain(call.house, call.principal, _host_id(call))
    return json(_ONE)


@answers(Operation)
async def resume(call: Call) -> Reply:
    """POST host/{HostID}/resume: the host takes work again. A body is ignored."""
    await worker_drains.resume(call.house, call.principal, _host_id(call))
    return json(_ONE)


def _host_id(call: Call) -> str:
    if (found := ids.parse_uuid(call.id)) is None:
        raise refs.UUID.missing("Host", call.id)
    return found
