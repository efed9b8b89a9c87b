"""The instances of engines over REST: an engine that a worker offers is an instance of it on that host."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

import msgspec
from starlette.responses import FileResponse

from enginehouse.api.edge.log_archive import log_archive
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Direction, UnixTime, answers, one_of, sends_file
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain import times
from enginehouse.domain.work_requests import request_uuid
from enginehouse.operations import engines, worker_logs, workers
from enginehouse.operations.worker_logs import WorkerRecord
from enginehouse.operations.workers import WorkerShown


class OfferedEngine(NamedTuple):
    """An engine of a worker: an instance of it."""

    id: str
    engine_id: str
    worker: WorkerShown


_ORDER: Final[dict[str, Callable[[OfferedEngine], Any]]] = {
    "createdTime": lambda one: (one.worker.started_at, one.id),
    "engineID": lambda one: (one.engine_id, one.id),
    "hostID": lambda one: (one.worker.id, one.id),
    "status": lambda one: (_status(one), one.id),
    "modifiedTime": lambda one: (one.worker.seen_at, one.id),
    "lastUpdateTime": lambda one: (one.worker.seen_at, one.id),
    "launchTime": lambda one: (one.worker.started_at, one.id),
}


class InstanceInfo(msgspec.Struct, rename=spelled, kw_only=True):
    """`active` as long as the worker reports, then `terminated`."""

    engine_instance_id: str
    engine_id: str
    host_id: str
    status: str = msgspec.field(name="status")
    drain: bool
    startup_timestamp: int
    created_date_time: str
    modified_date_time: str
    last_update: str


class InstancesOf(msgspec.Struct, kw_only=True):
    success: bool = True
    result: list[InstanceInfo]


class LentResources(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """The databases and queues that an instance was lent. `workRequestID`: what it works on now."""

    result: list[dict[str, Any]]
    work_request_id: str | None = None


class ResourcesOf(msgspec.Struct, kw_only=True):
    success: bool = True
    result: LentResources


class InstanceList(msgspec.Struct, kw_only=True):
    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[InstanceInfo]


@answers(
    InstanceList,
    query={
        "engineInstanceIDs": str,
        "engineIDs": str,
        "hostIDs": str,
        "workRequestIDs": str,
        "status": one_of("active", "terminated"),
        "drain": bool,
        "launchStartTime": UnixTime,
        "launchEndTime": UnixTime,
        "CreatedAfter": UnixTime,
        "CreatedBefore": UnixTime,
        "modifiedAfter": UnixTime,
        "modifiedBefore": UnixTime,
        "orderBy": one_of(*_ORDER),
        "direction": Direction,
        **PAGE,
    },
)
async def list_instances(call: Call) -> Reply:
    """GET engine/instances: a page of the engines that workers offer, of those that the caller may use."""
    query = Query(call.query)
    tests = _tests(query)
    order = _ORDER[query.order(tuple(_ORDER))]
    offset, limit = query.page()
    descending = query.descending()
    query.finish()
    found = [one for one in await _instances(call) if all(fits(one) for fits in tests)]
    found.sort(key=order, reverse=descending)
    page = [_info(one) for one in found[offset : offset + limit]]
    return json(InstanceList(count=len(found), limit=limit, offset=offset, result=page))


@answers(
    InstancesOf,
    query={
        "launchStartTime": UnixTime,
        "launchEndTime": UnixTime,
        "CreatedAfter": UnixTime,
        "CreatedBefore": UnixTime,
        "modifiedAfter": UnixTime,
        "modifiedBefore": UnixTime,
    },
)
async def of_engine(call: Call) -> Reply:
    """GET engine/{EngineID}/instances: where the engine is offered."""
    query = Query(call.query)
    tests = _times(query)
    query.finish()
    engine = await engines.get(call.house, call.principal, refs.engine(call.id).uuid)
    found = [one for one in await _instances(call) if one.engine_id == engine.id and all(fits(one) for fits in tests)]
    return json(InstancesOf(result=[_info(one) for one in found]))


@answers(InstanceInfo)
async def detail(call: Call) -> Reply:
    """GET engine/instance/{EngineInstanceID}/detail: the instance."""
    return json(_info((await _named(call))[0]))


@sends_file("application/zip")
async def logs(call: Call) -> FileResponse:
    """GET engine/instance/{EngineInstanceID}/logs: a zip with the logs of its last attempts, of the organization's."""
    return await log_archive(call.house, (await _record(call)).logs, call.id)


@answers(ResourcesOf)
async def resources(call: Call) -> Reply:
    """GET engine/instance/{EngineInstanceID}/resources: this server lends instances no databases and no queues."""
    running = (await _record(call)).running
    request = request_uuid(*running[0]) if running else None
    return json(ResourcesOf(result=LentResources(result=[], work_request_id=request)))


async def _named(call: Call) -> list[OfferedEngine]:
    """Returns the instance that the request names. A worker's own id names all its engines. Raises NotFound."""
    found = await _instances(call)
    named = [one for one in found if one.id == call.id.lower()]
    named += [one for one in found if named and one.worker.id == named[0].id and one is not named[0]]
    if not named:
        raise refs.UUID.missing("EngineInstance", call.id)
    return named


async def _record(call: Call) -> WorkerRecord:
    named = await _named(call)
    engine_ids = [one.engine_id for one in named]
    return await worker_logs.of_engines(call.house, call.principal, named[0].worker.id, engine_ids)


async def _instances(call: Call) -> list[OfferedEngine]:
    found = await workers.list_(call.house, call.principal)
    return [
        OfferedEngine(
            worker.id if n == 0 and worker.is_remote else str(uuid5(UUID(worker.id), engine_id)), engine_id, worker
        )
        for worker in found
        for n, engine_id in enumerate(sorted(worker.engines))
        if engines.find(call.house, call.principal, engine_id) is not None
    ]


def _tests(query: Query) -> list[Callable[[OfferedEngine], bool]]:
    """Returns one test for each filter of the query. An instance has no drain and no work request."""
    tests = _times(query)
    for name, key in (("engineInstanceIDs", 0), ("engineIDs", 1)):
        if (listed := query.id(name, *refs.UUIDS)) is not None:
            tests.append(_among(listed, key))
    if (hosts := query.id("hostIDs", *refs.UUIDS)) is not None:
        named = _ids(hosts)
        tests.append(lambda one: one.worker.id in named)
    if (status := query.word("status", ("active", "terminated"))) is not None:
        tests.append(lambda one: _status(one) == status)
    if (drained := query.boolean("drain")) is not None:
        tests.append(lambda one: (one.worker.drain is not None) is drained)
    if query.id("workRequestIDs", *refs.UUIDS) is not None:
        tests.append(lambda _: False)
    return tests


def _among(listed: str, key: int) -> Callable[[OfferedEngine], bool]:
    named = _ids(listed)
    return lambda one: one[key] in named


def _ids(listed: str) -> set[str]:
    return {one.strip().lower() for one in listed.split(",")}


def _times(query: Query) -> list[Callable[[OfferedEngine], bool]]:
    since = query.earliest("launchStartTime", "CreatedAfter")
    until = query.latest("launchEndTime", "CreatedBefore")
    seen_since, seen_until = query.earliest("modifiedAfter"), query.latest("modifiedBefore")
    return [
        lambda one: since is None or one.worker.started_at >= since,
        lambda one: until is None or one.worker.started_at <= until,
        lambda one: seen_since is None or one.worker.seen_at >= seen_since,
        lambda one: seen_until is None or one.worker.seen_at <= seen_until,
    ]


def _status(one: OfferedEngine) -> str:
    return "active" if one.worker.connected else "terminated"


def _info(one: OfferedEngine) -> InstanceInfo:
    seen = times.rest(one.worker.seen_at)
    return InstanceInfo(
        engine_instance_id=one.id,
        engine_id=one.engine_id,
        host_id=one.worker.id,
        status=_status(one),
        drain=one.worker.drain is not None,
        startup_timestamp=one.worker.started_at // times.SECOND,
        created_date_time=times.rest(one.worker.started_at),
        modified_date_time=seen,
        last_update=seen,
    )
