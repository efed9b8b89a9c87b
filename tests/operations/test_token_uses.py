"""The last use of a token: coarse, stored apart from the requests, at most once an hour; on both databases."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.operations.people import BOOTSTRAP, arrive

from enginehouse.domain.errors import Unavailable
from enginehouse.domain.identity import Principal, Token, TokenHolder
from enginehouse.operations import identity
from enginehouse.operations.house import House
from enginehouse.operations.token_uses import TokenUses
from enginehouse.operations.tokens import fingerprint, token_id
from enginehouse.storage import token_uses
from enginehouse.storage import tokens as stored_tokens
from enginehouse.storage.token_uses import EXACT


class Written:
    """A database that counts its write transactions, and refuses them while `down`."""

    def __init__(self, house: House) -> None:
        self._house, self.writes, self.down = house, 0, False

    async def write(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        self.writes += 1
        if self.down:
            raise Unavailable("It is down.")
        return await self._house.database.write(work)


@pytest.fixture
async def chief(house: House) -> Principal:
    await arrive(house)
    await house.token_uses.store()
    return await identity.authenticate(house, BOOTSTRAP)


async def key(house: House, chief: Principal) -> str:
    return (await identity.create_token(house, chief, name="nightly")).secret


async def shown(house: House, chief: Principal, secret: str) -> Token:
    return next(one for one in await identity.list_tokens(house, chief) if one.id == token_id(fingerprint(secret)))


async def holder(house: House, secret: str) -> TokenHolder:
    found = await house.database.read(lambda tx: stored_tokens.holder(tx, fingerprint(secret)))
    assert found is not None
    return found


async def test_a_use_is_known_at_once_here_and_to_others_after_the_store(house: House, chief: Principal) -> None:
    secret = await key(house, chief)
    await house.token_uses.store()
    assert (await shown(house, chief, secret)).used_at is None
    await identity.authenticate(house, secret)
    at_once = (await shown(house, chief, secret)).used_at
    assert (await holder(house, secret)).used_at is None
    await house.token_uses.store()
    assert (await holder(house, secret)).used_at == at_once
    token = await shown(house, chief, secret)
    assert token.used_at is not None
    assert token.created_at <= token.used_at
    assert token.modified_at == token.created_at


@pytest.mark.parametrize(("later", "stored"), [(EXACT - 1, False), (EXACT, True)])
async def test_within_the_hour_no_use_is_stored(house: House, chief: Principal, later: int, stored: bool) -> None:
    secret, database = await key(house, chief), Written(house)
    uses = TokenUses(cast(Any, database))
    first = await holder(house, secret)
    uses.note(first)
    await uses.store()
    await uses.store()
    assert database.writes == 1
    again = replace(await holder(house, secret), now=first.now + later)
    uses.note(again)
    await uses.store()
    assert database.writes == 1 + stored
    assert (await shown(house, chief, secret)).used_at == first.now + stored * later


async def test_what_another_server_has_stored_within_the_hour_stays(house: House, chief: Principal) -> None:
    secret = await key(house, chief)
    found = await holder(house, secret)
    for later in (0, EXACT - 1, -EXACT):
        uses = {found.principal.token_id: found.now + later}
        await house.database.write(lambda tx, uses=uses: token_uses.note(tx, uses))  # type: ignore[misc]
    assert (await shown(house, chief, secret)).used_at == found.now


async def test_a_use_waits_for_a_database_that_is_down(house: House, chief: Principal) -> None:
    secret, database = await key(house, chief), Written(house)
    uses = TokenUses(cast(Any, database))
    database.down = True
    uses.note(await holder(house, secret))
    await uses.store()
    assert (await shown(house, chief, secret)).used_at is None
    database.down = False
    await uses.store()
    assert (await shown(house, chief, secret)).used_at is not None
