"""The hosts of a server over REST: its workers, each of which is one process on a machine.

A worker is active as long as it reports, and is remembered for a day.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import field

from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import PAGE, Direction, UnixTime, Uuid, answers, one_of
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain import times
from enginehouse.operations import workers
from enginehouse.operations.workers import WorkerShown

_MODES: Final = (
    "engine", "nfs", "registry", "controller", "db", "standby", "all", "single", "prometheus", "api", "apps",
    "eventing", "automatestudio", "lb", "nsq", "es", "redis", "ceph-fs",
)  # fmt: skip
_MODE: Final = "engine"  # of every worker
_ORDER: Final[dict[str, Callable[[WorkerShown], Any]]] = {
    "createdTime": lambda one: (one.started_at, one.id),
    "terminatedTime": lambda one: (one.seen_at, one.id),
    "expireTime": lambda one: (one.started_at, one.id),  # none expires
}


class HostDetail(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """A worker. Only administrators see `agentLabel`, its name. `numEngines`: how many engines it offers.

    `drain`: it takes no work until it is resumed.
    """

    host_id: str
    agent_label: str | None = None
    is_active: bool = field(name="isActive")
    is_assigned: bool = field(name="isAssigned")
    is_engine: bool = field(name="isEngine")
    num_engines: int
    drain: bool
    drain_reason: str | None = None
    drain_detail: str | None = None
    run_modes: str
    created_date_time: str
    last_update_date_time: str


class HostStatus(msgspec.Struct, rename=spelled, kw_only=True):
    """`numEngineInstances`: how many engines the worker offers."""

    host_id: str
    num_engine_instances: int


class HostList(msgspec.Struct, kw_only=True):
    success: bool = True
    count: int
    limit: int
    offset: int
    result: list[HostDetail]


class HostsCounts(msgspec.Struct, rename=spelled, kw_only=True):
    active_physical_server: int
    active_virtual_server: int
    new_server: int
    terminated_server: int


class HostsCountsAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    counts: HostsCounts


class HostsCountByType(msgspec.Struct, rename=spelled, kw_only=True):
    type_name: str
    active_server_count: int
    new_server_count: int
    terminated_server_count: int


class HostsCountsByType(msgspec.Struct, kw_only=True):
    success: bool = True
    counts: list[HostsCountByType]


@answers(
    HostList,
    query={
        "isactive": bool,
        "drain": bool,
        "type": one_of(*_MODES),
        "serverType": str,
        "serverTypeID": Uuid,
        "ip": str,
        "startCreatedTime": UnixTime,
        "endCreatedTime": UnixTime,
        "startLastUpdateTime": UnixTime,
        "endLastUpdateTime": UnixTime,
        "startTerminatedTime": UnixTime,
        "endTerminatedTime": UnixTime,
        "startExpireTime": UnixTime,
        "endExpireTime": UnixTime,
        "orderBy": one_of(*_ORDER),
        "direction": Direction,
        **PAGE,
    },
)
async def list_hosts(call: Call) -> Reply:
    """GET hosts: a page of the workers that have reported within a day."""
    query = Query(call.query)
    tests = _tests(query)
    order = _ORDER[query.order(tuple(_ORDER))]
    offset, limit = query.page()
    descending = query.descending()
    query.finish()
    found = [one for one in await workers.list_(call.house, call.principal) if all(fits(one) for fits in tests)]
    found.sort(key=order, reverse=descending)
    page = [_detail(one) for one in found[offset : offset + limit]]
    return json(HostList(count=len(found), limit=limit, offset=offset, result=page))


@answers(HostDetail)
async def detail(call: Call) -> Reply:
    """GET host/{HostID}/detail: the host."""
    return json(_detail(await _host(call)))


@answers(HostStatus)
async def status(call: Call) -> Reply:
    """GET host/{HostID}/status: the status of the host."""
    found = await _host(call)
    return json(HostStatus(host_id=found.id, num_engine_instances=len(found.engines)))


@answers(HostsCountsAnswer, query={"startLastUpdateTime": UnixTime, "endLastUpdateTime": UnixTime})
async def counts(call: Call) -> Reply:
    """GET hosts/counts: the workers that report, that are new in the time range, and that no longer report."""
    active, new, gone = await _counted(call, Query(call.query))
    return json(
        HostsCountsAnswer(
            counts=HostsCounts(
                active_physical_server=active, active_virtual_server=0, new_server=new, terminated_server=gone
            )
        )
    )


@answers(
    HostsCountsByType,
    query={
        "type": one_of(*_MODES),
        "chartType": one_of("pie", "time_range"),
        "startLastUpdateTime": UnixTime,
        "endLastUpdateTime": UnixTime,
    },
)
async def counts_by_type(call: Call) -> Reply:
    """GET hosts/counts_by_type: the same, by the type of the host, which is engine for every worker."""
    query = Query(call.query)
    mode = query.word("type", _MODES)
    query.word("chartType", ("pie", "time_range"))
    active, new, gone = await _counted(call, query)
    row = HostsCountByType(
        type_name=_MODE, active_server_count=active, new_server_count=new, terminated_server_count=gone
    )
    return json(HostsCountsByType(counts=[row] if mode in {None, _MODE} else []))


async def _counted(call: Call, query: Query) -> tuple[int, int, int]:
    since, until = query.earliest("startLastUpdateTime"), query.latest("endLastUpdateTime")
    query.finish()
    found = await workers.list_(call.house, call.principal)
    within = [one for one in found if _between(one.seen_at, since, until)]
    active = sum(one.connected for one in within)
    return active, sum(_between(one.started_at, since, until) for one in within), len(within) - active


async def _host(call: Call) -> WorkerShown:
    text = call.id
    found = await workers.list_(call.house, call.principal)
    for one in found:
        if one.id == text.lower():
            return one
    raise refs.UUID.missing("Host", text)


def _tests(query: Query) -> list[Callable[[WorkerShown], bool]]:
    """Returns one test for each filter of the query. A worker has no type of server, no address and no end."""
    tests: list[Callable[[WorkerShown], bool]] = []
    if (active := query.boolean("isactive")) is not None:
        tests.append(lambda one: one.connected is active)
    if (drained := query.boolean("drain")) is not None:
        tests.append(lambda one: (one.drain is not None) is drained)
    impossible = query.word("type", _MODES) not in {None, _MODE}
    absent: list[object] = [query.text("serverType"), query.text("ip"), query.id("serverTypeID", *refs.UUID)]
    for name in ("Terminated", "Expire"):
        absent += [query.earliest(f"start{name}Time"), query.latest(f"end{name}Time")]
    if impossible or any(one is not None for one in absent):
        tests.append(lambda _: False)
    created = query.earliest("startCreatedTime"), query.latest("endCreatedTime")
    updated = query.earliest("startLastUpdateTime"), query.latest("endLastUpdateTime")
    tests.append(lambda one: _between(one.started_at, *created))
    tests.append(lambda one: _between(one.seen_at, *updated))
    return tests


def _between(at: int, since: int | None, until: int | None) -> bool:
    return (since is None or at >= since) and (until is None or at <= until)


def _detail(one: WorkerShown) -> HostDetail:
    return HostDetail(
        host_id=one.id,
        agent_label=one.name,
        is_active=one.connected,
        is_assigned=one.running > 0,
        is_engine=True,
        num_engines=len(one.engines),
        drain=one.drain is not None,
        drain_reason=one.drain and one.drain.reason,
        drain_detail=one.drain and one.drain.detail,
        run_modes=_MODE,
        created_date_time=times.rest(one.started_at),
        last_update_date_time=times.rest(one.seen_at),
    )
