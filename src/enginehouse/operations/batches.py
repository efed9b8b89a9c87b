"""Knows how the creates of concurrent clients share a transaction, and that none waits long for another's key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from enginehouse.domain.errors import KeyInProgress, Refusal
from enginehouse.storage.database.database import Contended, Database, Tx
from enginehouse.storage.jobs import keyed_creation
from enginehouse.storage.jobs.creation import Creation
from enginehouse.storage.jobs.keyed_creation import Made
from enginehouse.storage.jobs.plans import Plans

PATIENCE: Final = 2.0
"""Seconds that a request waits for an earlier one with the same key, on another server, to end."""
_HARDLY: Final = 0.05


@dataclass(frozen=True, slots=True)
class Creator:
    """What the coalescer of creates calls."""

    database: Database
    plans: Plans

    async def create(self, creations: Sequence[Creation]) -> Sequence[Made | Exception]:
        """All of them are stored in one transaction; one that is refused touches no other.

        Where another server is about to store one of the keys and does not end, they are stored one by one instead, and
        who carries that key is answered KeyInProgress.
        """
        keyed = any(creation.key is not None for creation in creations)
        try:
            return await self._store(creations, PATIENCE if keyed else None)
        except Contended:
            return [KeyInProgress()] if len(creations) == 1 else await self._apart(creations)

    async def _apart(self, creations: Sequence[Creation]) -> list[Made | Exception]:
        answers: dict[int, Made | Exception] = {}
        plain = [n for n, creation in enumerate(creations) if creation.key is None]
        if plain:
            stored = await self._store([creations[n] for n in plain], None)
            answers.update(zip(plain, stored, strict=True))
        for n, creation in enumerate(creations):
            if creation.key is not None:
                try:
                    # All have waited already; the key that holds them up is found without waiting for it again.
                    [answers[n]] = await self._store([creation], _HARDLY)
                except Contended:
                    answers[n] = KeyInProgress()
                except Exception as error:  # the others are stored: they must not be sent again because of this one
                    answers[n] = error
        return [answers[n] for n in range(len(creations))]

    async def _store(self, creations: Sequence[Creation], patience: float | None) -> Sequence[Made | Refusal]:
        async def make(tx: Tx) -> list[Made | Refusal]:
            return await keyed_creation.create(tx, self.plans, creations)

        return await self.database.write_work(make, patience=patience)
