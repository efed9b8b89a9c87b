"""Stores the creates of many callers together, each with its own key and its own result."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import structs

from enginehouse.domain.errors import KeyReused, Refusal
from enginehouse.storage import idempotency
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.idempotency import Keyed, Known, Name
from enginehouse.storage.jobs import creation as job_creation
from enginehouse.storage.jobs.new_jobs import Creation
from enginehouse.storage.jobs.plans import Plans


class Made(msgspec.Struct, frozen=True, gc=False):
    """What one creation was answered: the ids of its jobs, each with its target's, and the warnings told with them.

    `replayed`: an earlier request with the same key made them, and this one nothing.
    """

    ids: list[tuple[int, int | None]]
    warnings: Sequence[tuple[str, ...]]
    replayed: bool = False


async def create(tx: Tx, plans: Plans, creations: Sequence[Creation]) -> list[Made | Refusal]:
    """All jobs of all creations exist, whole. One whose key was taken before makes nothing: it gets the same answer.

    One whose key was taken for something else is answered KeyReused; neither touches the others.
    """
    keyed = [creation.key for creation in creations if creation.key is not None]
    if not keyed:
        return list(await _make(tx, plans, creations))
    known = await idempotency.take(tx, keyed, tx.now)
    fresh = list(_fresh(creations, known))
    made = dict(zip(fresh, await _make(tx, plans, [creations[n] for n in fresh]), strict=True))
    texts: dict[Name, str] = {}
    for n, answer in made.items():
        if (key := creations[n].key) is not None:
            texts[key.name] = _encode(answer).decode()
            known[key.name] = Known(key.request_hash, texts[key.name], tx.now)
    await idempotency.answer(tx, texts)
    return [
        made[n] if creation.key is None or n in made else _again(creation.key, known)
        for n, creation in enumerate(creations)
    ]


def _fresh(creations: Sequence[Creation], known: dict[Name, Known]) -> Iterator[int]:
    """The places of those that are to be made: without a key, or the first with one that was free."""
    taken = set(known)
    for n, creation in enumerate(creations):
        if creation.key is None:
            yield n
        elif creation.key.name not in taken:
            taken.add(creation.key.name)
            yield n


async def _make(tx: Tx, plans: Plans, creations: Sequence[Creation]) -> list[Made]:
    together = [job for creation in creations for job in creation.jobs]
    if not together:
        return [Made([], ()) for _ in creations]
    ids = await job_creation.create(tx, plans, together)
    made, first = list[Made](), 0
    for creation in creations:
        count = len(creation.jobs)
        made.append(Made(ids[first : first + count], creation.warnings or ((),) * count))
        first += count
    await entries.record(
        tx,
        [
            entry.about(job_id)
            for creation, answer in zip(creations, made, strict=True)
            if creation.entries
            for entry, (job_id, _) in zip(creation.entries, answer.ids, strict=True)
        ],
    )
    return made


def _again(key: Keyed, known: dict[Name, Known]) -> Made | Refusal:
    try:
        return kept(known[key.name].answer_to(key))
    except KeyReused as refused:
        return refused


def kept(answer: str) -> Made:
    """The answer as it was kept with its key."""
    return structs.replace(_decode(answer), replayed=True)


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Made).decode
