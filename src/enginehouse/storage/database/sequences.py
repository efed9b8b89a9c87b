"""Rising ids: every kind of object with a number as its id reserves it here."""

from typing import Final

from enginehouse.storage.database.database import Tx

_BEFORE_FIRST: Final = 100_000  # the first id has six digits, as clients expect


async def reserve(tx: Tx, kind: str, count: int = 1) -> int:
    """Returns the first of `count` consecutive ids for one kind of object: `schedule`, `source` …"""
    [(last,)] = await tx.all("sequences.reserve", name=f"last_{kind}_id", before_first=_BEFORE_FIRST, count=count)
    return int(last) - count + 1
