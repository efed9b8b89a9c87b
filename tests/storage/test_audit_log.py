"""The rows of the audit: written together with their change or not at all, and read page by page."""

from dataclasses import replace
from itertools import pairwise

import pytest

from enginehouse.domain.audit import NOBODYS, AuditFilter, Entry, RecordedEntry
from enginehouse.storage.audit import entries as audit_entries
from enginehouse.storage.database.database import Database, Tx

ALL = AuditFilter()


async def _record(database: Database, *entries: Entry) -> None:
    await database.write(lambda tx: audit_entries.record(tx, entries))


async def _page(database: Database, criteria: AuditFilter = ALL, *, of: tuple[int, ...] = (1,)) -> list[RecordedEntry]:
    return await database.read(lambda tx: audit_entries.page(tx, of, criteria))


async def test_a_row_says_all_that_was_recorded(database: Database) -> None:
    entry = Entry(
        event="cancelJob",
        organization_id=1,
        user_id="u",
        user_name="ada",
        token_id="t",
        client_ip="192.0.2.1",
        user_agent="curl/8",
        object_type="Job",
        object_id="17",
        success=False,
        correlation_id="c-1",
        detail="text",
    )
    await _record(database, entry)
    [read] = await _page(database)
    fields = Entry.__struct_fields__
    assert [getattr(read, name) for name in fields] == [getattr(entry, name) for name in fields]


async def test_a_change_that_is_rolled_back_leaves_no_row(database: Database) -> None:
    async def change(tx: Tx) -> None:
        await audit_entries.record(tx, [Entry(event="createJob", organization_id=1)])
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await database.write(change)
    assert await _page(database) == []


async def test_pages_have_each_row_once_and_the_newest_first(database: Database) -> None:
    for n in range(7):
        await _record(database, Entry(event=f"e{n}", organization_id=NOBODYS if n % 3 else 1))
    both = (1, NOBODYS)
    whole = await _page(database, of=both)
    assert [one.event for one in whole] == [f"e{n}" for n in reversed(range(7))]
    assert all((a.at, a.id) > (b.at, b.id) for a, b in pairwise(whole))
    by_offset = [one for n in range(0, 8, 2) for one in await _page(database, replace(ALL, offset=n, limit=2), of=both)]
    by_id, before = list[RecordedEntry](), None
    while part := await _page(database, replace(ALL, before=before, limit=2), of=both):
        by_id += part
        before = part[-1].id
    assert by_offset == by_id == whole
    assert [one.event for one in await _page(database)] == ["e6", "e3", "e0"]


async def test_a_cursor_of_another_organization_is_one_of_nothing(database: Database) -> None:
    await _record(database, Entry(event="a", organization_id=1), Entry(event="b", organization_id=2))
    [foreign] = await _page(database, of=(2,))
    assert await _page(database, replace(ALL, before=foreign.id + 0)) == []


@pytest.mark.parametrize(
    "filters",
    [
        {"user_name": "ada"},
        {"client_ip": "192.0.2.1"},
        {"user_agent": "curl/"},
        {"event": "createJob"},
        {"object_type": "Job"},
        {"object_id": "17"},
        {"correlation_id": "c-1"},
        {"success": True},
    ],
    ids=lambda filters: next(iter(filters)),
)
async def test_a_filter_lets_through_what_it_says(database: Database, filters: dict[str, object]) -> None:
    fields = {
        "user_name": "ada", "client_ip": "192.0.2.1", "user_agent": "curl/8.1", "event": "createJob",
        "object_type": "Job", "object_id": "17", "correlation_id": "c-1", "success": True,
    }  # fmt: skip
    [name] = filters
    other = fields | {name: False if name == "success" else "other"}
    absent = {key: value for key, value in fields.items() if key != name}
    entries = [fields, other] + ([absent] if name not in {"event", "success"} else [])
    await _record(database, *(Entry(organization_id=1, **given) for given in entries))  # type: ignore[arg-type]
    for order in ({}, {"descending": False}):
        found = await _page(database, replace(ALL, **filters, **order))  # type: ignore[arg-type]
        assert [(one.event, getattr(one, name)) for one in found] == [("createJob", fields[name])]


async def test_ids_and_times_bound_the_page(database: Database) -> None:
    for n in range(3):
        await _record(database, Entry(event=f"e{n}", organization_id=1))
    last, middle, first = await _page(database)
    assert await _page(database, replace(ALL, ids=(middle.id,))) == [middle]
    assert await _page(database, replace(ALL, ids=())) == []
    if first.at < middle.at < last.at:
        assert await _page(database, replace(ALL, first=middle.at, last=middle.at)) == [middle]


async def test_other_orders(database: Database) -> None:
    for user, event in (("b", "x"), (None, "z"), ("a", "y")):
        await _record(database, Entry(event=event, organization_id=1, user_name=user))
    asked = {
        ("at", False): "xzy",
        ("user_name", False): "zyx",
        ("user_name", True): "xyz",
        ("event", True): "zyx",
    }
    for (order, descending), events in asked.items():
        criteria = replace(ALL, order_by=order, descending=descending)  # type: ignore[arg-type]
        assert "".join(one.event for one in await _page(database, criteria)) == events
