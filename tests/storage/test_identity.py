"""The rows of tokens, users and organizations: what is valid, what expires, what exists only once."""

import asyncio
from functools import partial

from enginehouse.domain.identity import Role, TokenKind
from enginehouse.storage import identity
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.identity import UserRecord
from enginehouse.storage.tokens import TokenRecord


def token(called: str, **fields: object) -> TokenRecord:
    known: dict[str, object] = {
        "prefix": called[:6],
        "organization_id": 1,
        "user_id": None,
        "kind": TokenKind.KEY,
        "role": Role.USER,
        **fields,
    }
    return TokenRecord(hash=f"hash of {called}", id=f"id of {called}", **known)  # type: ignore[arg-type]


def user(name: str, **fields: object) -> UserRecord:
    known: dict[str, object] = {"password_hash": "argon", "role": Role.USER, **fields}
    return UserRecord(id=f"id of {name}", name=name, **known)  # type: ignore[arg-type]


async def organization(tx: Tx, name: str = "First") -> int:
    made = await stored_organizations.create_organization(
        tx, name=name, application_id=f"application of {name}", default_retries=None
    )
    return made.id


async def test_a_token_opens_until_it_expires_or_is_revoked(database: Database) -> None:
    async def issue(tx: Tx) -> None:
        await organization(tx)
        await stored_tokens.insert_token(tx, token("lasting", super_admin=True))
        await stored_tokens.insert_token(tx, token("expired", expires_at=tx.now))
        await stored_tokens.insert_token(tx, token("passing", expires_at=tx.now + 3_600_000_000))
        await stored_tokens.insert_token(tx, token("revoked"))
        assert await stored_tokens.revoke_token(tx, 2, "id of revoked") == []
        assert await stored_tokens.revoke_token(tx, 1, "id of revoked") == ["hash of revoked"]
        assert await stored_tokens.revoke_token(tx, 1, "id of revoked") == []

    await database.write(issue)

    async def look(tx: Tx) -> None:
        lasting = await stored_tokens.holder(tx, "hash of lasting")
        assert lasting is not None
        assert (lasting.principal.super_admin, lasting.principal.role, lasting.left) == (True, Role.USER, None)
        passing = await stored_tokens.holder(tx, "hash of passing")
        assert passing is not None
        assert passing.left is not None
        assert 0 < passing.left <= 3_600_000_000
        for name in ("expired", "revoked", "unknown"):
            assert await stored_tokens.holder(tx, f"hash of {name}") is None
        assert [one.id for one in await stored_tokens.live_tokens(tx, 1)] == ["id of lasting", "id of passing"]
        assert await stored_tokens.live_tokens(tx, 2) == []
        assert await stored_tokens.token(tx, 2, token_id="id of lasting", token_hash="hash of lasting") is None

    await database.read(look)


async def test_a_token_that_is_there_stays_as_it_is(database: Database) -> None:
    async def issue(tx: Tx) -> None:
        await organization(tx)
        first = await stored_tokens.insert_token(tx, token("one", name="first"))
        await stored_tokens.revoke_token(tx, 1, first.id)
        again = await stored_tokens.insert_token(tx, token("one", name="second", role=Role.ADMIN))
        assert (again.name, again.role, again.revoked_at) == ("first", Role.USER, tx.now)

    await database.write(issue)


async def test_numbers_and_names_are_given_once(database: Database) -> None:
    numbers = await asyncio.gather(*(database.write(partial(organization, name=f"Org {n}")) for n in range(8)))
    assert sorted(numbers) == list(range(1, 9))
    made = await asyncio.gather(*(database.write(partial(_add, organization_id=n)) for n in range(1, 9)))
    assert len([one for one in made if one is not None]) == 1


async def _add(tx: Tx, organization_id: int) -> object:
    row = UserRecord(id=f"id {organization_id}", name="sam", password_hash="argon", role=Role.USER)
    return await identity.create_user(tx, organization_id, row)


async def test_a_session_opens_only_for_the_password_that_was_verified(database: Database) -> None:
    async def sign_in(tx: Tx) -> None:
        await organization(tx)
        sam = await identity.create_user(tx, 1, user("sam"))
        assert sam is not None
        session = token("session", user_id=sam.id, kind=TokenKind.SESSION, expires_at=tx.now + 1_000_000)
        assert not await identity.open_session(tx, sam, "another", session)
        assert await stored_tokens.holder(tx, session.hash) is None
        assert await identity.open_session(tx, sam, "argon", session)
        assert await stored_tokens.holder(tx, session.hash) is not None
        assert await identity.set_password(tx, sam, "newer") == [session.hash]
        assert await stored_tokens.holder(tx, session.hash) is None
        assert not await identity.open_session(tx, sam, "argon", token("late", user_id=sam.id))

    await database.write(sign_in)


async def test_sessions_that_are_over_do_not_pile_up(database: Database) -> None:
    async def sign_in(tx: Tx) -> int:
        await organization(tx)
        sam = await identity.create_user(tx, 1, user("sam"))
        assert sam is not None
        old = token("old", user_id=sam.id, kind=TokenKind.SESSION, expires_at=tx.now)
        key = token("key", user_id=sam.id, expires_at=tx.now)
        await stored_tokens.insert_token(tx, old)
        await stored_tokens.insert_token(tx, key)
        new = token("new", user_id=sam.id, kind=TokenKind.SESSION, expires_at=tx.now + 1_000_000)
        await identity.open_session(tx, sam, "argon", new)
        left = [await stored_tokens.token(tx, 1, token_id=row.id, token_hash="") for row in (old, key, new)]
        assert [one and one.id for one in left] == [None, key.id, new.id]
        return tx.now

    await database.write(sign_in)


async def test_a_user_is_seen_by_its_own_organization(database: Database) -> None:
    async def add(tx: Tx) -> None:
        await organization(tx, "First")
        await organization(tx, "Second")
        sam = await identity.create_user(tx, 2, user("sam", email="sam@example.com"))
        assert sam is not None
        assert await identity.user(tx, 2, sam.id) == sam == await identity.user_named(tx, 2, "sam")
        assert await identity.user(tx, 1, sam.id) is None
        assert await identity.user_named(tx, 1, "sam") is None
        assert await identity.user_named(tx, None, "sam") == sam
        assert await identity.user_signing_in(tx, "sam") == (sam, "argon")
        assert await identity.first_administrator(tx) is None
        chief = await identity.create_user(tx, 1, user("chief", role=Role.ADMIN))
        assert chief is not None
        assert await identity.first_administrator(tx) == (1, chief.id)
        assert await identity.first_administrator(tx, 2) is None

    await database.write(add)
