"""The drain of workers under `/api/v1/workers`."""

from typing import Final

import msgspec

from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.v1.envelope import Result, result
from enginehouse.api.v1.why import worker_view
from enginehouse.api.v1.why_shapes import WorkerView
from enginehouse.domain import ids
from enginehouse.operations import worker_drains, workers


class NewDrain(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Why the worker is drained."""

    detail: str | None = None


_DRAIN: Final = Body(NewDrain, exact=True)


@answers(Result[WorkerView], body=_DRAIN)
async def drain(call: Call) -> Reply:
    """POST workers/{WorkerID}/drain: nothing more starts on it, also after a restart. What runs there runs on."""
    Query(call.query).finish()
    worker_id = _worker_id(call)
    body = await call.body(_DRAIN)
    await worker_drains.drain(call.house, call.principal, worker_id, detail=body.detail or None)
    return await _shown(call, worker_id)


@answers(Result[WorkerView])
async def resume(call: Call) -> Reply:
    """POST workers/{WorkerID}/resume: it takes work again."""
    Query(call.query).finish()
    worker_id = _worker_id(call)
    await worker_drains.resume(call.house, call.principal, worker_id)
    return await _shown(call, worker_id)


def _worker_id(call: Call) -> str:
    if (found := ids.parse_uuid(call.id)) is None:
        raise refs.UUID.missing(worker_drains.WORKER, call.id)
    return found


async def _shown(call: Call, worker_id: str) -> Reply:
    for worker in await workers.list_(call.house, call.principal):
        if worker.id == worker_id:
            return result(worker_view(worker))
    raise refs.UUID.missing(worker_drains.WORKER, worker_id)  # it has stopped meanwhile
