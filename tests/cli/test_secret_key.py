"""What `doctor` finds about the secret key: readable, private, and the one of the database."""

from pathlib import Path

import pytest

from enginehouse.cli import secret_key
from enginehouse.cli.verdict import Verdict
from enginehouse.domain.secret_key import SecretKey
from enginehouse.server.secret_key import FILE

KEY, OTHER = SecretKey(b"k" * 32), SecretKey(b"o" * 32)


def folder(tmp_path: Path, text: str | None, mode: int = 0o600) -> Path:
    if text is not None:
        (tmp_path / FILE).write_text(text)
        (tmp_path / FILE).chmod(mode)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "mode", "known", "verdict", "said"),
    [
        (None, 0, None, Verdict.OK, "the first start of a server makes"),
        (KEY.text, 0o600, None, Verdict.OK, "the next start binds the database to the key in"),
        (KEY.text, 0o600, KEY.check, Verdict.OK, "is the database's"),
        (KEY.text, 0o400, KEY.check, Verdict.OK, "is the database's"),
        (KEY.text, 0o640, KEY.check, Verdict.WRONG, "whose mode is 640. Take their rights: chmod 600"),
        (KEY.text, 0o604, None, Verdict.WRONG, "other users can use"),
        (OTHER.text, 0o600, KEY.check, Verdict.WRONG, "is another one, and the database was used with a secret key"),
        (None, 0, KEY.check, Verdict.WRONG, "There is no secret key in"),
        ("nothing", 0o600, KEY.check, Verdict.WRONG, "Restore it from a backup."),
        ("", 0o600, None, Verdict.WRONG, "Restore it from a backup."),
    ],
)  # fmt: skip
def test_the_key_of_the_folder(
    tmp_path: Path, text: str | None, mode: int, known: str | None, verdict: Verdict, said: str
) -> None:
    found = secret_key.finding(folder(tmp_path, text, mode), None, known)
    assert found is not None
    assert (found.name, found.verdict) == ("secret key", verdict)
    assert said in found.text
    assert str(tmp_path / FILE) in found.text
    assert KEY.text not in found.text
    assert OTHER.text not in found.text


@pytest.mark.parametrize(
    ("given", "verdict", "said"),
    [
        (KEY.text, Verdict.OK, "ENGINEHOUSE_SECRET_KEY is the database's"),
        (OTHER.text, Verdict.WRONG, "The secret key in ENGINEHOUSE_SECRET_KEY is another one"),
        ("short", Verdict.WRONG, "ENGINEHOUSE_SECRET_KEY must be 64 hexadecimal digits"),
    ],
)
def test_a_key_in_the_environment_stands_for_the_file(tmp_path: Path, given: str, verdict: Verdict, said: str) -> None:
    for data in (folder(tmp_path, "nothing", 0o644), None):
        found = secret_key.finding(data, given, KEY.check)
        assert found is not None
        assert (found.verdict, said in found.text) == (verdict, True)


def test_a_key_that_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    found = secret_key.finding(tmp_path, None, None)
    assert found is not None
    assert found.verdict is Verdict.WRONG
    assert "cannot be read: Is a directory. Make the user of the server its owner." in found.text


def test_nothing_is_said_without_a_place() -> None:
    assert secret_key.finding(None, None, KEY.check) is None
