"""Compares some audit entries, as a page shows them, with the seals over them."""

from collections.abc import Sequence
from typing import Final

from enginehouse.domain.audit import RecordedEntry, SealState
from enginehouse.storage.audit.entries import EntryRow
from enginehouse.storage.audit.seals import Seal, digest, lines, sealed
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_LAST: Final = Select("seals.last_seal", Seal)
_OVER: Final = Select("seals.over", Seal)


async def last(tx: Tx) -> Seal | None:
    """Returns the newest seal."""
    return await _LAST.one(tx)


async def states(tx: Tx, entries: Sequence[RecordedEntry]) -> dict[int, SealState]:
    """Returns whether each entry is as it was sealed, by its number. The chain as a whole is not compared."""
    if not entries:
        return {}
    over = await _OVER.all(tx, ids=[entry.id for entry in entries])
    before: dict[int, str] = (
        dict(await tx.all("seals.hashes", numbers=[seal.number - 1 for seal in over])) if over else {}
    )
    digests = dict[int, str]()
    newest = max((seal.last_id for seal in over), default=0)
    for seal in over:
        if sealed(seal, before.get(seal.number - 1, "")).hash == seal.hash:
            digests |= dict(lines(seal.digests or ""))
    return {entry.id: _state(entry, newest, digests) for entry in entries}


def _state(entry: RecordedEntry, newest: int, digests: dict[int, str]) -> SealState:
    if entry.id > newest:
        return SealState.UNSEALED
    return SealState.SEALED if digests.get(entry.id) == digest(_row(entry)) else SealState.CHANGED


def _row(entry: RecordedEntry) -> EntryRow:
    return EntryRow(
        entry.id, entry.at, entry.organization_id, entry.user_id, entry.user_name, entry.token_id, entry.client_ip,
        entry.user_agent, entry.event, entry.object_type, entry.object_id, int(entry.success), entry.correlation_id,
        entry.detail,
    )  # fmt: skip
