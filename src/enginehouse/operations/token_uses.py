"""Notes which tokens are used, so that a forgotten one can be found: in memory, and stored once a minute.

A request costs nothing more while the stored use is not an hour old. Another server knows of a use after the store, and
after a crash those of the last minute are not known.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.identity import Token, TokenHolder
from enginehouse.storage import token_uses as storage
from enginehouse.storage.database.database import Database

SECONDS: Final = 60.0
_MOST: Final = 100_000  # tokens in memory


class TokenUses:
    """The uses that are not stored yet: the last moment (µs) of each token, by its id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[str, int] = {}

    def note(self, holder: TokenHolder) -> None:
        """The token is used now. It is stored later, unless a use within the hour is."""
        stale = holder.used_at is None or holder.now - holder.used_at >= storage.EXACT
        if stale and len(self._noted) < _MOST:
            self._noted[holder.principal.token_id] = holder.now

    def shown(self, tokens: Iterable[Token]) -> list[Token]:
        """Returns the tokens with their last uses, also those that are only noted here."""
        noted = self._noted
        return [replace(one, used_at=noted[one.id]) if one.id in noted else one for one in tokens]

    async def store(self) -> None:
        """Everything that was noted is stored. What the database does not take now, it gets the next time."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            await self._database.write(lambda tx: storage.note(tx, noted))
        except Unavailable:
            self._noted = noted | self._noted
