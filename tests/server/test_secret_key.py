"""The file of the secret key: made once, private, and refused with a sentence if it holds no key."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from enginehouse.domain.errors import Unavailable
from enginehouse.server import secret_key


def test_it_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    assert secret_key.read(tmp_path) is None
    key = secret_key.make(tmp_path)
    assert secret_key.make(tmp_path) == secret_key.read(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


@pytest.mark.parametrize("text", ["", "not a key", "0" * 63])
def test_a_file_that_holds_no_key_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text(text)
    with pytest.raises(Unavailable, match=r"secret-key must hold 64 hexadecimal digits"):
        secret_key.read(tmp_path)


def test_the_variable_holds_a_key_or_is_refused_without_showing_it() -> None:
    assert secret_key.given("AB" * 32).text == "ab" * 32
    with pytest.raises(Unavailable, match="ENGINEHOUSE_SECRET_KEY must be 64") as refused:
        secret_key.given("hunter2")
    assert "hunter2" not in str(refused.value)


def test_servers_that_start_at_once_have_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: secret_key.make(tmp_path).text, range(32)))) == 1
