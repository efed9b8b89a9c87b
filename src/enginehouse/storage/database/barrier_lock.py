"""The lock between a transaction that starts work and one that forbids it: neither commits inside the other.

Whoever starts work, or notes that a job can be cancelled, holds it shared from the first statement to the commit:
`Database.write_work` takes it. Whoever forbids work (a bulk cancel, a pause, a limit) holds it alone.
"""

from typing import Final

from enginehouse.storage.database.database import Tx

NAME: Final = "barrier"


def require_shared(tx: Tx) -> None:
    """Raises RuntimeError unless the transaction holds the lock shared, as every one of `Database.write_work` does."""
    if not tx.under_barrier:
        raise RuntimeError("This starts work or may make a job cancellable: call it in Database.write_work.")


async def take_exclusive(tx: Tx) -> None:
    """Every transaction that starts work is committed before this statement ends, or begins after this commit.

    The lock is a statement of its own, so that the next one sees what was committed while it was waited for. Raises
    RuntimeError in a transaction of `write_work`: two that hold the lock shared would wait for each other.
    """
    if tx.under_barrier:
        raise RuntimeError("A transaction of Database.write_work cannot hold the barrier lock alone.")
    await tx.lock(NAME)
