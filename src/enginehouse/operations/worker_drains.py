"""Drains workers: what runs there ends in peace, and nothing new starts, also after a restart, until it is resumed."""

from typing import Final

from enginehouse.domain.errors import NotFound, Problem, unknown_word
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import parse_uuid
from enginehouse.domain.work import Worker
from enginehouse.operations import bounds, workers
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require_super_admin
from enginehouse.storage import workers as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

WORKER: Final = "Worker"
REASONS: Final = ("none", "controller", "expiration", "spot", "user", "hardware", "other", "scaling")


@trail.mutation("drainWorker", WORKER, names="worker_id")
async def drain(
    house: House, principal: Principal, worker_id: str, *, reason: str | None = None, detail: str | None = None
) -> None:
    """Nothing more starts on the worker from this commit on. Its running attempts end as usual.

    It holds for every process that is the worker after a restart. Only for super administrators, because workers serve
    all organizations. Raises NotAllowed, NotFound, InvalidInput.
    """
    require_super_admin(principal)
    problems: list[Problem] = bounds.text("detail", detail)
    if reason is not None and reason not in REASONS:
        problems.append(unknown_word("reason", reason, REASONS))
    bounds.refuse(problems)
    entry = trail.entry(principal, "drainWorker", object_type=WORKER, object_id=worker_id, detail=detail or reason)

    async def write(tx: Tx) -> None:
        found = await worker_with(tx, worker_id)
        await storage.drain(tx, found.name, reason=reason, detail=detail)
        await entries.record(tx, [entry])

    await house.database.write(write)
    await workers.look(house)


@trail.mutation("resumeWorker", WORKER, names="worker_id")
async def resume(house: House, principal: Principal, worker_id: str) -> None:
    """The worker takes work again, within a beat if another server runs it. Raises NotAllowed, NotFound."""
    require_super_admin(principal)
    entry = trail.entry(principal, "resumeWorker", object_type=WORKER, object_id=worker_id)

    async def write(tx: Tx) -> None:
        found = await worker_with(tx, worker_id)
        await storage.resume(tx, found.name)
        await entries.record(tx, [entry])

    await house.database.write(write)
    await workers.look(house)
    house.waiting()


async def worker_with(tx: Tx, worker_id: str) -> Worker:
    """Returns the worker with this id, which has reported within a day. Raises NotFound."""
    wanted = parse_uuid(worker_id)
    for worker in await storage.all_(tx):
        if workers.worker_id(worker.name) == wanted:
            return worker
    raise NotFound(WORKER, worker_id)
