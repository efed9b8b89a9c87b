"""Which engines the organizations may use, in storage."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from enginehouse.domain.engine import BLACKLIST, WHITELIST, EngineAccess
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class AccessRow(NamedTuple):
    """An engine on a list of an organization."""

    organization_id: int
    kind: str
    engine_id: str


_ALL: Final = Select("engine_access.all", AccessRow)


async def add(tx: Tx, organization_id: int, kind: str, engine_ids: Iterable[str]) -> None:
    """The engines are on the organization's list."""
    await tx.many("engine_access.add", [(organization_id, kind, engine_id) for engine_id in sorted(engine_ids)])


async def remove(tx: Tx, organization_id: int, kind: str, engine_ids: Iterable[str]) -> None:
    """The engines are not on the organization's list."""
    for engine_id in sorted(engine_ids):
        await tx.run("engine_access.remove", organization_id=organization_id, kind=kind, engine_id=engine_id)


async def all_(tx: Tx) -> dict[int, EngineAccess]:
    """Returns the lists of every organization that has one."""
    lists = defaultdict[int, dict[str, list[str]]](lambda: {WHITELIST: [], BLACKLIST: []})
    for row in await _ALL.all(tx):
        lists[row.organization_id][row.kind].append(row.engine_id)
    return {
        number: EngineAccess(whitelist=frozenset(named[WHITELIST]), blacklist=frozenset(named[BLACKLIST]))
        for number, named in lists.items()
    }
