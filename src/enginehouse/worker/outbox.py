"""Gathers what the runtime says to the server into few requests: one at a time, with everything that waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from enginehouse.domain.errors import InvalidInput, Refusal, Unavailable
from enginehouse.domain.work import Accepted, Answer, Report, Stale
from enginehouse.runtime.source import LeaseId
from enginehouse.wire.work import lease_name
from enginehouse.wire.worker import ExchangeBody, Exchanged, ReportBody
from enginehouse.worker.backoff import Backoff
from enginehouse.worker.connection import ServerAway, TokenRefused

Send = Callable[[ExchangeBody], Awaitable[Exchanged]]

_MOST_REPORTS: Final = 200  # in one request


@dataclass(slots=True)
class _Entry:
    """A report that waits for its answer, until `until` (monotonic seconds)."""

    body: ReportBody
    until: float
    answer: "asyncio.Future[Answer]"


@dataclass(slots=True)
class _Pending:
    """What the next request says besides reports."""

    held: dict[LeaseId, str] = field(default_factory=dict)
    signalled: list[str] = field(default_factory=list)
    claims: dict[str, int] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)
    done: "list[asyncio.Future[Exchanged]]" = field(default_factory=list)


class Outbox:
    """Sends exchanges. A report is sent until it is answered; everything else fails with the request that has it.

    `patience`: for how many seconds a report is sent. `holds` returns the leases that the worker has. After a request
    with claims whose answer is lost, the next one says which these are.
    """

    def __init__(
        self, send: Send, *, patience: float, holds: Callable[[], Iterable[LeaseId]], backoff: Backoff | None = None
    ) -> None:
        self._send = send
        self.patience = patience
        self._holds = holds
        self._backoff = backoff or Backoff()
        self._reports: dict[LeaseId, _Entry] = {}
        self._pending = _Pending()
        self._wake = asyncio.Event()
        self._pausing = False
        self._lost_claims = False
        self._refused: TokenRefused | None = None
        self._sender: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Requests are sent from now on."""
        self._sender = asyncio.create_task(self._run(), name="outbox")

    async def stop(self) -> None:
        """Nothing is sent any more. What waits fails."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
        self._fail(self._take(), Unavailable("The worker stops."))
        for entry in self._reports.values():
            _set(entry.answer, Unavailable("The worker stops."))

    async def report(self, report: Report) -> Answer:
        """Returns the server's answer. The same report again waits for the same answer. Raises Unavailable."""
        self._check()
        lease_id = (report.key, report.token)
        entry = self._reports.get(lease_id)
        if entry is None:
            until = time.monotonic() + self.patience
            entry = _Entry(ReportBody.of(report), until, asyncio.get_running_loop().create_future())
            self._reports[lease_id] = entry
        else:
            entry.body = ReportBody.of(report)
        self._wake.set()
        # Whoever waits may be cancelled and ask again.
        return await asyncio.shield(entry.answer)

    async def exchange(
        self,
        *,
        held: Sequence[LeaseId] = (),
        signalled: Sequence[LeaseId] = (),
        claims: Mapping[str, int] | None = None,
    ) -> Exchanged:
        """Returns the server's answer to the request that says this. Raises Unavailable, at once during a pause."""
        self._check()
        if self._pausing:
            raise Unavailable("The server does not answer.", reason="pause")
        pending = self._pending
        pending.held |= {lease_id: lease_name(*lease_id) for lease_id in held}
        pending.signalled += [lease_name(*lease_id) for lease_id in signalled]
        pending.claims |= claims or {}
        answer: asyncio.Future[Exchanged] = asyncio.get_running_loop().create_future()
        pending.done.append(answer)
        self._wake.set()
        return await answer

    def full(self, pool: str) -> None:
        """The next request says that the pool has no free slot."""
        self._pending.full.add(pool)
        self._wake.set()

    def _check(self) -> None:
        if self._refused is not None:
            raise Unavailable("The server does not accept the token.", reason=str(self._refused))
        if self._sender is None or self._sender.done():
            raise Unavailable("The worker stops.")

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(0)  # whatever is said at the same moment goes with it
            if not self._has_something():
                continue
            pending = self._take()
            reports = dict(list(self._reports.items())[:_MOST_REPORTS])
            try:
                answer = await self._send(self._body(pending, reports))
            except TokenRefused as refused:
                self._refused = refused
                # Nobody sends what was said while the request was under way.
                for unsent in (pending, self._take()):
                    self._fail(unsent, Unavailable("The server does not accept the token.", reason=str(refused)))
                self._give_up(self._reports.values())
                return
            except Unavailable as away:
                self._lost_claims = self._lost_claims or bool(pending.claims)
                self._fail(pending, away)
                await self._pause(away)
            except Refusal as refusal:
                self._fail(pending, refusal)
                await self._one_by_one(reports, refusal)
            else:
                self._backoff.reset()
                self._lost_claims = False
                self._answered(answer)
                for waiter in pending.done:
                    _set(waiter, answer)
            if self._has_something():
                self._wake.set()

    def _body(self, pending: _Pending, reports: Mapping[LeaseId, _Entry]) -> ExchangeBody:
        held = pending.held
        if self._lost_claims:
            held = held | {lease_id: lease_name(*lease_id) for lease_id in self._holds() if lease_id not in reports}
        return ExchangeBody(
            reports=[entry.body for entry in reports.values()],
            held=list(held.values()),
            signalled=pending.signalled,
            claims=pending.claims,
            full=sorted(pending.full),
            is_complete=self._lost_claims,
        )

    def _answered(self, answer: Exchanged) -> None:
        names = {entry.body.lease: lease_id for lease_id, entry in self._reports.items()}
        for each in answer.answers:
            lease_id = names.get(each.lease)
            if lease_id is None:
                continue
            entry = self._reports.pop(lease_id)
            match each.status:
                case "accepted":
                    _set(entry.answer, Accepted())
                case "stale":
                    _set(entry.answer, Stale())
                case _:
                    _set(entry.answer, InvalidInput(each.message or "The server refused the report."))

    async def _one_by_one(self, reports: Mapping[LeaseId, _Entry], refusal: Refusal) -> None:
        """The request was refused as a whole. A report in it may be the cause: each is sent alone."""
        if len(reports) == 1:
            for lease_id, entry in reports.items():
                self._reports.pop(lease_id, None)
                _set(entry.answer, refusal)
            return
        for entry in reports.values():
            try:
                self._answered(await self._send(ExchangeBody(reports=[entry.body])))
            except Unavailable as away:
                await self._pause(away)
                return
            except Refusal as own:
                self._reports = {key: one for key, one in self._reports.items() if one is not entry}
                _set(entry.answer, own)

    async def _pause(self, away: Unavailable) -> None:
        self._give_up(entry for entry in self._reports.values() if entry.until < time.monotonic())
        self._pausing = True
        try:
            wish = away.retry_after if isinstance(away, ServerAway) else None
            await asyncio.sleep(self._backoff.next(wish))
        finally:
            self._pausing = False

    def _give_up(self, entries: Iterable[_Entry]) -> None:
        gone = list(entries)
        for entry in gone:
            _set(entry.answer, Unavailable("The server does not answer."))
        self._reports = {key: entry for key, entry in self._reports.items() if entry not in gone}

    def _take(self) -> _Pending:
        pending, self._pending = self._pending, _Pending()
        return pending

    def _fail(self, pending: _Pending, error: Exception) -> None:
        for waiter in pending.done:
            _set(waiter, error)

    def _has_something(self) -> bool:
        pending: Collection[object] = self._pending.done
        return bool(pending or self._reports or self._pending.full)


def _set(waiter: "asyncio.Future[Answer] | asyncio.Future[Exchanged]", value: object) -> None:
    """The waiter has its answer, unless it does not wait any more."""
    if waiter.done():
        return
    if isinstance(value, BaseException):
        waiter.set_exception(value)
        waiter.exception()  # perhaps nobody waits for it any more
    else:
        waiter.set_result(value)  # type: ignore[arg-type]
