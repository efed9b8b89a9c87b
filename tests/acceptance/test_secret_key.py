"""The secret key of a server: the database holds no secret, and a server without the right key does not start."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.acceptance.servers import call, serving

KEY = "5e" * 32


def refused(data: Path, environment: dict[str, str] | None = None) -> str:
    said = call("serve", "--data", str(data), "--port", "0", environment=environment)
    assert said.code == 1
    [line] = said.err.splitlines()
    return line


def test_a_lost_or_wrong_key_is_one_sentence_and_the_right_one_starts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data):
        pass
    file = data / "secret-key"
    key = file.read_text().strip()
    file.unlink()
    assert f"There is no secret key in {file}" in refused(data)
    assert not file.exists()
    file.write_text(KEY)
    assert f"The secret key in {file} is another one" in refused(data)
    assert "must be 64 hexadecimal digits" in refused(data, {"ENGINEHOUSE_SECRET_KEY": "short"})
    with serving(data, environment={"ENGINEHOUSE_SECRET_KEY": key}):
        pass


def test_the_database_and_its_dump_hold_no_secret(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server, server.client() as client:
        answer = client.post("/api/v1/webhooks/secret/rotate")
        secret = answer.json()["result"]["secret"]
    key = (data / "secret-key").read_text().strip()
    with closing(sqlite3.connect(data / "enginehouse.db")) as database:
        dump = "\n".join(database.iterdump())
    assert "webhook_secret" in dump
    bytes_ = b"".join(path.read_bytes() for path in data.glob("enginehouse.db*"))
    for text in (key, secret, secret.removeprefix("whsec_")):
        assert text not in dump
        assert text.encode() not in bytes_
    assert bytes.fromhex(key) not in bytes_
