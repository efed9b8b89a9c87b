"""Signing in with a key: the browser gets a session that may do no more than the key, and that ends with it."""

from typing import Final

import pytest
from tests.web.conftest import PASSWORD, Place
from tests.web.reader import Reader, text

from enginehouse.domain.audit import AuditFilter
from enginehouse.domain.errors import AuthenticationFailed, InvalidInput
from enginehouse.domain.identity import Role, TokenRequest, UserRequest
from enginehouse.domain.refs import UuidRef
from enginehouse.domain.token_quotas import QuotaRequest
from enginehouse.operations import accounts, identity, maintenance, token_changes, tokens, users, worker_tokens
from enginehouse.operations.audit import queries
from enginehouse.operations.sessions import IssuedToken

SECOND: Final = 1_000_000


async def key(place: Place, role: Role = Role.USER, **more: object) -> IssuedToken:
    return await identity.create_token(place.house, place.caller, name="nightly", role=role, **more)  # type: ignore[arg-type]


async def entered(place: Place, secret: str) -> Reader:
    """Returns a browser that has signed in with the key."""
    reader = await place.reader()
    await reader.get("/jobs")
    answer = await reader.post("/sign-in/key", key=secret, next="/jobs")
    assert (answer.status_code, answer.url.path) == (200, "/jobs"), text(answer)
    return reader


async def is_in(reader: Reader) -> bool:
    return (await reader.get("/jobs")).url.path == "/jobs"


async def test_the_browser_gets_a_session_and_never_the_key(place: Place) -> None:
    issued = await key(place)
    reader = await entered(place, issued.secret)
    held = reader.http.cookies["eh"]
    assert held != issued.secret
    session = await identity.authenticate(place.house, held)
    holder = await identity.authenticate(place.house, issued.secret)
    assert session.token_id != holder.token_id
    assert (session.role, session.super_admin, session.user_id) == (Role.USER, False, place.caller.user_id)


@pytest.mark.parametrize(("role", "allowed"), [(Role.READER, 403), (Role.USER, 404), (Role.ADMIN, 404)])
async def test_the_session_may_do_what_the_key_may_do(place: Place, role: Role, allowed: int) -> None:
    """Its person is an administrator, whatever the key."""
    reader = await entered(place, (await key(place, role)).secret)
    assert (await reader.post("/schedules/1/pause")).status_code == allowed
    assert (await reader.get("/audit")).status_code == (200 if role is Role.ADMIN else 403)


async def test_it_follows_a_key_that_may_do_less_later_and_not_a_person_who_may_do_more(place: Place) -> None:
    person = await accounts.create_user(place.house, place.caller, name="ada", password=PASSWORD, role=Role.ADMIN)
    ada = await identity.authenticate(place.house, (await identity.login(place.house, "ada", PASSWORD)).token)
    issued = await identity.create_token(place.house, ada, role=Role.ADMIN)
    reader = await entered(place, issued.secret)
    for change in (
        token_changes.update(place.house, place.caller, issued.token.id, TokenRequest(role=Role.READER)),
        users.update(place.house, place.caller, UuidRef(person.id, person.id), UserRequest(role=Role.USER)),
        users.update(place.house, place.caller, UuidRef(person.id, person.id), UserRequest(role=Role.ADMIN)),
    ):
        await change
        place.house.known_tokens.forget([tokens.fingerprint(reader.http.cookies["eh"])])
        assert (await identity.authenticate(place.house, reader.http.cookies["eh"])).role is Role.READER


async def test_it_ends_with_the_key(place: Place) -> None:
    issued = await key(place)
    readers = [await entered(place, issued.secret) for _ in range(2)]
    other = await entered(place, (await key(place)).secret)
    assert all([await is_in(reader) for reader in readers])
    await identity.revoke_token(place.house, place.caller, issued.token.id)
    assert [await is_in(reader) for reader in [*readers, other]] == [False, False, True]


async def test_it_ends_no_later_than_the_key(place: Place) -> None:
    end = await maintenance.storage_time(place.house) + 600 * SECOND
    issued = await key(place, expires_at=end)
    reader = await entered(place, issued.secret)
    found = {token.id: token for token in await identity.list_tokens(place.house, place.caller)}
    session = await identity.authenticate(place.house, reader.http.cookies["eh"])
    assert found[session.token_id].expires_at == end
    assert found[session.token_id].key_id == issued.token.id


async def test_a_quota_of_the_key_counts_for_its_sessions(place: Place) -> None:
    issued = await key(place, quota=QuotaRequest(tasks_per_hour=5))
    reader = await entered(place, issued.secret)
    session = await identity.authenticate(place.house, reader.http.cookies["eh"])
    assert session.quota is not None
    assert session.quota.token_id == issued.token.id


async def test_no_session_of_more_rights_is_made_of_it(place: Place) -> None:
    reader = await entered(place, (await key(place, Role.READER)).secret)
    held = reader.http.cookies["eh"]
    with pytest.raises(InvalidInput, match="the session of a key"):
        await identity.refresh_token(place.house, held)
    answer = await reader.post("/sign-out")
    assert answer.url.path == "/sign-in"
    with pytest.raises(AuthenticationFailed):
        await identity.authenticate(place.house, held)


async def test_a_wrong_key_is_said_and_not_shown(place: Place) -> None:
    reader = await place.reader()
    await reader.get("/jobs")
    answer = await reader.post("/sign-in/key", key="abcdef:" + "0" * 64, next="/jobs")
    assert (answer.status_code, "This key is unknown" in text(answer)) == (401, True)
    assert "0" * 64 not in answer.text
    place.house.bad_tokens.allowed = 3
    statuses = [(await reader.post("/sign-in/key", key=f"wrong {n}")).status_code for n in range(4)]
    assert statuses[-1] == 429


async def test_only_a_key_of_a_person_opens_a_page(place: Place) -> None:
    worker = await worker_tokens.create(place.house, place.caller)
    await accounts.create_user(place.house, place.caller, name="ada", password=PASSWORD)
    session = await identity.login(place.house, "ada", PASSWORD)
    reader = await place.reader()
    for secret, said in ((worker.secret, "for workers"), (session.token, "not a key")):
        await reader.get("/jobs")
        answer = await reader.post("/sign-in/key", key=secret)
        assert (answer.status_code, said in text(answer)) == (403, True), text(answer)
        assert not await is_in(reader)


async def test_the_audit_says_with_which_key(place: Place) -> None:
    issued = await key(place)
    await entered(place, issued.secret)
    [entry] = await queries.list_(place.house, place.caller, AuditFilter(event="userLogin"))
    assert (entry.object_id, entry.token_id, entry.detail) == (issued.token.id, issued.token.id, "with a key")


@pytest.mark.parametrize("proof", ["", "0" * 64])
async def test_a_form_without_its_proof_does_nothing(place: Place, proof: str) -> None:
    reader = await place.reader()
    await reader.get("/jobs")
    answer = await reader.post("/sign-in/key", key=(await key(place)).secret, proof=proof)
    assert answer.status_code == 403
    assert not await is_in(reader)
