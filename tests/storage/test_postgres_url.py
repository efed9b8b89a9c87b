"""An unusable PostgreSQL URL is refused without its password in the message."""

import pytest

from enginehouse.storage.database.database import StorageRefused
from enginehouse.storage.database.postgres import PostgresDatabase


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:hun/ter@host/x",
        "postgresql://someone:hun#ter@host/x",
        "postgresql://someone:hun?ter@host/x",
        "postgresql://someone:hun[ter@host/x",
        "postgresql://someone:hun@ter@:x/x",
        "postgresql://someone:hunter@127.0.0.1:1/x?sslmode=hunter",
        "postgresql://someone:hunter@127.0.0.1:1/x",
    ],
)
async def test_no_part_of_the_password_is_told(url: str) -> None:
    with pytest.raises(StorageRefused, match="PostgreSQL cannot be used") as refused:
        await PostgresDatabase.open(url)
    assert "hun" not in str(refused.value)
    assert "ter" not in str(refused.value).replace("parameter", "").replace("characters", "")
