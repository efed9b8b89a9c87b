"""The clients of this process that wait for the result of a push. One read of the database serves all of them."""

import asyncio
from collections import Counter
from typing import Final

import structlog

from enginehouse.domain.errors import CapacityExceeded, Unavailable
from enginehouse.domain.pushes import PushResult, PushWait
from enginehouse.storage.database.database import Database
from enginehouse.storage.pushes import results

CHANNEL: Final = "pushes"
"""Notified after each end of an attempt in a job with pushes whose clients may wait."""

_EVERY: Final = 1.0

_log: Final = structlog.get_logger(__name__)


class PushWaits:
    """Looks after each notification, and once a second: a cancel notifies nobody. Without clients no task runs."""

    def __init__(self, database: Database, *, per_organization: int, every: float = _EVERY) -> None:
        self._database = database
        self._per_organization = per_organization
        self._every = every
        self._waiting: dict[tuple[int, PushWait], list[asyncio.Future[PushResult]]] = {}
        self._open: Counter[int] = Counter()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    def changed(self, job_id: int) -> None:
        """Reports the end of an attempt of the job in this process."""
        if any(wait.job_id == job_id for _, wait in self._waiting):
            self._database.notify(CHANNEL)

    def refuse_more(self, organization_id: int) -> None:
        """Raises CapacityExceeded if no further client of the organization may wait, Unavailable after `close`."""
        if self._closed:
            raise Unavailable("The server is stopping.")
        if self._open[organization_id] >= self._per_organization:
            raise CapacityExceeded(
                f"{self._per_organization} clients of this organization wait for results of pushes, and no more may. "
                "Push to an endpoint without syncEnabled, or wait until some have their results."
            )

    async def result(self, organization_id: int, wait: PushWait) -> PushResult | None:
        """Returns how the push has ended; None if it has not within its seconds. Raises Unavailable after `close`."""
        future: asyncio.Future[PushResult] = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault((organization_id, wait), [])
        waiters.append(future)
        self._open[organization_id] += 1
        self._database.notify(CHANNEL)  # it may have ended already
        if self._looking is None:
            self._looking = asyncio.create_task(self._keep_looking(), name="push waits")
        try:
            async with asyncio.timeout(wait.seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            waiters.remove(future)
            if not waiters and self._waiting.pop((organization_id, wait), None) is not None and not self._waiting:
                self._database.notify(CHANNEL)  # the task may end
            self._open[organization_id] -= 1
            if not self._open[organization_id]:
                del self._open[organization_id]

    async def close(self) -> None:
        """Nobody waits any more: each client gets Unavailable."""
        self._closed = True
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(Unavailable("The server is stopping. What was pushed is stored."))
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _keep_looking(self) -> None:
        while self._waiting:
            await self._database.wait(CHANNEL, self._every)
            await self._look()
        self._looking = None

    async def _look(self) -> None:
        wanted = list(self._waiting)
        try:
            found = await self._database.read(lambda tx: results.ended(tx, wanted)) if wanted else {}
        except Unavailable:
            return  # the next look may succeed
        except Exception:
            _log.exception("the results of pushes could not be read", pushes=len(wanted))
            return
        for (_, wait), futures in self._waiting.items():
            if (result := found.get(wait)) is not None:
                for future in futures:
                    if not future.done():
                        future.set_result(result)
