"""The lock between transactions that start work and those that forbid it: neither kind commits during the other.

A transaction that starts work, or that marks a job as cancellable, holds the lock shared from its first statement to
its commit; `Database.write_work` takes it. A transaction that forbids work (a bulk cancel, a pause, a limit) holds the
lock exclusively.
"""

from typing import Final

from enginehouse.storage.database.database import Tx

NAME: Final = "barrier"


def require_shared(tx: Tx) -> None:
    """Raises RuntimeError unless the transaction holds the lock shared, as in `Database.write_work`."""
    if not tx.under_barrier:
        raise RuntimeError("This starts work or may make a job cancellable: call it in Database.write_work.")


async def take_exclusive(tx: Tx) -> None:
    """Every transaction that starts work is committed before this statement ends, or begins after this commit.

    The lock is a separate statement, so that the next statement sees what was committed during the wait. Raises
    RuntimeError in a transaction of `write_work`: two that hold the lock shared would wait for each other.
    """
    refuse_shared(tx)
    await tx.lock(NAME)


def refuse_shared(tx: Tx) -> None:
    """Raises RuntimeError if the transaction holds the lock shared, so that it must not wait for all others."""
    if tx.under_barrier:
        raise RuntimeError("A transaction of Database.write_work cannot hold the barrier lock alone.")
