"""The sender of logs: what grows is sent as it is now, and what is deleted while it is sent does not come back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from enginehouse.artifacts.log_files import LogFiles
from enginehouse.artifacts.s3_logs import S3Logs


class Bucket:
    """A store in memory. `meanwhile` happens while something is sent."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.puts = 0
        self.meanwhile: Callable[[], object] = lambda: None

    async def put(self, key: str, data: bytes) -> None:
        self.puts += 1
        self.meanwhile()
        self.kept[key] = data

    async def delete(self, keys: list[str]) -> None:
        for key in keys:
            self.kept.pop(key, None)


@pytest.fixture
def files(tmp_path: Path) -> LogFiles:
    return LogFiles(tmp_path)


async def test_a_log_that_is_deleted_while_it_is_sent_does_not_come_back(files: LogFiles) -> None:
    bucket = Bucket()
    sender = S3Logs(files, bucket.put, bucket.delete)
    files.append("logs/1", 0, b"one")
    bucket.meanwhile = lambda: files.forget(["logs/1"])
    await sender.show()
    assert (bucket.kept, bucket.puts) == ({}, 1)


async def test_a_log_that_is_complete_while_it_is_sent_stays(files: LogFiles) -> None:
    bucket = Bucket()
    sender = S3Logs(files, bucket.put, bucket.delete)
    files.append("logs/1", 0, b"one")
    bucket.meanwhile = lambda: files.complete("logs/1")
    await sender.show()
    assert bucket.kept == {"logs/1": b"one"}
    assert not await sender.flush()
    assert bucket.kept == {"logs/1": b"one"}


async def test_a_log_is_sent_again_only_when_it_has_grown_and_not_at_once(files: LogFiles) -> None:
    bucket = Bucket()
    sender = S3Logs(files, bucket.put, bucket.delete)
    files.append("logs/1", 0, b"one")
    for _ in range(3):
        await sender.show()
    files.append("logs/1", 3, b"two")
    await sender.show()  # within two seconds
    assert (bucket.kept, bucket.puts) == ({"logs/1": b"one"}, 1)
