"""The log of an attempt from an offset on, also while it grows."""

from typing import Any

import pytest
from tests import make

from enginehouse.domain.artifact import log_key
from enginehouse.domain.errors import InvalidInput, NotFound
from enginehouse.domain.refs import TaskRef
from enginehouse.domain.work import Done, Lease, Report
from enginehouse.operations import attempts, jobs, work
from enginehouse.operations.attempts import LogPart
from enginehouse.operations.house import House

CALLER, STRANGER = make.principal(), make.principal(organization_id=2)


class Bench:
    """A job of one task whose only attempt runs, and prints what a test says."""

    def __init__(self, house: House, lease: Lease) -> None:
        self.house, self.lease = house, lease
        self.ref = TaskRef.of(lease.key.job_id, 0)
        self.size = 0

    async def prints(self, text: bytes) -> None:
        key = log_key(self.lease.organization_id, *self.lease.key, self.lease.attempt)
        self.size = await self.house.store.append(key, self.size, text)

    async def ends(self) -> None:
        await work.finish(self.house, Report(self.lease.key, self.lease.token, Done()))

    async def part(self, offset: int = 0, **wanted: Any) -> LogPart:
        return await attempts.log_part(self.house, CALLER, self.ref, 0, 1, offset=offset, **wanted)


@pytest.fixture
async def bench(ready: House) -> Bench:
    await jobs.create(ready, CALLER, [make.independent(1)])
    [lease] = await work.claim(ready, pool="native", limit=1, worker="w")
    return Bench(ready, lease)


async def test_a_log_that_grows_is_followed_to_its_end(bench: Bench) -> None:
    assert await bench.part() == LogPart("", 0, 0, 0, is_over=False)
    await bench.prints(b"one\n")
    first = await bench.part()
    assert first == LogPart("one\n", 0, 4, 4, is_over=False)
    assert await bench.part(first.next) == LogPart("", 4, 4, 4, is_over=False)
    await bench.prints(b"two\n")
    await bench.ends()
    assert await bench.part(first.next) == LogPart("two\n", 4, 8, 8, is_over=True)


async def test_an_attempt_that_printed_nothing_has_an_empty_log(bench: Bench) -> None:
    await bench.ends()
    assert await bench.part() == LogPart("", 0, 0, 0, is_over=True)


async def test_parts_end_between_two_characters(bench: Bench) -> None:
    text = "aé€😀" * 5
    raw = text.encode()
    await bench.prints(raw[:-2])
    whole, offset = "", 0
    while (part := await bench.part(offset, limit=5)).text:
        assert "\ufffd" not in part.text
        whole, offset = whole + part.text, part.next
    assert whole == text[:-1], "the last character is not whole yet"
    await bench.prints(raw[-2:])
    await bench.ends()
    assert (await bench.part(offset)).text == "😀"


async def test_half_a_character_at_the_very_end_is_shown_as_such(bench: Bench) -> None:
    await bench.prints(b"a\xf0\x9f")
    await bench.ends()
    part = await bench.part()
    assert (part.text, part.next, part.is_over) == ("a\ufffd", 3, True)


async def test_beyond_the_end_is_no_part(bench: Bench) -> None:
    await bench.prints(b"one\n")
    with pytest.raises(InvalidInput, match="the log ends at 4, got 5"):
        await bench.part(5)
    with pytest.raises(InvalidInput) as refused:
        await bench.part(-1, limit=3)
    assert [problem.path for problem in refused.value.problems] == ["offset", "limit"]


async def test_unknown_and_foreign_attempts_are_not_there(bench: Bench) -> None:
    with pytest.raises(NotFound, match="Attempt"):
        await attempts.log_part(bench.house, CALLER, bench.ref, 0, 2)
    with pytest.raises(NotFound, match="Task"):
        await attempts.log_part(bench.house, STRANGER, bench.ref, 0, 1)
