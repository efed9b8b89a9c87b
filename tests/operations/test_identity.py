"""Who may sign in, who may do what, and that no secret is stored or shown."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from tests.operations.people import BOOTSTRAP, arrive
from tests.postgres import FSYNC

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.audit import RequestOrigin, request_origin
from enginehouse.domain.errors import (
    AuthenticationFailed,
    CapacityExceeded,
    InvalidInput,
    NotAllowed,
    NotFound,
    Refusal,
    TooManyFailures,
)
from enginehouse.domain.identity import Principal, Role, TokenKind
from enginehouse.operations import accounts, identity
from enginehouse.operations.first_start import first_start
from enginehouse.operations.house import House
from enginehouse.operations.sessions import LoginRefused
from enginehouse.operations.throttle import Throttle
from enginehouse.operations.tokens import fingerprint
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.database.postgres import PostgresDatabase
from enginehouse.storage.identity import IDENTITY_LOCK
from enginehouse.storage.organizations import organizations

PASSWORD = "correct horse battery"
UNKNOWN = "4b1d0c3e-8f5a-4a5b-9a0b-3f2d1c0b9a88"
_number = count()

Operation = Callable[[House, Principal], Awaitable[object]]


async def refused(work: Awaitable[object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value


# -- the permission table -----------------------------------------------------------------------------------


async def make_token(house: House, who: Principal) -> object:
    return await identity.create_token(house, who, role=Role.READER)


async def revoke_token(house: House, who: Principal) -> object:
    chief = await identity.authenticate(house, BOOTSTRAP)
    issued = await identity.create_token(house, chief)
    return await identity.revoke_token(house, who, issued.token.id)


async def make_user(house: House, who: Principal) -> object:
    return await accounts.create_user(house, who, name=f"user {next(_number)}", password=PASSWORD)


async def set_password(house: House, who: Principal) -> object:
    await accounts.set_password(house, who, "sam", PASSWORD)
    return None


async def make_organization(house: House, who: Principal) -> object:
    return await accounts.create_organization(house, who, "One more")


async def make_token_elsewhere(house: House, who: Principal) -> object:
    return await identity.create_token(house, who, organization_id=2)


TABLE: dict[str, tuple[Operation, str]] = {
    # operation: what it does, and who may: r(eader), u(ser), a(dmin), s(uper administrator)
    "me": (identity.me, "ruas"),
    "get_organization": (lambda house, who: accounts.get_organization(house, who, 1), "ruas"),
    "list_organizations": (accounts.list_organizations, "ruas"),
    "list_tokens": (identity.list_tokens, "as"),
    "create_token": (make_token, "as"),
    "revoke_token": (revoke_token, "as"),
    "create_user": (make_user, "as"),
    "set_password": (set_password, "as"),
    "create_organization": (make_organization, "s"),
    "create_token in another organization": (make_token_elsewhere, "s"),
}


async def test_every_operation_by_every_role(house: House) -> None:
    people = await arrive(house)
    await accounts.create_user(house, people.admin, name="sam", password=PASSWORD)
    found = {}
    for name, (operation, _) in TABLE.items():
        allowed = ""
        for role, who in people.roles().items():
            try:
                await operation(house, who)
                allowed += role[0]
            except (NotAllowed, NotFound):  # another organization is NotFound, not NotAllowed
                pass
        found[name] = allowed
    assert found == {name: allowed for name, (_, allowed) in TABLE.items()}


async def test_a_right_is_missing_before_anything_is_looked_up(house: House) -> None:
    people = await arrive(house)
    assert isinstance(await refused(identity.revoke_token(house, people.user, UNKNOWN)), NotAllowed)
    assert isinstance(await refused(accounts.set_password(house, people.user, "nobody", PASSWORD)), NotAllowed)


async def test_nobody_gives_a_token_more_than_they_have(house: House) -> None:
    people = await arrive(house)
    issued = await identity.create_token(house, people.super_admin)
    holder = await identity.authenticate(house, issued.secret)
    assert (holder.role, holder.super_admin) == (Role.ADMIN, False)


async def test_an_administrator_does_not_take_over_a_super_administrator(house: House) -> None:
    people = await arrive(house)
    assert isinstance(await refused(accounts.set_password(house, people.admin, "admin", PASSWORD)), NotAllowed)
    await accounts.set_password(house, people.super_admin, "admin", PASSWORD)
    assert (await identity.login(house, "admin", PASSWORD)).organization.id == 1


# -- foreign is unknown -------------------------------------------------------------------------------------


async def test_the_foreign_looks_like_the_unknown(house: House) -> None:
    people = await arrive(house)
    await accounts.create_user(house, people.admin, name="sam", password=PASSWORD)
    token = (await identity.create_token(house, people.admin)).token
    attempts: dict[str, tuple[Callable[[str], Awaitable[object]], str, str]] = {
        "organization": (lambda key: accounts.get_organization(house, people.stranger, int(key)), "1", "999"),
        "tokens": (lambda key: identity.list_tokens(house, people.stranger, int(key)), "1", "999"),
        "token": (lambda key: identity.revoke_token(house, people.stranger, key), token.id, UNKNOWN),
        "user": (lambda key: accounts.set_password(house, people.stranger, key, PASSWORD), "sam", "nobody"),
    }
    for name, (attempt, foreign, unknown) in attempts.items():
        one, other = await refused(attempt(foreign)), await refused(attempt(unknown))
        assert type(one) is type(other) is NotFound, name
        assert _without(one, foreign) == _without(other, unknown), name
    assert (await identity.authenticate(house, BOOTSTRAP)).organization_id == 1
    assert await accounts.list_organizations(house, people.stranger) != await accounts.list_organizations(
        house, people.super_admin
    )


def _without(refusal: Refusal, key: str) -> str:
    return refusal.message.replace(key, "KEY").replace(f"{key[:6]}…", "KEY")


# -- tokens -------------------------------------------------------------------------------------------------


async def test_the_forms_of_a_token(house: House) -> None:
    people = await arrive(house)
    key = await identity.create_token(house, people.admin, name="ci")
    rest = await identity.create_token(house, people.admin, as_uuid=True)
    assert re.fullmatch(r"[a-z0-9]{6}:[0-9a-f]{64}", key.secret)
    assert str(UUID(rest.secret)) == rest.secret
    for issued in (key, rest):
        assert issued.token.kind is TokenKind.KEY
        assert str(UUID(issued.token.id)) == issued.token.id != issued.secret
        assert issued.token.prefix == issued.secret[:6]
        assert issued.secret not in repr(issued)


async def test_what_is_not_exactly_the_token_opens_nothing(house: House) -> None:
    people = await arrive(house)
    secret = (await identity.create_token(house, people.admin)).secret
    await identity.authenticate(house, secret)
    wrong = ["", secret[:-1], secret.upper(), secret + " ", secret + "\n", secret + "\x00", "\ud800", "x" * 100_000]
    for text in wrong:
        assert isinstance(await refused(identity.authenticate(house, text)), AuthenticationFailed)


async def test_a_revoked_token_is_refused_at_once(house: House) -> None:
    people = await arrive(house)
    for by_secret in (False, True):
        issued = await identity.create_token(house, people.admin, as_uuid=True)
        await identity.authenticate(house, issued.secret)
        named = issued.secret if by_secret else issued.token.id
        revoked = await identity.revoke_token(house, people.admin, named)
        assert isinstance(await refused(identity.authenticate(house, issued.secret)), AuthenticationFailed)
        assert revoked.revoked_at is not None
        assert await identity.revoke_token(house, people.admin, named) == revoked
        assert issued.token.id not in {token.id for token in await identity.list_tokens(house, people.admin)}


async def test_another_server_refuses_a_revoked_token_too(house: House) -> None:
    people = await arrive(house)
    other = House.build(house.database, house.store)
    secret = (await identity.create_token(house, people.admin)).secret
    issued = await identity.authenticate(other, secret)
    await identity.revoke_token(house, people.admin, issued.token_id)
    async with asyncio.timeout(30):
        while await _opens(other, secret):
            await house.database.wait("never", 0.01)


async def test_an_expired_token_is_refused_even_when_it_was_just_seen(house: House) -> None:
    people = await arrive(house)
    now = await house.database.peek(_now)
    expires_at = now + 300_000
    issued = await identity.create_token(house, people.admin, expires_at=expires_at)
    await identity.authenticate(house, issued.secret)
    async with asyncio.timeout(30):
        while await house.database.peek(_now) < expires_at:
            await house.database.wait("never", 0.01)
    assert isinstance(await refused(identity.authenticate(house, issued.secret)), AuthenticationFailed)
    past = await refused(identity.create_token(house, people.admin, expires_at=now))
    assert past.message == "expiration: must be in the future."


async def test_a_slow_look_up_does_not_prolong_a_token(house: House) -> None:
    """The look-up read the token's remaining time and then took one second: this second must not be added."""
    people = await arrive(house)
    known, asked_at = house.known_tokens, time.monotonic() - 1
    known.remember("spent", people.user, left=900_000, since=asked_at, generation=known.generation)
    known.remember("live", people.user, left=900_000, since=time.monotonic(), generation=known.generation)
    assert known.get("spent") is None
    assert known.get("live") == people.user


async def _now(tx: Tx) -> int:
    return tx.now


async def _opens(house: House, secret: str) -> bool:
    try:
        await identity.authenticate(house, secret)
    except AuthenticationFailed:
        return False
    return True


async def test_a_look_up_that_a_revocation_overtook_is_not_remembered(house: House) -> None:
    people = await arrive(house)
    before = house.known_tokens.generation
    house.known_tokens.forget([])
    house.known_tokens.remember("hash", people.user, left=None, since=time.monotonic(), generation=before)
    assert house.known_tokens.get("hash") is None
    house.known_tokens.remember(
        "hash", people.user, left=None, since=time.monotonic(), generation=house.known_tokens.generation
    )
    assert house.known_tokens.get("hash") == people.user


async def test_the_memory_of_tokens_is_bounded(house: House) -> None:
    people = await arrive(house)
    known = house.known_tokens
    for n in range(known.limit + 5):
        known.remember(str(n), people.user, left=None, since=time.monotonic(), generation=known.generation)
    assert known.get(str(known.limit + 4)) == people.user
    assert len(known._known) <= known.limit


async def test_no_secret_is_stored_or_said(house: House, request: pytest.FixtureRequest) -> None:
    people = await arrive(house)
    await accounts.create_user(house, people.admin, name="sam", password=PASSWORD)
    session = await identity.login(house, "sam", PASSWORD)
    secrets = [
        BOOTSTRAP,
        PASSWORD,
        session.token,
        (await identity.create_token(house, people.admin)).secret,
        (await identity.create_token(house, people.admin, as_uuid=True)).secret,
    ]
    stored = await everything_stored(house, request)
    assert "Enginehouse" in stored
    assert [secret for secret in secrets if secret in stored] == []
    refusal = await refused(identity.revoke_token(house, people.stranger, secrets[-1]))
    assert secrets[-1] not in refusal.message
    assert session.token not in repr(session)


async def everything_stored(house: House, request: pytest.FixtureRequest) -> str:
    """The text of every row of every table."""
    if house.database.dialect == "sqlite":
        return _files(request.getfixturevalue("tmp_path"))
    connection = await asyncpg.connect(request.getfixturevalue("postgres_dsn"))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [await connection.fetch(f'SELECT t::text FROM "{table[0]}" t') for table in tables]
        return "\n".join(str(row[0]) for found in rows for row in found)
    finally:
        await connection.close()


def _files(folder: Path) -> str:
    return "".join(path.read_bytes().decode("latin-1") for path in sorted(folder.glob("test.db*")))


# -- signing in ---------------------------------------------------------------------------------------------


async def test_a_login_opens_a_session(house: House) -> None:
    people = await arrive(house)
    user = await accounts.create_user(house, people.admin, name="sam", password=PASSWORD, role=Role.READER)
    first = await identity.login(house, "sam", PASSWORD)
    assert first.user is not None
    assert (first.user.id, first.organization.id, first.last_login_at) == (user.id, 1, None)
    holder = await identity.authenticate(house, first.token)
    assert (holder.user_id, holder.role, holder.super_admin) == (user.id, Role.READER, False)
    again = await identity.validate_token(house, first.token)
    assert again.user is not None
    assert (again.token, again.organization) == (first.token, first.organization)
    assert (await identity.login(house, "sam", PASSWORD)).last_login_at == again.user.last_login_at is not None
    assert await identity.logout(house, first.token)
    assert isinstance(await refused(identity.authenticate(house, first.token)), AuthenticationFailed)
    assert not await identity.logout(house, first.token)


async def test_logging_out_does_not_revoke_a_key(house: House) -> None:
    await arrive(house)
    assert not await identity.logout(house, BOOTSTRAP)
    await identity.authenticate(house, BOOTSTRAP)


async def test_a_wrong_password_and_an_unknown_name_are_told_the_same(house: House) -> None:
    people = await arrive(house)
    await accounts.create_user(house, people.admin, name="sam", password=PASSWORD)
    for name, password in [("sam", "wrong"), ("sam", ""), ("nobody", PASSWORD), ("s\x00m", PASSWORD), ("", "")]:
        refusal = await refused(identity.login(house, name, password))
        assert type(refusal) is LoginRefused


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def address(text: str) -> Iterator[None]:
    """Requests come from this address."""
    before = request_origin.set(RequestOrigin(client_ip=text))
    try:
        yield
    finally:
        request_origin.reset(before)


async def test_guesses_are_counted_by_name_and_address(house: House) -> None:
    people = await arrive(house)
    for name in ("sam", "kim"):
        await accounts.create_user(house, people.admin, name=name, password=PASSWORD)
    clock = Clock()
    house.failed_logins.guesses = Throttle(allowed=3, clock=clock)
    for network in ("192.0.2.1", "2001:db8::1"):
        with address(network):
            for name in ("sam", "nobody"):
                guesses = [identity.login(house, name, f"guess {n}") for n in range(10)]
                answers = [type(each) for each in await asyncio.gather(*guesses, return_exceptions=True)]
                assert (answers.count(LoginRefused), answers.count(CapacityExceeded)) == (3, 7)
            stopped = await refused(identity.login(house, "sam", PASSWORD))
            assert stopped.data["retry_after"] == 20
            await identity.login(house, "kim", PASSWORD)
    for elsewhere in ("192.0.2.2", "2001:db8:0:1::1", ""):
        with address(elsewhere):
            await identity.login(house, "sam", PASSWORD)
    for same in ("::ffff:192.0.2.1", "2001:db8::ffff:1"):
        with address(same):
            assert isinstance(await refused(identity.login(house, "sam", PASSWORD)), CapacityExceeded)
    clock.now += 20
    with address("192.0.2.1"):
        await identity.login(house, "sam", PASSWORD)
        assert type(await refused(identity.login(house, "sam", "wrong"))) is LoginRefused


async def test_guesses_over_many_names_from_one_address_are_slowed(house: House) -> None:
    people = await arrive(house)
    for name in ("sam", "kim"):
        await accounts.create_user(house, people.admin, name=name, password=PASSWORD)
    clock = Clock()
    house.failed_logins.names = Throttle(allowed=5, clock=clock)
    with address("192.0.2.1"):
        await identity.login(house, "kim", PASSWORD)
        guesses = [identity.login(house, f"name {n}", "Spring2026!") for n in range(20)]
        answers = [type(each) for each in await asyncio.gather(*guesses, return_exceptions=True)]
        assert (answers.count(LoginRefused), answers.count(CapacityExceeded)) == (5, 15)
        slowed = await refused(identity.login(house, "sam", PASSWORD))
        assert (type(slowed), slowed.data["retry_after"]) == (CapacityExceeded, 12)
        await identity.login(house, "kim", PASSWORD)  # has signed in from there before
    with address("192.0.2.2"):
        await identity.login(house, "sam", PASSWORD)
    with address("192.0.2.1"):
        clock.now += 12
        await identity.login(house, "sam", PASSWORD)


async def test_bad_tokens_from_one_address_are_slowed_and_a_valid_one_never(house: House) -> None:
    await arrive(house)
    house.bad_tokens.allowed, house.bad_tokens.clock = 5, Clock()
    issued = await identity.create_token(house, await identity.authenticate(house, BOOTSTRAP))
    with address("192.0.2.1"):
        answers = [type(await refused(identity.authenticate(house, f"bad {n}" * (1 + 200 * n)))) for n in range(9)]
        assert answers == [AuthenticationFailed] * 5 + [TooManyFailures] * 4
        late = await refused(identity.validate_token(house, "bad"))
        assert (type(late), late.rest_status, late.data["retry_after"]) == (TooManyFailures, 429, 12)
        for good in (BOOTSTRAP, issued.secret):
            house.known_tokens.forget([fingerprint(good)])
            await identity.authenticate(house, good)
    with address("192.0.2.2"):
        assert type(await refused(identity.authenticate(house, "bad"))) is AuthenticationFailed


async def test_memory_for_failures_is_bounded() -> None:
    throttle = Throttle(allowed=1, limit=10)
    for number in range(100):
        throttle.note(number)
    assert (len(throttle._failures), throttle.wait(0)) == (10, 0)
    assert throttle.wait(99) > 0
    throttle.forgive(0)  # it was pushed out before
    throttle.forgive(99)
    assert (len(throttle._failures), throttle.wait(99)) == (9, 0)


async def test_the_last_token_of_a_super_administrator_does_not_revoke_itself(house: House) -> None:
    people = await arrive(house)
    own = await identity.authenticate(house, BOOTSTRAP)
    for named in (BOOTSTRAP, own.token_id):
        refusal = await refused(identity.revoke_token(house, own, named))
        assert isinstance(refusal, InvalidInput)
        assert "last token of a super administrator" in refusal.message
        assert BOOTSTRAP not in refusal.message
    await identity.authenticate(house, BOOTSTRAP)
    # With a second one, one of two that revoke themselves at once stays.
    second = UNKNOWN
    await first_start(house, init_token=second)
    ends = [
        identity.revoke_token(house, await identity.authenticate(house, each), each) for each in (BOOTSTRAP, second)
    ]
    answers = await asyncio.gather(*ends, return_exceptions=True)
    assert [type(each) for each in answers].count(InvalidInput) == 1
    # A session proves that the password is known: it may revoke the last token, and itself.
    await accounts.set_password(house, people.super_admin, "admin", PASSWORD)
    session = await identity.login(house, "admin", PASSWORD)
    holder = await identity.authenticate(house, session.token)
    for each in await identity.list_tokens(house, holder):
        await identity.revoke_token(house, holder, each.id)
    assert isinstance(await refused(identity.authenticate(house, BOOTSTRAP)), AuthenticationFailed)


async def test_the_last_way_into_an_organization_does_not_end_itself(house: House) -> None:
    own = (await arrive(house)).stranger
    await identity.create_token(house, own, role=Role.READER)  # a reader cannot create another token
    refusal = await refused(identity.revoke_token(house, own, own.token_id))
    assert isinstance(refusal, InvalidInput)
    assert "last token of an administrator of the organization" in refusal.message
    # Of two that revoke themselves at once, one stays.
    second = await identity.authenticate(house, (await identity.create_token(house, own)).secret)
    ends = [identity.revoke_token(house, each, each.token_id) for each in (own, second)]
    answers = await asyncio.gather(*ends, return_exceptions=True)
    [left] = [each for each, end in zip((own, second), answers, strict=True) if isinstance(end, InvalidInput)]
    # A user who is an administrator is another way in.
    await accounts.create_user(house, left, name="sam", password=PASSWORD)
    assert isinstance(await refused(identity.revoke_token(house, left, left.token_id)), InvalidInput)
    await accounts.create_user(house, left, name="chief", password=PASSWORD, role=Role.ADMIN)
    assert (await identity.revoke_token(house, left, left.token_id)).revoked_at is not None


async def test_a_new_password_ends_the_sessions_of_its_user(house: House) -> None:
    people = await arrive(house)
    await accounts.create_user(house, people.admin, name="sam", password=PASSWORD)
    session = await identity.login(house, "sam", PASSWORD)
    await identity.authenticate(house, session.token)
    await accounts.set_password(house, people.admin, "sam", "another password")
    assert isinstance(await refused(identity.authenticate(house, session.token)), AuthenticationFailed)
    assert type(await refused(identity.login(house, "sam", PASSWORD))) is LoginRefused
    await identity.login(house, "sam", "another password")


# -- users and organizations --------------------------------------------------------------------------------


async def test_a_name_is_given_once_in_all_organizations(house: House) -> None:
    people = await arrive(house)
    made = await asyncio.gather(
        *(
            accounts.create_user(house, who, name="sam", password=PASSWORD)
            for who in (people.admin, people.stranger, people.admin)
        ),
        return_exceptions=True,
    )
    taken = [one for one in made if isinstance(one, InvalidInput)]
    assert len(taken) == 2
    assert taken[0].message == 'name: the name "sam" is taken.'


async def test_what_a_user_must_be(house: House) -> None:
    people = await arrive(house)
    refusal = await refused(accounts.create_user(house, people.admin, name=" ", password="short", email="a\x00b"))
    assert refusal.message.splitlines() == [
        "name: must be given.",
        "email: must not contain a NUL character or half of a surrogate pair.",
        "password: must have at least 8 characters.",
    ]


async def test_organizations_are_numbered_from_one(house: House) -> None:
    people = await arrive(house)
    made = await asyncio.gather(
        *(accounts.create_organization(house, people.super_admin, f"Org {n}") for n in range(5))
    )
    assert sorted(one.id for one in made) == [3, 4, 5, 6, 7]
    assert len({UUID(one.application_id) for one in made}) == 5


# -- the first start ----------------------------------------------------------------------------------------


async def test_the_first_start_happens_once_however_many_begin_it(house: House) -> None:
    houses = [house, House.build(house.database, house.store), House.build(house.database, house.store)]
    starts = await asyncio.gather(*(first_start(one, init_token=None) for one in houses))
    [made] = [start for start in starts if start.admin_password or start.token]
    assert made.admin_password is not None
    assert made.token is not None
    chief = await identity.authenticate(house, made.token)
    assert (chief.organization_id, chief.role, chief.super_admin) == (1, Role.ADMIN, True)
    session = await identity.login(house, "admin", made.admin_password)
    assert session.user is not None
    assert (await identity.me(house, chief))[0] == (
        await identity.me(house, await identity.authenticate(house, session.token))
    )[0]
    assert len(await accounts.list_organizations(house, chief)) == 1
    again = await first_start(house, init_token=None)
    assert (again.admin_password, again.token) == (None, None)
    assert made.token not in repr(made)


async def test_first_starts_that_meet_wait_for_each_other(
    postgres_database: Database, postgres_dsn: str, store: DiskStore
) -> None:
    house = House.build(postgres_database, store)
    other = await PostgresDatabase.open(postgres_dsn, writers=1, readers=1, allow_unsafe_durability=FSYNC == "off")
    held, both_wait = asyncio.Event(), asyncio.Event()

    async def hold(tx: Tx) -> None:
        await tx.lock(IDENTITY_LOCK)
        held.set()
        await both_wait.wait()

    holding = asyncio.create_task(other.write(hold))
    await held.wait()
    starts = [asyncio.create_task(first_start(house, init_token=None)) for _ in range(2)]
    async with asyncio.timeout(30):
        while await _waiting_for_a_lock(postgres_dsn) < 2:
            await house.database.wait("never", 0.01)
    both_wait.set()
    await holding
    made = [start for start in await asyncio.gather(*starts) if start.token]
    await other.close()
    assert len(made) == 1
    assert len(await house.database.read(organizations)) == 1


async def _waiting_for_a_lock(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return int(await connection.fetchval(waiting))
    finally:
        await connection.close()


async def test_the_token_of_the_operator_belongs_to_the_first_administrator(house: House) -> None:
    for token in (BOOTSTRAP, BOOTSTRAP, UNKNOWN):
        start = await first_start(house, init_token=f" {token}\n")
        assert start.token is None
        user, organization = await identity.me(house, await identity.authenticate(house, token))
        assert user is not None
        assert (user.name, organization.id) == ("admin", 1)


async def test_a_revoked_bootstrap_token_does_not_come_back_with_the_next_start(house: House) -> None:
    people = await arrive(house)
    await identity.revoke_token(house, people.admin, people.super_admin.token_id)
    await first_start(house, init_token=BOOTSTRAP)
    assert isinstance(await refused(identity.authenticate(house, BOOTSTRAP)), AuthenticationFailed)
