"""The chain of seals over the audit rows: it shows a row that was changed, removed or inserted later.

A seal covers the rows after the previous seal. It keeps a digest of each row (so that a wrong row can be named), and
one hash over these digests, its own numbers and the hash of the previous seal. A person with write access to the
database can write a whole new chain; only a seal's hash that is kept elsewhere shows this.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, NamedTuple

import msgspec

from enginehouse.storage.audit.entries import EntryRow
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

BATCH: Final = 500  # rows under one seal
_SEALS: Final = 20  # seals read, or pruned, at a time


class Horizon(NamedTuple):
    """The id of the last row, the oldest running transaction, and the next one (the last two are 0 on SQLite)."""

    last_id: int
    oldest: int
    following: int


class Seal(NamedTuple):
    """A seal over the rows after the previous seal up to `last_id`. `digests` is None after the rows are pruned."""

    number: int
    last_id: int
    entries: int
    sealed_at: int
    hash: str
    digests: str | None


@dataclass(frozen=True, slots=True)
class SealFault:
    """The first difference from what was sealed: a row by its id, or a whole seal."""

    text: str
    seal: int
    entry_id: int | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """How many seals and rows were checked, and the first fault. `unsealed`: newer rows that no seal covers yet.

    `since` is when the last pruned seal was set (µs); None if nothing was ever pruned.
    """

    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    since: int | None = None
    last: Seal | None = None
    fault: SealFault | None = None


class OldSeal(NamedTuple):
    """A seal whose rows still exist."""

    number: int
    last_id: int
    sealed_at: int


_HORIZON: Final = Select("seals.horizon", Horizon)
_PAGE: Final = Select("seals.page", Seal)
_OLDEST: Final = Select("seals.oldest", OldSeal)
_ENTRIES: Final = Select("seals.entries", EntryRow)


async def horizon(tx: Tx) -> Horizon:
    [now] = await _HORIZON.all(tx)
    return now


async def prepare(tx: Tx, *, until: int, limit: int = BATCH) -> Seal | None:
    """Returns the next seal, over at most `limit` rows up to the id `until`; None if there are no rows to seal."""
    number, after, before = await tx.one("seals.last") or (0, 0, "")
    rows = await _ENTRIES.all(tx, after=after, until=until, limit=limit)
    if not rows:
        return None
    digests = "\n".join(f"{row.id} {digest(row)}" for row in rows)
    return sealed(Seal(number + 1, rows[-1].id, len(rows), tx.now, "", digests), before)


async def add(tx: Tx, seal: Seal) -> bool:
    """Stores the seal. Returns False if another server has stored this seal meanwhile."""
    return bool(
        await tx.run(
            "seals.insert",
            number=seal.number,
            last_id=seal.last_id,
            entries=seal.entries,
            sealed_at=seal.sealed_at,
            hash=seal.hash,
            digests=seal.digests,
        )
    )


async def prune(tx: Tx, *, before: int) -> int:
    """Deletes the rows of the oldest seals that were set before `before` (µs). Returns the number of these seals.

    The last of these seals stays, without digests: the chain begins there; the others are deleted. Rows that no seal
    covers are never pruned.
    """
    rows = await _OLDEST.all(tx, limit=_SEALS)
    old = list(takewhile(lambda seal: seal.sealed_at < before, rows))
    if old:
        number, last_id, _ = old[-1]
        await tx.run("seals.drop_entries", last_id=last_id)
        await tx.run("seals.empty", number=number)
        await tx.run("seals.drop_seals", number=number)
    return len(old)


async def verify(tx: Tx, *, kept: tuple[int, str] | None = None) -> Verified:
    """Compares every row with its seal, and every seal with the previous one, up to the first fault.

    `kept` is the number and the hash of a seal that a person has kept elsewhere.
    """
    chain = _Chain(kept)
    while seals := await _PAGE.all(tx, after=chain.number, limit=_SEALS):
        for seal in seals:
            fault = chain.fault_of(seal) or await _fault_in_rows(tx, seal, chain.last_id)
            if fault is not None:
                return Verified(chain.seals, chain.entries, 0, chain.since, chain.last, fault)
            chain.add(seal)
    [(unsealed,)] = await tx.all("seals.unsealed", after=chain.last_id)
    fault = chain.fault_at_end()
    return Verified(chain.seals, chain.entries, unsealed, chain.since, chain.last, fault)


class _Chain:
    """The seals that are checked so far, all of them correct."""

    def __init__(self, kept: tuple[int, str] | None) -> None:
        self.kept = kept
        self.last: Seal | None = None
        self.since: int | None = None
        self.seals = self.entries = 0

    @property
    def number(self) -> int:
        return self.last.number if self.last else 0

    @property
    def last_id(self) -> int:
        return self.last.last_id if self.last else 0

    def fault_of(self, seal: Seal) -> SealFault | None:
        """Returns what is wrong with the seal as the next one of the chain; None if it is correct."""
        if self.kept is not None and self.kept[0] == seal.number and self.kept[1] != seal.hash:
            return SealFault(
                f"seal {seal.number} is not the one that was kept: the chain was written anew", seal.number
            )
        if self.last is None and seal.digests is None:
            return None
        if seal.number != self.number + 1:
            return SealFault(f"the seals from {self.number + 1} to {seal.number - 1} are missing", self.number + 1)
        if seal.digests is None or sealed(seal, self.last.hash if self.last else "").hash != seal.hash:
            return SealFault(f"seal {seal.number}, or the one before it, was changed", seal.number)
        return None

    def add(self, seal: Seal) -> None:
        self.last = seal
        if seal.digests is None:
            self.since = seal.sealed_at
        else:
            self.seals += 1
            self.entries += seal.entries

    def fault_at_end(self) -> SealFault | None:
        if self.kept is not None and self.kept[0] > self.number:
            return SealFault(f"the seals from {self.number + 1} to {self.kept[0]} are missing", self.number + 1)
        return None


async def _fault_in_rows(tx: Tx, seal: Seal, after: int) -> SealFault | None:
    """Returns the first row of the seal that was changed, removed or inserted."""
    kept = dict(lines(seal.digests or ""))
    # One row more than the seal covers is enough to show an insertion.
    rows = await _ENTRIES.all(tx, after=after, until=seal.last_id, limit=len(kept) + 1)
    found = {row.id: digest(row) for row in rows}
    for entry_id in sorted(kept.keys() | found.keys()):
        match kept.get(entry_id), found.get(entry_id):
            case None, _:
                return SealFault(f"entry {entry_id} was put in after its time was sealed", seal.number, entry_id)
            case _, None:
                return SealFault(f"entry {entry_id} was removed", seal.number, entry_id)
            case was, now if was != now:
                return SealFault(f"entry {entry_id} was changed", seal.number, entry_id)
    return None


def lines(digests: str) -> Iterator[tuple[int, str]]:
    """Yields the id and the digest of each row under a seal."""
    for line in digests.splitlines():
        entry_id, _, digest = line.partition(" ")
        yield int(entry_id), digest


def digest(row: Sequence[object]) -> str:
    """Returns 128 bits of the SHA-256 of the row: its columns in order, as JSON."""
    return b64encode(hashlib.sha256(_encode(row)).digest()[:16], b"-_").decode().rstrip("=")


def sealed(seal: Seal, before: str) -> Seal:
    """Returns the seal with its hash, over all its fields and the hash of the previous seal."""
    told = "\n".join(
        (before, str(seal.number), str(seal.last_id), str(seal.entries), str(seal.sealed_at), seal.digests or "")
    )
    hashed = hashlib.sha256(told.encode()).hexdigest()
    return Seal(seal.number, seal.last_id, seal.entries, seal.sealed_at, hashed, seal.digests)


_encode: Final = msgspec.json.Encoder().encode
