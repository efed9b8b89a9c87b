"""A database and the secret key of its servers: the first start tells it, and no server starts with another one."""

import pytest

from enginehouse.domain import secret_key as keys
from enginehouse.domain.secret_key import SecretKey, fresh, parse
from enginehouse.operations import secret_key
from enginehouse.storage.database.database import Database, StorageRefused

KEY = SecretKey(bytes(range(32)))


async def test_the_first_key_wins_and_stays(database: Database) -> None:
    await secret_key.bind(database, KEY, "here")
    await secret_key.bind(database, KEY, "here")
    with pytest.raises(StorageRefused, match=r"The secret key in there is another one.*ENGINEHOUSE_SECRET_KEY"):
        await secret_key.bind(database, fresh(), "there")
    with pytest.raises(StorageRefused, match="There is no secret key in there"):
        await secret_key.bind(database, None, "there")
    await secret_key.bind(database, KEY, "here")


async def test_only_a_new_database_has_no_key_yet(database: Database) -> None:
    assert not await secret_key.is_bound(database)
    with pytest.raises(StorageRefused, match="There is no secret key in here"):
        await secret_key.bind(database, None, "here")
    assert await secret_key.bind(database, KEY, "here") == KEY
    assert await secret_key.is_bound(database)


def test_a_key_is_64_digits() -> None:
    assert parse(f"  {KEY.text.upper()}\n") == KEY
    for text in ("", "secret", KEY.text[:-1], KEY.text + "0", "g" * 64):
        assert parse(text) is None


def test_keys_for_two_purposes_differ_and_the_check_is_none_of_them() -> None:
    derived = {KEY.derive("a"), KEY.derive("b"), KEY.value, bytes.fromhex(KEY.check)}
    assert len(derived) == 4
    assert fresh() != fresh()
    assert KEY.text not in repr(KEY)
    assert repr(KEY.value) not in repr(KEY)
    assert keys.FORM.startswith("64 ")
