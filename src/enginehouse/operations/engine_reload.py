"""Reloads the installed engines: every server of the database reads again what is installed on its machine."""

from typing import NamedTuple

from enginehouse.domain.engine_reload import ReloadReport
from enginehouse.domain.identity import Principal
from enginehouse.domain.work import REMOTE
from enginehouse.operations import workers
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require_super_admin
from enginehouse.storage import server_facts
from enginehouse.storage import workers as stored_workers
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx


class ServerReload(NamedTuple):
    """A server and what it has found. `is_done`: it has done the last reload."""

    worker_id: str
    name: str
    report: ReloadReport
    is_done: bool


@trail.mutation("reloadEngines", "Engine")
async def start(house: House, principal: Principal) -> int:
    """Every server reads its installed engines again. Returns the number of the reload; see `servers`.

    What runs ends with the engine with which it began. Only for super administrators, because engines serve all
    organizations. Raises NotAllowed.
    """
    require_super_admin(principal)
    entry = trail.entry(principal, "reloadEngines", object_type="Engine")

    async def begin(tx: Tx) -> int:
        number = await server_facts.next_engine_reload(tx)
        await entries.record(tx, [entry.about(str(number))])
        return number

    number = await house.database.write(begin)
    house.listeners.reload()
    return number


async def last(house: House) -> int:
    """Returns the number of the last reload. For servers."""
    return await house.database.glance(server_facts.engine_reload)


async def servers(house: House, principal: Principal) -> tuple[int, list[ServerReload]]:
    """Returns the number of the last reload, and how far the connected servers are with it. Raises NotAllowed.

    If all have done it, this server knows what they have found. A server without a worker slot runs nothing, and is not
    among them; nor are workers on other machines.
    """
    require_super_admin(principal)

    async def read(tx: Tx) -> tuple[int, list[ServerReload]]:
        now, number = await tx.read_clock(), await server_facts.engine_reload(tx)
        return number, [
            ServerReload(workers.worker_id(each.name), each.name, each.reload, each.reload.revision >= number)
            for each in await stored_workers.all_(tx)
            if each.reload is not None and each.connected(now) and not each.name.startswith(REMOTE)
        ]

    number, found = await house.database.read(read)
    if all(server.is_done for server in found):
        await workers.look(house)
    return number, found
