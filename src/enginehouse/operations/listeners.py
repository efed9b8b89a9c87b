"""The callbacks of a server at a commit, and what the queues of this process learn of new work."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from enginehouse.domain.quotas import Lane
from enginehouse.storage.jobs.new_jobs import Creation
from enginehouse.storage.work.lanes import Queue


@dataclass(slots=True)
class Listeners:
    """The callbacks after a commit; `app` attaches them. None of them may wait or fail.

    `runnable`: an item of these pools (None: of any) became runnable. `coming`: items of these pools are stored next,
    or were just stored; `runnable` follows when they are. `cancelled`: no attempt of these jobs may run any more.
    `stopping`: these jobs were cancelled, and their running attempts must stop. `ended`: these jobs have their last
    status. `accepted`: a bulk cancel was accepted and must be applied to rows. `act_accepted`: an act on many jobs was
    accepted and must be carried out. `scheduled`: a schedule may be due before the scheduler looks. `unavailable`: an
    engine over HTTP is unavailable and must be probed. `reload`: the installed engines must be read.
    """

    runnable: Callable[[Collection[str] | None], None] = lambda pools: None
    coming: Callable[[Collection[str]], None] = lambda pools: None
    cancelled: Callable[[Sequence[int]], None] = lambda job_ids: None
    stopping: Callable[[Sequence[int]], None] = lambda job_ids: None
    ended: Callable[[Sequence[int]], None] = lambda job_ids: None
    accepted: Callable[[], None] = lambda: None
    act_accepted: Callable[[], None] = lambda: None
    scheduled: Callable[[], None] = lambda: None
    unavailable: Callable[[], None] = lambda: None
    reload: Callable[[], None] = lambda: None


def note(queues: Mapping[str, Queue], organization_id: int | None, pools: Collection[str] | None) -> None:
    """The queues of these pools (None: of any) look for the organization's lanes, if they do not know one."""
    for pool, queue in queues.items():
        if pools is None or pool in pools:
            queue.note(organization_id)


def tell_coming(listeners: Listeners, queues: Mapping[str, Queue], creations: Sequence[Creation]) -> None:
    """Idle pools know that the first tasks of these jobs come, and in which lanes to look for them."""
    first = {(job.organization_id, job.beginning.lanes) for creation in creations for job in creation.jobs}
    pools = set[str]()
    for organization_id, lanes in first:
        for pool, engine_id in lanes:
            pools.add(pool)
            if (queue := queues.get(pool)) is not None:
                queue.note(organization_id)
                queue.promise(Lane(organization_id, engine_id))
    listeners.coming(pools)
