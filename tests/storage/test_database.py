"""What is true for both databases: the promises of `Database` and `Tx`, checked on real databases."""

import asyncio
import re
from enum import StrEnum
from functools import partial
from typing import Any

import pytest

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database.database import TOKENS_AT_ONCE, Database, Row, Tx


class Word(StrEnum):
    HELLO = "hello"


async def put(database: Database, name: str, value: str = "v") -> None:
    async def work(tx: Tx) -> None:
        await tx.run("probe.put", name=name, value=value)

    await database.write(work)


async def names(tx: Tx) -> list[Row]:
    return await tx.all("probe.names")


async def test_what_was_written_is_seen_by_every_way_of_reading(probe: Database) -> None:
    await put(probe, "a")
    assert await probe.read(names) == [("a",)]
    assert await probe.peek(names) == [("a",)]
    assert await probe.write(names) == [("a",)]


async def test_a_failing_work_leaves_no_trace_and_its_error_is_raised(probe: Database) -> None:
    async def work(tx: Tx) -> None:
        await tx.run("probe.put", name="a", value="v")
        raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        await probe.write(work)
    assert await probe.read(names) == []
    await put(probe, "b")
    assert await probe.read(names) == [("b",)]


async def test_one_failing_work_among_many_does_not_fail_the_others(probe: Database) -> None:
    async def work(tx: Tx, n: int) -> int:
        await tx.run("probe.put", name=f"{n:02}", value="v")
        if n % 3 == 0:
            raise ZeroDivisionError
        return n

    works = [probe.write(partial(work, n=n)) for n in range(30)]
    answers = await asyncio.gather(*works, return_exceptions=True)
    kept = [n for n in range(30) if n % 3]
    assert [answer for answer in answers if not isinstance(answer, ZeroDivisionError)] == kept
    assert await probe.read(names) == [(f"{n:02}",) for n in kept]


async def test_rows_go_in_and_come_back(probe: Database) -> None:
    rows = [("a", "1"), ("b", 'it\'s {"json": [1]}'), ("c", "ü\n")]

    async def work(tx: Tx) -> list[Row]:
        await tx.many("probe.put_all", [("x", "many"), ("y", "many")])
        await tx.many("probe.put_all", [])
        assert await tx.each("probe.put_each", []) == []
        return await tx.each("probe.put_each", rows)

    assert sorted(await probe.write(work)) == rows
    assert [name for (name,) in await probe.read(names)] == ["a", "b", "c", "x", "y"]


async def test_each_type_of_a_row_survives(probe: Database) -> None:
    rows: list[tuple[Any, ...]] = [(2**62, True, Word.HELLO, 0.5), (-1, 0, None, None)]

    async def work(tx: Tx) -> list[Row]:
        return await tx.each("probe.types", rows)

    answered = await probe.read(work)
    assert answered == rows
    assert all(type(row) is tuple for row in answered)


async def test_a_list_is_one_parameter(probe: Database) -> None:
    async def work(tx: Tx) -> list[Row]:
        await tx.many("probe.put_all", [("a", "1"), ("b", "2"), ("c", "3")])
        assert await tx.all("probe.by_names", names=[]) == []
        return await tx.all("probe.by_names", names={"c", "a", "nobody"})

    assert await probe.write(work) == [("a", "1"), ("c", "3")]


async def test_run_counts_and_one_answers_one(probe: Database) -> None:
    async def work(tx: Tx) -> tuple[int, int, Row | None, Row | None]:
        put = await tx.run("probe.put", name="a", value="1")
        await tx.run("probe.put", name="ab", value="1")
        return (
            put,
            await tx.run("probe.rename", pattern="a%", value="2"),
            await tx.one("probe.get", name="a"),
            await tx.one("probe.get", name="nobody"),
        )

    assert await probe.write(work) == (1, 2, ("2",), None)


@pytest.mark.parametrize("params", [{}, {"name": "a", "value": "b", "more": 1}, {"name": "a"}])
async def test_parameters_must_be_exactly_those_of_the_statement(probe: Database, params: dict[str, str]) -> None:
    async def work(tx: Tx) -> None:
        await tx.run("probe.put", **params)

    with pytest.raises(TypeError, match=r"probe\.put takes name, value"):
        await probe.write(work)


async def test_rows_are_for_statements_over_rows_only(probe: Database) -> None:
    async def rows_to_plain(tx: Tx) -> None:
        await tx.many("probe.put", [("a", "b")])

    async def plain_to_rows(tx: Tx) -> None:
        await tx.run("probe.put_all")

    for work in (rows_to_plain, plain_to_rows):
        with pytest.raises(TypeError, match=r"probe\.put"):
            await probe.write(work)


async def test_a_read_sees_one_snapshot(probe: Database) -> None:
    await put(probe, "a")
    loop = asyncio.get_running_loop()

    async def twice(tx: Tx) -> tuple[list[Row], list[Row]]:
        first = await names(tx)
        if probe.dialect == "sqlite":  # this runs in a reader's thread
            asyncio.run_coroutine_threadsafe(put(probe, "b"), loop).result(10)
        else:
            await put(probe, "b")
        return first, await names(tx)

    first, second = await probe.read(twice)
    assert first == second == [("a",)]
    assert await probe.read(names) == [("a",), ("b",)]


@pytest.mark.parametrize("way", ["read", "peek"])
async def test_a_read_cannot_write(probe: Database, way: str) -> None:
    async def work(tx: Tx) -> None:
        await tx.run("probe.put", name="a", value="v")

    with pytest.raises(Unavailable) as refused:
        await getattr(probe, way)(work)
    assert re.search("readonly|read-only|ReadOnly", refused.value.reason)
    assert await probe.read(names) == []


async def test_tokens_rise_and_no_two_works_share_one(probe: Database) -> None:
    async def take(tx: Tx, count: int) -> list[int]:
        first = await tx.tokens(count)
        return [token for (token,) in await tx.each("probe.tokens", [(first + n,) for n in range(count)])]

    counts = [1, 7, TOKENS_AT_ONCE, 3] * 5
    taken = await asyncio.gather(*(probe.write(partial(take, count=count)) for count in counts))
    every = [token for block in taken for token in block]
    assert len(set(every)) == sum(counts)
    assert min(await probe.write(partial(take, count=5))) > max(every)


async def test_many_rows_find_together_what_each_of_them_finds_alone(probe: Database) -> None:
    await probe.write(lambda tx: tx.many("probe.put_all", [(f"n{n}", f"v{n}") for n in range(0, 200, 2)]))
    for count in (0, 1, 3, 4, 63, 64, 65, 189):
        rows = [(f"n{n}", n + 2**40) for n in range(count)]
        found = await probe.read(lambda tx, rows=rows: tx.each("probe.values_of", rows))  # type: ignore[misc]
        assert sorted(found) == sorted((f"n{n}", f"v{n}", n + 2**40) for n in range(0, count, 2))


@pytest.mark.parametrize("count", [0, -1, TOKENS_AT_ONCE + 1])
async def test_only_so_many_tokens_at_once(probe: Database, count: int) -> None:
    with pytest.raises(ValueError, match="tokens"):
        await probe.write(lambda tx: tx.tokens(count))


async def test_time_passes_between_works(probe: Database) -> None:
    async def moments(tx: Tx) -> tuple[int, int]:
        return tx.now, await tx.read_clock()

    seen = [moment for _ in range(5) for moment in await probe.write(moments)]
    assert seen == sorted(set(seen))
    read = await probe.read(names_and_now)
    assert abs(read - seen[-1]) < 5_000_000


async def names_and_now(tx: Tx) -> int:
    await names(tx)
    return tx.now


async def test_a_notification_wakes_who_waits_and_is_kept_for_who_comes_next(probe: Database) -> None:
    probe.notify("work")
    assert await probe.wait("work", 30)
    if probe.dialect == "postgres":  # it begins to listen, and notifies once
        assert await probe.wait("work", 30)
    waiting = [asyncio.create_task(probe.wait("work", 30)) for _ in range(2)]
    await asyncio.sleep(0)
    probe.notify("other")
    probe.notify("work")
    assert await asyncio.gather(*waiting) == [True, True]
    probe.notify("work")
    assert await probe.wait("work", 30)
    assert not await probe.wait("work", 0.01)


HARD_WORDS = [
    "", "NULL", "null", None, '"', "\\", '\\"', "{}", "{a,b}", ",", " a ", "a\nb\tc", "'", "$1", ":name", "ß 🎧 日本",
    "\\N", '[{"a": "\\\\"}]',
]  # fmt: skip


async def test_numbers_and_words_come_back_as_they_went(probe: Database) -> None:
    numbers = [0, -1, True, None, 2**63 - 1, -(2**63)]
    rows = [(numbers[n % 6], n - 9, word, n / 7) for n, word in enumerate([*HARD_WORDS, Word.HELLO])]
    assert await probe.read(lambda tx: tx.each("probe.types", rows)) == rows


@pytest.mark.parametrize("count", [0, 1, 3, 4, 63, 64, 65, 149])
async def test_any_number_of_rows_is_inserted(probe: Database, count: int) -> None:
    rows = [(f"{n:03}", f"v{n}") for n in range(count)]
    await probe.write(lambda tx: tx.many("probe.put_all", rows))
    assert await probe.read(names) == [(name,) for name, _ in rows]


async def test_rows_are_there_for_the_next_statement_that_can_see_them(probe: Database) -> None:
    async def work(tx: Tx) -> list[object]:
        rows = [("a", "1"), ("b", "1")]
        await tx.many("probe.put_all", rows)
        rows[0] = ("z", "9")
        await tx.many("probe.put_organizations", [(7, "seven", "a7", 0)])
        seen: list[object] = [await tx.all("probe.names")]
        await tx.many("probe.put_all", [("c", "1")])
        await tx.many("probe.put_all", [("d", "1")])
        seen.append(await tx.one("probe.get", name="d"))
        await tx.many("probe.put_all", [("e", "1")])
        seen.append(await tx.run("probe.rename", pattern="%", value="2"))
        await tx.many("probe.put_all", [("f", "1")])
        seen.append(await tx.each("probe.put_each", [("g", "1")]))
        await tx.many("probe.put_all", [("h", "1")])
        return seen

    assert await probe.write(work) == [[("a",), ("b",)], ("1",), 5, [("g", "1")]]
    assert await probe.read(names) == [(name,) for name in "abcdefgh"]
    assert await probe.read(lambda tx: tx.all("probe.organizations")) == [(7, "seven")]


async def test_changes_are_made_in_their_order_and_a_read_sees_them(probe: Database) -> None:
    async def work(tx: Tx) -> list[Row]:
        await tx.many("probe.put_all", [("x", "1"), ("y", "1"), ("z", "1")])
        await tx.many("probe.rename_all", [("x", "2"), ("y", "2"), ("nobody", "2")])
        await tx.many("probe.put_organizations", [(8, "eight", "a8", 0)])
        await tx.many("probe.take_all", [("y", "2"), ("x", "1")])
        seen = await tx.all("probe.by_names", names=["x", "y", "z"])
        await tx.many("probe.rename_all", [("z", "3")])
        return seen

    assert await probe.write(work) == [("x", "2"), ("z", "1")]
    found = await probe.read(lambda tx: tx.all("probe.by_names", names=["x", "y", "z"]))
    assert found == [("x", "2"), ("z", "3")]


async def test_changes_of_lists_wait_for_the_next_answer_with_those_of_rows(probe: Database) -> None:
    async def work(tx: Tx) -> list[Row]:
        await tx.many("probe.put_all", [("x", "1"), ("y", "1"), ("z", "1")])
        await tx.change("probe.rename_these", names=["x", "nobody"], value="2")
        await tx.many("probe.put_organizations", [(8, "eight", "a8", 0)])
        await tx.change("probe.take_these", names=["y"])
        seen = await tx.all("probe.by_names", names=["x", "y", "z"])
        await tx.change("probe.rename_these", names=["z"], value="3")
        return seen

    assert await probe.write(work) == [("x", "2"), ("z", "1")]
    found = await probe.read(lambda tx: tx.all("probe.by_names", names=["x", "y", "z"]))
    assert found == [("x", "2"), ("z", "3")]


@pytest.mark.parametrize("names_", [["a"], ["c", "a"], ["nobody"], []])
async def test_the_clock_is_read_with_the_rows_that_are_locked(probe: Database, names_: list[str]) -> None:
    for name in "abc":
        await put(probe, name)

    async def work(tx: Tx) -> tuple[list[Row], list[int]]:
        moments = [tx.now, await tx.read_clock()]
        await tx.change("probe.rename_these", names=["c"], value="2")
        found = await tx.lock_each("probe.lock_these", [(name,) for name in names_])
        return found, [*moments, tx.now, await tx.read_clock()]

    found, moments = await probe.write(work)
    assert [name for name, _ in found] == sorted({"a", "b", "c"}.intersection(names_))
    assert ("c", "2") in found or "c" not in names_
    assert moments == sorted(set(moments))


async def test_rows_that_are_refused_leave_nothing_of_their_work(probe: Database) -> None:
    await put(probe, "a")

    async def work(tx: Tx) -> None:
        await tx.many("probe.put_organizations", [(7, "seven", "a7", 0)])
        await tx.many("probe.put_all", [("b", "1"), ("a", "1")])

    with pytest.raises(Exception, match=r"(?i)unique"):
        await probe.write(work)
    assert await probe.read(names) == [("a",)]
    assert await probe.read(lambda tx: tx.all("probe.organizations")) == []


async def test_a_closed_database_says_so(probe: Database) -> None:
    await probe.close()
    await probe.close()
    for way in (probe.write, probe.read, probe.peek):
        with pytest.raises(Unavailable):
            await way(names)


async def test_a_lock_is_taken_in_a_write(probe: Database) -> None:
    async def work(tx: Tx) -> int:
        await tx.lock("barrier")
        await tx.lock("other")
        return await tx.read_clock()

    assert await probe.write(work) > 0


async def test_a_glance_sees_what_is_committed(database: Database) -> None:
    await database.write(
        lambda tx: tx.run(
            "identity.insert_organization", name="one", application_id="a", default_retries=None, now=tx.now
        )
    )
    row = await database.glance(lambda tx: tx.one("identity.organization", organization_id=1))
    assert row is not None
    assert row[1] == "one"
    assert await database.glance(lambda tx: tx.one("identity.organization", organization_id=2)) is None
