"""Gathers the calls of concurrent clients into one plural call, and gives each its own result."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from time import perf_counter
from typing import Final, Generic, TypeVar

from enginehouse.domain.errors import Unavailable

Request = TypeVar("Request")
Answer = TypeVar("Answer")
LARGEST: Final = 256
_Batch = list[tuple[Request, "asyncio.Future[Answer]"]]


class Batcher(Generic[Request, Answer]):
    """Gathers requests while a batch runs, and sends them together as the next batch.

    `plural` gets 1 to `largest()` requests. After its commit it returns one answer for each, in the same order; an
    answer that is an exception is raised only to its own caller. At most `in_flight` batches run at a time. An idle
    batcher sends at once. A further batch begins beside another when as many requests wait as that one has, because a
    small batch costs nearly as much as a large one; or when it has taken `slow_after` seconds. `observe` gets the
    number of requests and the seconds of each batch.
    """

    def __init__(
        self,
        plural: Callable[[list[Request]], Awaitable[Sequence[Answer | Exception]]],
        *,
        in_flight: int,
        largest: Callable[[], int] = lambda: LARGEST,
        slow_after: float = 0.05,
        observe: Callable[[int, float], None] = lambda requests, seconds: None,
    ) -> None:
        self._plural = plural
        self._in_flight = in_flight
        self.largest = largest
        self._slow_after = slow_after
        self._observe = observe
        self._waiting: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self._batches: set[asyncio.Task[None]] = set()
        self.last_size = 0  # requests in the last batch that began
        self._ended_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def idle_seconds(self) -> float:
        """Since when no batch has run; 0 if one runs."""
        return 0.0 if self._batches else perf_counter() - self._ended_at

    async def ask(self, request: Request) -> Answer:
        """Returns the answer to `request`, after the commit of its batch.

        If the caller is cancelled, its batch continues; a request that no batch has taken yet is dropped.
        """
        if self._closed:
            raise Unavailable("The server is stopping.")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if not self._batches or len(self._waiting) >= self.last_size:
            self._start_another()
        elif self._timer is None and len(self._batches) < self._in_flight:
            self._timer = asyncio.get_running_loop().call_later(self._slow_after, self._start_another)
        return await answer

    async def close(self) -> None:
        """Every request has its answer. Further requests raise Unavailable."""
        self._closed = True
        while self._batches:
            await asyncio.wait(self._batches)

    def _start_another(self) -> None:
        """A further batch begins, if one may and somebody waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and len(self._batches) < self._in_flight:
            self._start()

    def _start(self) -> None:
        # A batch serves several callers, so it does not use the context of one of them.
        task = asyncio.create_task(self._run(), context=Context())
        self._batches.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._ended_at = perf_counter()
        self._start_another()

    async def _run(self) -> None:
        while batch := self._take():
            self.last_size = len(batch)
            began = perf_counter()
            try:
                await self._send(batch)
            finally:
                self._observe(len(batch), perf_counter() - began)
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(Unavailable("The server stopped before the request was answered."))

    def _take(self) -> "_Batch[Request, Answer]":
        batch: _Batch[Request, Answer] = []
        largest = self.largest()
        while self._waiting and len(batch) < largest:
            request, answer = self._waiting.popleft()
            if not answer.done():
                batch.append((request, answer))
        return batch

    async def _send(self, batch: "_Batch[Request, Answer]") -> None:
        try:
            answers = await self._plural([request for request, _ in batch])
        except Unavailable as error:
            # It may be unknown whether the batch was committed, so a second try could do the work twice.
            _fail(batch, error)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch, error)
            else:
                for single in batch:
                    await self._send([single])
        else:
            _deliver(batch, answers)


def _deliver(batch: "_Batch[Request, Answer]", answers: Sequence[Answer | Exception]) -> None:
    if len(answers) != len(batch):
        # The batch is committed, so it must not be sent again; and the answers cannot be assigned to requests.
        return _fail(batch, RuntimeError(f"{len(batch)} requests were given {len(answers)} answers."))
    for (_, future), answer in zip(batch, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
    return None


def _fail(batch: "_Batch[Request, Answer]", error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
