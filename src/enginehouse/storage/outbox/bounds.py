"""The bound on what waits: an organization whose receivers are away must not fill the database."""

from typing import Final

from enginehouse.storage.database.database import Tx

TOO_MANY: Final = (
    "Given up: too many bytes of the organization's messages wait. Send it again when the receiver is back."
)


async def give_up(tx: Tx, *, most: int, limit: int) -> bool:
    """Gives up the oldest waiting messages of each organization that has more than `most` bytes of them.

    `limit` is how many of each at a time. Returns True if some organization had too many.
    """
    now = await tx.read_clock()
    heavy = await tx.all("outbox.heavy", most=most)
    for organization_id, size in heavy:
        excess, ids = int(size) - most, list[int]()
        for number, bytes_ in await tx.all("outbox.oldest_waiting", organization_id=organization_id, limit=limit):
            if excess <= 0:
                break
            excess -= bytes_
            ids.append(number)
        await tx.run("outbox.give_up", ids=ids, now=now, answer=TOO_MANY)
    return bool(heavy)
