"""Compares some audit entries, as a page shows them, with the seals over them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.audit import RecordedEntry, SealState
from enginehouse.storage.audit.entries import EntryRow
from enginehouse.storage.audit.seals import Seal, digest, lines, sealed
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class SealOver(NamedTuple):
    """A seal, with the hash of the one before it; None if that is gone or there is none."""

    number: int
    last_id: int
    entries: int
    sealed_at: int
    hash: str
    digests: str | None
    before: str | None


_OVER: Final = Select("seals.over", SealOver)


async def states(tx: Tx, entries: Sequence[RecordedEntry]) -> tuple[Seal | None, dict[int, SealState]]:
    """Returns the newest seal, and whether each entry is as it was sealed, by its number.

    The chain as a whole is not compared.
    """
    over = await _OVER.all(tx, ids=[entry.id for entry in entries])
    newest, digests = max(over, default=None), dict[int, str]()
    for row in over:
        seal = Seal(*row[:-1])
        if sealed(seal, row.before or "").hash == seal.hash:
            digests |= dict(lines(seal.digests or ""))
    sealed_to = 0 if newest is None else newest.last_id
    found = {entry.id: _state(entry, sealed_to, digests) for entry in entries}
    return None if newest is None else Seal(*newest[:-1]), found


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
