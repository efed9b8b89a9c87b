"""Whether a server can do its work: its database, its clock, the store of the bytes. Each problem is a sentence."""

import asyncio
import os
import time
from typing import Final

from enginehouse.domain.errors import NotFound, Unavailable
from enginehouse.domain.store_errors import StoreUnavailable
from enginehouse.operations import storage_clock
from enginehouse.operations.house import House

_CLOCK_EVERY: Final = 60.0  # seconds; a look at the clock reads every waiting item
_STORE_EVERY: Final = 5.0
_PATIENCE: Final = 4.0  # seconds that a part may take to answer
_NOTHING: Final = "readiness"  # a key under which there are no bytes


class Checks:
    """Looks at the parts of a house, at the dear ones not each time."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._clock_at = self._store_at = float("-inf")
        self._advice: str | None = None
        self._store: str | None = None

    async def database(self) -> str | None:
        """Returns what is wrong with the database or its clock; None if nothing is."""
        database = self._house.database
        try:
            async with asyncio.timeout(_PATIENCE):
                if time.monotonic() - self._clock_at > _CLOCK_EVERY:
                    self._advice = (await storage_clock.inspect(database)).advice
                    self._clock_at = time.monotonic()
                else:
                    await database.glance(lambda tx: tx.one("server_facts.by_name", name=""))
        except Unavailable as unavailable:
            return unavailable.message
        except TimeoutError:
            return f"The database has not answered within {_PATIENCE:g} seconds."
        return self._advice

    async def store(self) -> str | None:
        """Returns what is wrong with the store of the bytes; None if nothing is."""
        if self._store is None and time.monotonic() - self._store_at <= _STORE_EVERY:
            return None
        self._store = await self._look_at_store()
        self._store_at = time.monotonic()
        return self._store

    async def _look_at_store(self) -> str | None:
        store = self._house.store
        try:
            async with asyncio.timeout(_PATIENCE):
                await store.stat(_NOTHING)
        except NotFound:
            pass  # it answers
        except StoreUnavailable as unavailable:
            return unavailable.message
        except TimeoutError:
            return f"The store {store.place} has not answered within {_PATIENCE:g} seconds."
        folder = store.scratch()
        if not await asyncio.to_thread(os.access, folder, os.W_OK | os.X_OK):
            return f"The folder {folder} for unfinished files is gone, or the server may not write there."
        return None
