"""After a commit the loops of every server, and the workers on other machines, learn what has changed."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

from enginehouse.domain.engine import EngineKind
from enginehouse.operations.house import House
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.dispatcher import Dispatcher
from enginehouse.server.installation import ServerInstallation

WORK: Final = {kind.value: f"work_{kind.value}" for kind in EngineKind}  # a server may have no slots of a pool
STOP: Final = "stop"
JOB: Final = "job"
RELOAD: Final = "reload"
COUNTS: Final = "counts"
_SECONDS: Final = 60.0  # of one wait


def listen(
    house: House, dispatcher: Dispatcher, capacity: Capacity, installation: ServerInstallation
) -> list["asyncio.Task[None]"]:
    """There is new work, or something must stop: whoever must know is told. Returns the tasks that hear other servers.

    On an embedded database there is no other server.
    """
    notify = house.database.notify_others

    def runnable(pools: Collection[str] | None) -> None:
        dispatcher.wake(pools, stored_here=True)
        house.wake_instances()
        for pool in WORK if pools is None else pools:
            notify(WORK[pool])

    def work_elsewhere(pool: str) -> None:
        dispatcher.wake({pool})
        house.wake_instances()

    def cancelled(job_ids: Sequence[int]) -> None:
        capacity.stop_jobs(job_ids)
        house.stop_instances(job_ids)

    def stopping(job_ids: Sequence[int]) -> None:
        capacity.request_stop_of_jobs(job_ids)
        capacity.doubt()  # an attempt may just begin
        house.stop_instances(job_ids)
        notify(STOP)

    def stop_elsewhere() -> None:
        capacity.doubt()
        house.stop_instances(None)

    def reload() -> None:
        installation.loop.wake()
        notify(RELOAD)

    house.listeners.runnable, house.listeners.cancelled = runnable, cancelled
    house.listeners.coming = dispatcher.expect
    house.listeners.stopping, house.listeners.reload = stopping, reload
    if house.database.dialect == "sqlite":
        return []
    house.watches.tell_others = lambda: notify(JOB)
    house.feeds.tell_others = lambda: notify(COUNTS)
    installation.tell_others = lambda: notify(RELOAD)
    reactions: dict[str, Callable[[], None]] = {
        **{channel: partial(work_elsewhere, pool) for pool, channel in WORK.items()},
        STOP: stop_elsewhere,
        JOB: house.watches.changed_elsewhere,
        COUNTS: house.feeds.changed_elsewhere,
        RELOAD: installation.loop.wake,
    }
    return [asyncio.create_task(_react(house, channel, react)) for channel, react in reactions.items()]


async def _react(house: House, channel: str, react: Callable[[], None]) -> None:
    while True:
        if await house.database.wait(channel, timeout=_SECONDS):
            react()
