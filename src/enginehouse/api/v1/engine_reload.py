"""The reload of the installed engines under `/api/v1/engine-reload`."""

import msgspec

from enginehouse.api.http.call import Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.api.v1.envelope import Result, result
from enginehouse.operations import engine_reload
from enginehouse.operations.engine_reload import ServerReload


class ServerReloadView(msgspec.Struct, rename=spelled, kw_only=True):
    """A server: whether it has done the reload, how many installed engines it has, and what is new, changed or gone.

    `problems` are sentences about installed engines that it does not use.
    """

    worker_id: str
    name: str
    reloaded: bool
    engines: int
    added: list[str]
    changed: list[str]
    removed: list[str]
    problems: list[str]


class EngineReloadView(msgspec.Struct, rename=spelled, kw_only=True):
    """The last reload by its number, 0 before the first, and the servers that run installed engines."""

    number: int
    servers: list[ServerReloadView]


@answers(Result[EngineReloadView])
async def start(call: Call) -> Reply:
    """POST engine-reload: every server reads its installed engines again. A GET says how far they are."""
    Query(call.query).finish()
    await engine_reload.start(call.house, call.principal)
    return await _shown(call)


@answers(Result[EngineReloadView])
async def get(call: Call) -> Reply:
    """GET engine-reload: how far each server is with the last reload, and what it has found."""
    Query(call.query).finish()
    return await _shown(call)


async def _shown(call: Call) -> Reply:
    number, servers = await engine_reload.servers(call.house, call.principal)
    return result(EngineReloadView(number=number, servers=[_view(server) for server in servers]))


def _view(server: ServerReload) -> ServerReloadView:
    report = server.report
    return ServerReloadView(
        worker_id=server.worker_id,
        name=server.name,
        reloaded=server.is_done,
        engines=report.engines,
        added=[*report.added],
        changed=[*report.changed],
        removed=[*report.removed],
        problems=[*report.problems],
    )
