"""The audit of acts that no test of an interface reaches, and how it stores the texts of clients."""

import pytest
from tests.operations.people import BOOTSTRAP, arrive

from enginehouse.domain.audit import NOBODYS, AuditFilter, Entry, RecordedEntry
from enginehouse.domain.errors import CapacityExceeded
from enginehouse.operations import accounts, identity
from enginehouse.operations.audit import trail
from enginehouse.operations.audit.queries import DAY, list_
from enginehouse.operations.first_start import first_start
from enginehouse.operations.house import House
from enginehouse.operations.sessions import LoginRefused
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx


async def _rows(house: House) -> list[RecordedEntry]:
    return (await house.database.read(lambda tx: entries.page(tx, (NOBODYS, 1), AuditFilter(limit=1000))))[::-1]


async def test_the_first_start_records_what_it_made_once(house: House) -> None:
    for _ in range(2):
        await first_start(house, init_token=BOOTSTRAP)
    rows = await _rows(house)
    assert [row.event for row in rows] == ["createOrganization", "createUser", "createToken"]
    await first_start(house, init_token="0f8f5e0c-6c0e-4d53-9a3e-6f1c3f0a7b12")
    [again] = (await _rows(house))[3:]
    assert (again.event, again.organization_id, again.detail) == ("createToken", 1, "start of the server")


async def test_a_page_without_a_beginning_is_of_the_last_seven_days(house: House) -> None:
    people = await arrive(house)

    async def act(tx: Tx) -> int:
        now = await tx.read_clock()
        for event, age in (("old", 8 * DAY), ("young", 6 * DAY)):
            tx.now = now - age
            await entries.record(tx, [Entry(event=event, organization_id=people.admin.organization_id)])
        return now

    now = await house.database.write(act)
    for criteria in (AuditFilter(), AuditFilter(last=now)):
        events = {entry.event for entry in await list_(house, people.admin, criteria)}
        assert {"old", "young"} & events == {"young"}
    [oldest] = await list_(house, people.admin, AuditFilter(first=now - 9 * DAY, last=now - 7 * DAY))
    assert oldest.event == "old"


async def test_the_end_of_a_session_is_its_holders(house: House) -> None:
    people = await arrive(house)
    await accounts.create_user(house, people.admin, name="ada", password="correct horse")
    session = await identity.login(house, "ada", "correct horse")
    assert session.user is not None
    before = len(await _rows(house))
    assert await identity.logout(house, session.token)
    assert not await identity.logout(house, session.token)
    [row] = (await _rows(house))[before:]
    assert (row.event, row.user_name, row.organization_id) == ("userLogout", "ada", 1)
    assert row.object_id == row.user_id == session.user.id
    assert session.token not in repr(row)


async def test_too_many_vain_logins_are_recorded_too(house: House) -> None:
    await arrive(house)
    house.failed_logins.guesses.allowed = 1
    with pytest.raises(LoginRefused):
        await identity.login(house, "ada", "y")
    before = len(await _rows(house))
    with pytest.raises(CapacityExceeded):
        await identity.login(house, "ada", "x")
    [row] = (await _rows(house))[before:]
    assert (row.event, row.user_name, row.success) == ("userLogin", "ada", False)


@pytest.mark.parametrize(
    ("said", "kept"),
    [("curl/8", "curl/8"), ("a\nb\x00c\x1b[31m", "a?b?c?[31m"), ("\ud800x", "?x"), ("x" * 1000, "x" * trail.LONGEST)],
)
def test_what_a_client_says_of_itself_is_short_and_printable(said: str, kept: str) -> None:
    assert trail.printable(said) == kept
