"""Carries out accepted acts on many jobs: a batch of jobs in each transaction, by any server, each job once."""

from functools import partial
from typing import Final

import structlog

from enginehouse.domain.bulk_acts import Act, SkipReason
from enginehouse.domain.errors import Unavailable
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations.house import House
from enginehouse.operations.task_statuses import tell, withdrawn_engines
from enginehouse.storage.bulk_acts import acts, batches, changes
from enginehouse.storage.bulk_acts.acts import OpenAct
from enginehouse.storage.bulk_acts.batches import ActBatch
from enginehouse.storage.bulk_acts.changes import Changes
from enginehouse.storage.database.database import Tx

_log: Final = structlog.get_logger(__name__)


async def apply(house: House) -> bool:
    """Changes the next batch of the first open act of every organization.

    If this process ends, another call in any process continues with the first batch that has not had its turn. Returns
    True if there may be more to do at once.
    """
    more = False
    for act in await house.database.glance(acts.open_ones):
        more |= await _apply(house, act)
    return more


async def _apply(house: House, act: OpenAct) -> bool:
    verb, principal = Act(act.act), _of(act)
    taken = list[ActBatch]()

    async def turn(tx: Tx) -> Changes | None:
        taken.clear()
        batch = await batches.take(tx, act.id)
        if batch is None:
            return None
        taken.append(batch)
        done = await changes.change(tx, verb, house.plans, act.organization_id, batch.ids, withdrawn)
        await batches.done(tx, act.id, batch, done.applied, done.skips)
        return done

    withdrawn = withdrawn_engines(house, principal) if verb is Act.RETRY else frozenset[str]()
    write = house.database.write_work if verb in changes.STARTS_WORK else house.database.write
    try:
        done = await write(turn)
    except Unavailable:
        raise
    except Exception:
        if not taken:
            raise
        _log.exception("a batch of an act on many jobs failed", act=act.id, jobs=len(taken[0].ids))
        await house.database.write(partial(_pass_over, act_id=act.id, batch=taken[0]))
        return True
    if done is None:
        return await house.database.write(lambda tx: acts.close(tx, act.id))
    await _tell(house, principal, verb, done)
    return True


async def _pass_over(tx: Tx, *, act_id: int, batch: ActBatch) -> None:
    """The batch is split, so that one job does not hold up the others; a single job is left alone."""
    if len(batch.ids) > 1:
        await batches.split(tx, act_id, batch)
    else:
        await batches.done(tx, act_id, batch, [], [(batch.ids[0], SkipReason.ERROR)])


async def _tell(house: House, principal: Principal, act: Act, done: Changes) -> None:
    """Whoever waits for what the committed batch has changed knows it."""
    house.watches.changed(done.applied)
    match act:
        case Act.CANCEL | Act.STOP:
            stopping = set(done.stopping)
            ended = [job_id for job_id in done.applied if job_id not in stopping]
            for job_id in ended:
                house.plans.forget(job_id)
            if done.stopping:
                house.listeners.stopping(done.stopping)
            if ended:
                house.listeners.cancelled(ended)
                house.listeners.ended(ended)
        case Act.RESUME:
            house.waiting(principal.organization_id)
        case Act.RETRY:
            house.waiting(principal.organization_id)
            if done.requeued is not None:
                await tell(house, principal, done.requeued)
        case Act.PAUSE:
            pass


def _of(act: OpenAct) -> Principal:
    """Returns in whose name the server carries the act out: its organization's."""
    return Principal(act.organization_id, None, "", Role.USER)
