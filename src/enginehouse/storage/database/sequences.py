"""Rising numbers of organizations' things: every noun whose id is a number takes it here."""

from typing import Final

from enginehouse.storage.database.database import Tx

_BEFORE_FIRST: Final = 100_000  # ids have six digits from the first one on, as clients know them


async def reserve(tx: Tx, kind: str, count: int = 1) -> int:
    """The first of `count` rising ids in a row for one kind of thing: `schedule`, `source` …"""
    [(last,)] = await tx.all("sequences.reserve", name=f"last_{kind}_id", before_first=_BEFORE_FIRST, count=count)
    return int(last) - count + 1
