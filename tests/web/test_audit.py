"""The page of the audit: who reads it, its filters and pages, and an entry that was changed."""

import re
from typing import Final

import pytest
from tests import make
from tests.web.conftest import Place
from tests.web.reader import Reader, text

from enginehouse.domain.audit import AuditFilter
from enginehouse.domain.identity import Role
from enginehouse.operations import jobs
from enginehouse.operations.audit import queries
from enginehouse.storage.audit import seals
from enginehouse.storage.audit.entries import NEVER
from enginehouse.storage.database.database import Tx
from enginehouse.web.audit import PAGE

SEALED: Final = "✓ sealed"


async def root(place: Place) -> Reader:
    reader = await place.reader()
    reader.http.cookies.set("eh", place.secret)
    await reader.get("/")
    return reader


async def seal(place: Place, *, limit: int = 3) -> None:
    """Everything is sealed, with a few entries under each seal."""

    async def one(tx: Tx) -> bool:
        found = await seals.prepare(tx, until=NEVER, limit=limit)
        return found is not None and await seals.add(tx, found)

    while await place.house.database.write(one):
        pass


async def test_what_happened_is_listed_with_who_and_what(place: Place) -> None:
    [created] = await jobs.create(place.house, place.caller, [make.independent(1)])
    reader = await root(place)
    answer = await reader.get("/audit")
    assert re.search(r"createJob done admin Job \d{8}_\w{10}", text(answer))
    assert "not yet" in text(answer)
    assert re.search(r'href="/jobs/\d{8}_\w{10}"', answer.text)
    assert created.job_id


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("event=createJob", True),
        ("event=cancelJob", False),
        ("user=admin&type=Job&outcome=done", True),
        ("user=nobody", False),
        ("outcome=refused&event=createJob", False),
        ("from=2020-01-01T00:00&to=2020-01-02T00:00", False),
        ("correlation=none", False),
        ("object=99", False),
    ],
)
async def test_each_filter_leaves_out_the_others(place: Place, query: str, found: bool) -> None:
    await jobs.create(place.house, place.caller, [make.independent(1)])
    answer = await (await root(place)).get(f"/audit?{query}")
    assert ("createJob done" in text(answer)) is found
    assert found or "No entry matches" in text(answer)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=yesterday", "From: not a valid date-time"),
        ("from=2020-01-01T00:00", "From: at most 30 days"),
        ("from=2020-02-01T00:00&to=2020-01-01T00:00", "From: must not be after"),
    ],
)
async def test_what_is_no_window_is_said(place: Place, query: str, said: str) -> None:
    answer = await (await root(place)).get(f"/audit?{query}")
    assert (answer.status_code, said in text(answer)) == (400, True), text(answer)


async def test_pages_go_on_where_the_one_before_ended(place: Place) -> None:
    for _ in range(2):
        await jobs.create(place.house, place.caller, [make.independent(1)] * PAGE)
    reader = await root(place)
    seen, path = list[str](), "/audit?event=createJob"
    while path:
        answer = await reader.get(path)
        seen += re.findall(r'href="(/jobs/\d\w+)"', answer.text)
        path = next(iter(re.findall(r'href="([^"]+)" rel="next"', answer.text)), "").replace("&amp;", "&")
    assert (len(seen), len(set(seen))) == (2 * PAGE, 2 * PAGE)


@pytest.mark.parametrize(
    ("statement", "value", "changed"),
    [("detail", "nothing", 1), ("event", "cancelJob", 1), ("success", 0, 1), ("digests", "1 forged", 3)],
)
@pytest.mark.usefixtures("own_statements")
async def test_an_entry_that_was_changed_is_named(place: Place, statement: str, value: object, changed: int) -> None:
    """One is, or the seal over three of them."""
    await jobs.create(place.house, place.caller, [make.independent(1)] * 9)
    await seal(place)
    reader = await root(place)
    assert text(await reader.get("/audit?type=Job")).count(SEALED) == 9
    checked = await queries.with_seals(place.house, place.caller, AuditFilter(object_type="Job"))
    assert checked.last is not None
    where = {"number": checked.last.number} if statement == "digests" else {"id": checked.entries[0].id}
    await place.house.database.write(lambda tx: tx.run(f"spoil.{statement}", value=value, **where))
    answer = await reader.get("/audit?type=Job")
    assert text(answer).count("✕ changed") == changed
    assert text(answer).count(SEALED) == 9 - changed
    assert f"{changed} of these entries" in text(answer)


@pytest.mark.parametrize("role", [Role.READER, Role.USER])
async def test_only_administrators_read_it(place: Place, role: Role) -> None:
    reader = await place.signed_in(role)
    answer = await reader.get("/audit")
    assert answer.status_code == 403
    assert 'href="/audit"' not in answer.text
    assert 'href="/audit"' in (await (await root(place)).get("/")).text


async def test_another_organization_sees_only_its_own(place: Place) -> None:
    await jobs.create(place.house, place.caller, [make.independent(1)])
    reader = await place.stranger()
    answer = await reader.get("/audit")
    assert "userLogin" in text(answer)
    assert "createJob done" not in text(answer)
