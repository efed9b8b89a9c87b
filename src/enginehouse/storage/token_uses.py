"""When tokens were used last, in storage: a coarse time, which changes at most once an hour."""

from collections.abc import Mapping
from typing import Final

from enginehouse.domain.times import SECOND
from enginehouse.storage.database.database import Tx

EXACT: Final = 3_600 * SECOND  # a use that is no later than this after the stored one is not stored


async def note(tx: Tx, uses: Mapping[str, int]) -> None:
    """The tokens were used at these times (µs), unless an earlier use of the same hour is stored."""
    await tx.many("identity.note_uses", [(token_id, at, at - EXACT) for token_id, at in sorted(uses.items())])
