"""The jobs of an act on many jobs, in batches that one transaction changes. Each batch has its turn once."""

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.bulk_acts import Act, SkipReason
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

# Jobs of one transaction. While it runs, claims and creations wait on SQLite, and claims wait for a pause on both.
SIZES: Final = {Act.CANCEL: 500, Act.STOP: 200, Act.RETRY: 50, Act.PAUSE: 250, Act.RESUME: 250}


class ActBatch(NamedTuple):
    """A batch that this transaction has taken."""

    first_id: int
    ids: list[int]


class _BatchRow(NamedTuple):
    """A stored batch."""

    first_id: int
    ids: str


_TAKE: Final = Select("bulk_acts.take", _BatchRow)


async def insert(tx: Tx, act_id: int, ids: Sequence[int], size: int) -> None:
    """The act is about these jobs, whose ids rise."""
    chunks = [ids[start : start + size] for start in range(0, len(ids), size)]
    await tx.many("bulk_acts.insert_batches", [(act_id, chunk[0], pack(chunk)) for chunk in chunks])


async def take(tx: Tx, act_id: int) -> ActBatch | None:
    """Returns the next batch that no other server works on, None if there is none."""
    row = await _TAKE.one(tx, act_id=act_id)
    return None if row is None else ActBatch(row.first_id, unpack(row.ids))


async def done(
    tx: Tx, act_id: int, batch: ActBatch, applied: Sequence[int], skips: Sequence[tuple[int, SkipReason]]
) -> None:
    """The batch has had its turn: these jobs are changed, those were left alone. It never has another one."""
    await tx.run("bulk_acts.done", act_id=act_id, first_id=batch.first_id, applied=pack(applied))
    numbers = Counter(reason for _, reason in skips)
    examples = {reason: job_id for job_id, reason in reversed(skips)}
    await tx.many(
        "bulk_acts.add_skips", [(act_id, reason.value, numbers[reason], examples[reason]) for reason in sorted(numbers)]
    )
    await tx.run("bulk_acts.add", id=act_id, applied=len(applied), skipped=len(skips))


async def split(tx: Tx, act_id: int, batch: ActBatch) -> None:
    """The batch is two, each with half of its jobs."""
    middle = len(batch.ids) // 2
    left, right = batch.ids[:middle], batch.ids[middle:]
    if await tx.run("bulk_acts.shorten", act_id=act_id, first_id=batch.first_id, ids=pack(left)):
        await tx.many("bulk_acts.insert_batches", [(act_id, right[0], pack(right))])


async def give_up(tx: Tx, act_id: int) -> None:
    """Jobs of the act that have not had their turn will have none."""
    await tx.run("bulk_acts.give_up", id=act_id)


async def copy_applied(tx: Tx, undo_of: int, act_id: int) -> None:
    """The act is about exactly the jobs that the other one has changed."""
    await tx.run("bulk_acts.copy_applied", undo_of=undo_of, id=act_id)


async def prune(tx: Tx, act_id: int, *, limit: int) -> int:
    """Deletes some of the batches of an act. Returns how many."""
    first_ids = [first_id for (first_id,) in await tx.all("bulk_acts.old_batches", id=act_id, limit=limit)]
    if first_ids:
        await tx.run("bulk_acts.delete_batches", id=act_id, first_ids=first_ids)
    return len(first_ids)


def pack(ids: Sequence[int]) -> str:
    """Returns ids that rise as JSON: the first one, and the distance of each other one from the one before."""
    return msgspec.json.encode([*ids[:1], *(b - a for a, b in pairwise(ids))]).decode()


def unpack(text: str) -> list[int]:
    """Returns the ids."""
    return list(accumulate(msgspec.json.decode(text, type=list[int])))
