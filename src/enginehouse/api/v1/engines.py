"""Engines under `/api/v1/engines`: add one over HTTP, look at one, remove one of the organization's own."""

from typing import Final

import msgspec

from enginehouse.api.http.call import NO_CONTENT, Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.spelling import optional
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import times
from enginehouse.domain.engine import Engine
from enginehouse.domain.engine_health import EngineHealth
from enginehouse.operations import engine_addresses, engine_changes
from enginehouse.operations.engine_addresses import NewHttpEngine

_NEW: Final = Body(NewHttpEngine)


class EngineAddressView(msgspec.Struct, kw_only=True):
    """Where an engine over HTTP answers. `private`: it may be an address of a private machine."""

    url: str
    ready: str
    process: str
    private: bool


class UnavailableView(msgspec.Struct, rename=spelled, kw_only=True):
    """Why an engine over HTTP gets no work now, and when it is asked again."""

    reason: str
    next_try_date_time: str


class EngineDetailView(msgspec.Struct, rename=spelled, omit_defaults=True, kw_only=True):
    """An engine. Only who administers it sees its `address`. `installed`: a connected server or worker has it."""

    engine_id: str
    slug: str | None = None
    name: str
    description: str
    category_id: str
    kind: str
    mode: str
    state: str
    inputs: list[str]
    installed: bool
    running_limit: int | None = None
    needs: dict[str, float] | None = None
    organization_id: str | None = None
    address: EngineAddressView | None = None
    unavailable: UnavailableView | None = None
    created_date_time: str
    modified_date_time: str


@answers(Result[EngineDetailView], body=_NEW)
async def add(call: Call) -> Reply:
    """POST engines: an engine over HTTP, which may get work at once."""
    request, problems = await call.judged_body(_NEW)
    made = await engine_addresses.add(call.house, call.principal, request, problems)
    return result(_view(call, made, EngineHealth()))


@answers(Result[EngineDetailView])
async def get(call: Call) -> Reply:
    """GET engines/{EngineID}: the engine, and whether it is available."""
    Query(call.query).finish()
    return result(_view(call, *await engine_addresses.get(call.house, call.principal, call.ids[0])))


@answers(None, status=204)
async def delete(call: Call) -> Reply:
    """DELETE engines/{EngineID}: nobody can name it any more. Old jobs show it."""
    Query(call.query).finish()
    await engine_changes.delete(call.house, call.principal, call.ids[0])
    return NO_CONTENT


def _view(call: Call, engine: Engine, health: EngineHealth) -> EngineDetailView:
    spec, address = engine.spec, engine.spec.address
    return EngineDetailView(
        engine_id=spec.id,
        slug=spec.slug,
        name=spec.name,
        description=spec.description,
        category_id=spec.category_id,
        kind=spec.kind.value,
        mode=spec.mode.value,
        state=engine.state,
        inputs=list(spec.inputs),
        installed=call.house.presence.has(engine),
        running_limit=engine.running_limit,
        needs=spec.resources.labels or None,
        organization_id=optional(str, engine.organization_id),
        address=None
        if address is None
        else EngineAddressView(url=address.url, ready=address.ready, process=address.process, private=address.private),
        unavailable=None
        if health.until is None
        else UnavailableView(reason=health.reason or "", next_try_date_time=times.rest(health.until)),
        created_date_time=times.rest(engine.created_at),
        modified_date_time=times.rest(engine.modified_at),
    )
