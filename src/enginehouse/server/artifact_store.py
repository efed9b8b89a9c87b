"""The artifact store of a server: it is opened, bound to the database, and at the end the logs that wait are stored."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from enginehouse.artifacts.place import PlaceError, open_store
from enginehouse.artifacts.store import ArtifactStore
from enginehouse.domain.errors import Unavailable
from enginehouse.domain.store_errors import StoreUnavailable


@asynccontextmanager
async def opened(
    bind: Callable[[ArtifactStore], Awaitable[str]], place: str, local: Path, *, cache_bytes: int
) -> AsyncIterator[tuple[ArtifactStore, str]]:
    """Yields the store in this place, and the id that `bind` returns. Raises Unavailable if it cannot be used.

    A store that is away at the end keeps its logs on this machine, and the next start stores them.
    """
    try:
        store = open_store(place, local, cache_bytes=cache_bytes)
    except PlaceError as error:
        raise Unavailable(f"{error}.") from None
    try:
        try:
            id_ = await bind(store)
        except StoreUnavailable as away:
            text = f"The store {store.place} cannot be used: {away.reason}. Check its name, and the variables AWS_*."
            raise Unavailable(text) from None
        yield store, id_
        with suppress(StoreUnavailable):
            while await store.flush():
                pass
    finally:
        store.close()
