"""What is said to the server goes in few requests, and a report is said until it is answered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from enginehouse.domain.errors import InvalidInput, Unavailable
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Accepted, Done, Failed, ItemKey, Report, Stale
from enginehouse.runtime.source import LeaseId
from enginehouse.wire.worker import AnswerBody, ExchangeBody, Exchanged
from enginehouse.worker.backoff import Backoff
from enginehouse.worker.connection import ServerAway, TokenRefused
from enginehouse.worker.outbox import Outbox

Answer = Callable[[ExchangeBody], Exchanged]


def accepting(body: ExchangeBody) -> Exchanged:
    return Exchanged(answers=[AnswerBody(lease=one.lease, status="accepted") for one in body.reports])


@dataclass
class Server:
    """Answers each exchange with the next of `answers`, and then as usual. `gate`: nothing is answered before it."""

    answers: list[Answer | Exception] = field(default_factory=list)
    said: list[ExchangeBody] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: int = 0
    most_at_once: int = 0

    async def exchange(self, body: ExchangeBody) -> Exchanged:
        self.said.append(body)
        self.heard.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.wait()
        finally:
            self.at_once -= 1
        answer = self.answers.pop(0) if self.answers else accepting
        if isinstance(answer, Exception):
            raise answer
        return answer(body)


HELD: LeaseId = (ItemKey(9, 0, 0), 99)


@pytest.fixture
async def server() -> Server:
    server = Server()
    server.gate.set()
    return server


@pytest.fixture
async def outbox(server: Server) -> AsyncIterator[Outbox]:
    made = Outbox(server.exchange, patience=30.0, holds=lambda: [HELD], backoff=Backoff(spread=lambda: -1.0))
    made.start()
    yield made
    await made.stop()


def report(number: int) -> Report:
    return Report(ItemKey(number, 0, 0), 100 + number, Done())


async def test_what_gathers_goes_together(server: Server, outbox: Outbox) -> None:
    server.gate.clear()
    first = asyncio.create_task(outbox.report(report(1)))
    await server.heard.wait()
    others = [asyncio.create_task(outbox.report(report(number))) for number in (2, 3)]
    claim = asyncio.create_task(outbox.exchange(claims={"python": 2}))
    await asyncio.sleep(0)
    server.gate.set()
    assert await asyncio.gather(first, *others) == [Accepted()] * 3
    await claim
    assert [(len(one.reports), one.claims) for one in server.said] == [(1, {}), (2, {"python": 2})]
    assert server.most_at_once == 1


async def test_a_report_is_said_until_it_is_answered(server: Server, outbox: Outbox) -> None:
    server.answers = [ServerAway("away", reason="x"), ServerAway("away", reason="x")]
    assert await asyncio.wait_for(outbox.report(report(1)), 20) == Accepted()
    assert len(server.said) == 3


async def test_the_same_report_again_waits_for_the_same_answer(server: Server, outbox: Outbox) -> None:
    server.gate.clear()
    first = asyncio.create_task(outbox.report(report(1)))
    await asyncio.sleep(0)
    first.cancel()
    again = asyncio.create_task(outbox.report(report(1)))
    await asyncio.sleep(0)
    server.gate.set()
    assert await again == Accepted()
    assert sum(len(one.reports) for one in server.said) == 1


async def test_after_a_lost_answer_with_leases_it_says_which_it_has(server: Server, outbox: Outbox) -> None:
    server.answers = [ServerAway("away", reason="x")]
    with pytest.raises(ServerAway):
        await outbox.exchange(claims={"python": 1})
    assert await outbox.report(report(1)) == Accepted()
    lost, told = server.said
    assert (lost.is_complete, lost.held) == (False, [])
    assert (told.is_complete, told.held) == (True, ["9.0.0.99"])
    await outbox.exchange()
    assert server.said[-1].is_complete is False


async def test_nothing_but_reports_waits_for_a_server_that_is_away(server: Server) -> None:
    server.answers = [ServerAway("away", reason="x", retry_after=60.0)]
    outbox = Outbox(server.exchange, patience=30.0, holds=list)
    outbox.start()
    with pytest.raises(Unavailable):
        await outbox.exchange(held=[HELD])
    with pytest.raises(Unavailable):
        await outbox.exchange(claims={"python": 1})
    assert len(server.said) == 1
    await outbox.stop()


async def test_each_answer_reaches_its_report(server: Server, outbox: Outbox) -> None:
    words = iter([("stale", None), ("refused", "no such bytes"), ("accepted", None)])

    def mixed(body: ExchangeBody) -> Exchanged:
        return Exchanged(
            answers=[
                AnswerBody(lease=one.lease, status=status, message=message)
                for one, (status, message) in zip(body.reports, words, strict=False)
            ]
        )

    server.answers = [mixed]
    found = await asyncio.gather(*(outbox.report(report(n)) for n in (1, 2, 3)), return_exceptions=True)
    assert [type(one) for one in found] == [Stale, InvalidInput, Accepted]


async def test_a_report_that_is_refused_does_not_spoil_others(server: Server, outbox: Outbox) -> None:
    def picky(body: ExchangeBody) -> Exchanged:
        if any(one.failure is not None for one in body.reports):
            raise InvalidInput("a wrong report")
        return accepting(body)

    server.answers = [picky] * 3
    wrong = Report(ItemKey(2, 0, 0), 102, Failed(FailureKind.OTHER, "x"))
    found = await asyncio.gather(outbox.report(report(1)), outbox.report(wrong), return_exceptions=True)
    assert [type(one) for one in found] == [Accepted, InvalidInput]


async def test_a_refused_token_ends_everything(server: Server, outbox: Outbox) -> None:
    server.answers = [TokenRefused("revoked")]
    with pytest.raises(Unavailable):
        await outbox.report(report(1))
    with pytest.raises(Unavailable):
        await outbox.exchange()
    with pytest.raises(Unavailable):
        await outbox.report(report(2))
    assert len(server.said) == 1


async def test_what_is_said_while_the_token_is_refused_fails_too(server: Server, outbox: Outbox) -> None:
    server.gate.clear()
    server.answers = [TokenRefused("revoked")]
    first = asyncio.create_task(outbox.exchange(held=[HELD]))
    await server.heard.wait()
    second = asyncio.create_task(outbox.exchange(claims={"native": 1}))
    await asyncio.sleep(0)
    server.gate.set()
    done, waiting = await asyncio.wait({first, second}, timeout=5)
    assert not waiting
    assert {type(each.exception()) for each in done} == {Unavailable}
