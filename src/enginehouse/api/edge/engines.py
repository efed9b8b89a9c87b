"""The engines that a caller may use, in REST lists and details."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec

from enginehouse.api.edge.engine_shapes import EngineAnswer, EngineDetail, EngineList
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Direction, Parameters, UnixTime, Uuid, answers, one_of
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.spelling import json_text, optional
from enginehouse.domain import ids, times
from enginehouse.domain.engine import Engine
from enginehouse.operations import accounts, engines

_TYPES: Final = ("chunk", "stream", "batch", "any")
_STATES: Final = ("active", "paused", "replace")
_ORDER: Final[dict[str, Callable[[Engine], Any]]] = {
    "name": lambda engine: (engine.spec.name.lower(), engine.spec.id),
    "state": lambda engine: (state_word(engine), engine.spec.id),
    "type": lambda engine: (engine.spec.mode, engine.spec.id),
    "organizationID": lambda engine: (engine.organization_id or 0, engine.spec.id),
    "createdTime": lambda engine: (engine.created_at, engine.spec.id),
}
_LIST: Final[Parameters] = {
    "internalOrganizationID": str,
    "engineName": str,
    "engineState": one_of(*_STATES),
    "engineType": one_of(*_TYPES),
    "engineOutputType": one_of(*_TYPES),
    "engineCategoryID": Uuid,
    "engineIDs": Annotated[str, msgspec.Meta(description="UUIDs with commas between them")],
    "startTime": UnixTime,
    "endTime": UnixTime,
    "orderBy": one_of(*_ORDER),
    "direction": Direction,
    **PAGE,
}


@answers(EngineList, query=_LIST)
async def list_engines(call: Call) -> Reply:
    """GET admin/engines: a page of the engines that the caller may use, and the number of all matches."""
    query = Query(call.query)
    tests = _tests(query)
    order = _ORDER[query.word("orderBy", tuple(_ORDER), "createdTime") or "createdTime"]
    offset, limit = query.page()
    descending = query.descending()
    owner = query.text("internalOrganizationID")
    query.finish()
    principal = await accounts.acting(call.house, call.principal, owner, "internalOrganizationID")
    matches = [engine for engine in await _all(call) if all(fits(engine) for fits in tests)]
    if owner is not None:
        matches = [engine for engine in matches if engine.organization_id in {None, principal.organization_id}]
    matches.sort(key=order, reverse=descending)
    page = matches[offset : offset + limit]
    return json(
        EngineList(count=len(matches), limit=limit, offset=offset, result=[engine_detail(engine) for engine in page])
    )


@answers(EngineAnswer)
async def detail(call: Call) -> Reply:
    """GET admin/engine/{EngineID}/detail: the engine."""
    return json(
        EngineAnswer(result=engine_detail(await engines.get(call.house, call.principal, refs.engine(call.id).uuid)))
    )


async def _all(call: Call) -> list[Engine]:
    everything: list[Engine] = []
    limit = call.house.limits.page_size
    while True:
        criteria = engines.EngineFilter(offset=len(everything), limit=limit)
        page = await engines.list_(call.house, call.principal, criteria)
        everything += page
        if len(page) < limit:
            return everything


def _tests(query: Query) -> list[Callable[[Engine], bool]]:
    """Returns one test for each filter of the query."""
    tests: list[Callable[[Engine], bool]] = []
    if name := query.text("engineName"):
        tests.append(lambda engine: name.lower() in engine.spec.name.lower())
    if state := query.word("engineState", _STATES):
        tests.append(lambda engine: state_word(engine) == state)
    for parameter in ("engineType", "engineOutputType"):
        kind = query.word(parameter, _TYPES)
        if kind is not None and kind != "any":
            tests.append(_takes(kind))
    if category_id := query.id("engineCategoryID", *refs.UUID):
        tests.append(lambda engine: engine.spec.category_id == category_id.lower())
    if listed := query.id("engineIDs", *refs.UUIDS):
        named = {one.strip().lower() for one in listed.split(",")}
        tests.append(lambda engine: bool(named & {engine.spec.id, *engine.spec.aliases}))
    if (since := query.earliest("startTime")) is not None:
        tests.append(lambda engine: engine.created_at >= since)
    if (until := query.latest("endTime")) is not None:
        tests.append(lambda engine: engine.created_at <= until)
    return tests


def _takes(kind: str) -> Callable[[Engine], bool]:
    return lambda engine: engine.spec.mode == kind


def state_word(engine: Engine) -> str:
    """Returns REST's word for the state.

    A disabled engine is "paused" there too, because its tasks do not run either.
    """
    return "active" if engine.state == "active" else "paused"


def engine_detail(engine: Engine) -> EngineDetail:
    """Returns the engine as REST shows it."""
    spec = engine.spec
    return EngineDetail(
        engine_id=spec.id,
        engine_name=spec.name,
        engine_category_id=spec.category_id,
        engine_type=spec.mode.value,
        engine_output_type=spec.mode.value,
        engine_state=state_word(engine),
        internal_organization_id=optional(ids.organization_uuid, engine.organization_id),
        parallel_processing=not spec.gathers and spec.mode == "chunk",
        max_running=engine.running_limit,
        max_processing_seconds_per_work_item=spec.timeout_seconds,
        fields_json=json_text(spec.manifest) if spec.manifest else None,
        created_date_time=times.rest(engine.created_at),
        modified_date_time=times.rest(engine.modified_at),
    )
