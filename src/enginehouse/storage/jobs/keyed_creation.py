"""Stores the creations of many callers together, each with its own idempotency key and its own result."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import structs

from enginehouse.domain.errors import KeyReused, Refusal
from enginehouse.storage import idempotency, token_quotas
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.idempotency import KeyName, RequestKey, StoredAnswer
from enginehouse.storage.jobs import creation as job_creation
from enginehouse.storage.jobs.new_jobs import Creation
from enginehouse.storage.jobs.plans import Plans


class CreateAnswer(msgspec.Struct, frozen=True, gc=False):
    """The result of one creation: the ids of its jobs, each with its target's id, and the warnings for each.

    `replayed`: an earlier request with the same key created them, and this request created nothing.
    """

    ids: list[tuple[int, int | None]]
    warnings: Sequence[tuple[str, ...]]
    replayed: bool = False


async def create(tx: Tx, plans: Plans, creations: Sequence[Creation]) -> list[CreateAnswer | Refusal]:
    """Creates all jobs of all creations, whole. A creation with a known key creates nothing and gets the stored answer.

    A creation whose key was used for another request gets KeyReused. Neither affects the other creations. One over the
    quota of its token raises its refusal, so that the transaction changes nothing, and the others are sent again.
    """
    keys = [creation.key for creation in creations if creation.key is not None]
    if not keys:
        return list(await _make(tx, plans, creations))
    answers = await idempotency.take(tx, keys, tx.now)
    fresh = list(_fresh(creations, answers))
    created = dict(zip(fresh, await _make(tx, plans, [creations[n] for n in fresh]), strict=True))
    texts: dict[KeyName, str] = {}
    for n, answer in created.items():
        if (key := creations[n].key) is not None:
            texts[key.name] = _encode(answer).decode()
            answers[key.name] = StoredAnswer(key.request_hash, texts[key.name], tx.now)
    await idempotency.answer(tx, texts)
    return [
        created[n] if creation.key is None or n in created else _again(creation.key, answers)
        for n, creation in enumerate(creations)
    ]


def _fresh(creations: Sequence[Creation], answers: dict[KeyName, StoredAnswer]) -> Iterator[int]:
    """Yields the positions of the creations to carry out: without a key, or the first with a free key."""
    taken = set(answers)
    for n, creation in enumerate(creations):
        if creation.key is None:
            yield n
        elif creation.key.name not in taken:
            taken.add(creation.key.name)
            yield n


async def _make(tx: Tx, plans: Plans, creations: Sequence[Creation]) -> list[CreateAnswer]:
    for creation in creations:
        if creation.quota is not None:
            await token_quotas.take_tasks(tx, creation.quota, sum(job.total for job in creation.jobs))
    together = [job for creation in creations for job in creation.jobs]
    if not together:
        return [CreateAnswer([], ()) for _ in creations]
    ids = await job_creation.create(tx, plans, together)
    answers, first = list[CreateAnswer](), 0
    for creation in creations:
        count = len(creation.jobs)
        answers.append(CreateAnswer(ids[first : first + count], creation.warnings or ((),) * count))
        first += count
    await entries.record(
        tx,
        [
            entry.about(job_id)
            for creation, answer in zip(creations, answers, strict=True)
            if creation.entries
            for entry, (job_id, _) in zip(creation.entries, answer.ids, strict=True)
        ],
    )
    return answers


def _again(key: RequestKey, answers: dict[KeyName, StoredAnswer]) -> CreateAnswer | Refusal:
    try:
        return stored(answers[key.name].answer_to(key))
    except KeyReused as refused:
        return refused


def stored(answer: str) -> CreateAnswer:
    """Returns the answer that was stored with its key."""
    return structs.replace(_decode(answer), replayed=True)


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(CreateAnswer).decode
