"""What asyncpg knows of the types of arrays.

It asks every new connection, which was a quarter of what PostgreSQL does in the tests.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
from asyncpg import Connection

_OWN: Final = 16_384  # the first number of a type that does not come with PostgreSQL, and may differ between databases

Found = tuple[Any, Any]
LookUp = Callable[[Any, Collection[int], float], Awaitable[Found]]


@dataclass(frozen=True)
class _NoStatement:
    """Says to asyncpg that the connection still has the statement that it is about to execute."""

    name: str = "none"


def remembered(look_up: LookUp) -> LookUp:
    """Returns a look-up that asks once for types that every database has."""
    known: dict[frozenset[int], Any] = {}

    async def look(connection: Any, types: Collection[int], timeout: float) -> Found:  # noqa: ASYNC109 - asyncpg's own
        wanted = frozenset(types)
        if wanted in known:
            return known[wanted], _NoStatement()
        found, statement = await look_up(connection, types, timeout)
        if max(wanted) < _OWN:
            known[wanted] = found
        return found, statement

    return look


@contextmanager
def shared() -> Iterator[None]:
    """Inside the block the connections of this process share what they know."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "_introspect_types", remembered(Connection._introspect_types))
        yield
