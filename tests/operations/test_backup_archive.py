"""The file of a backup: whole it is read as it was written; cut, changed or made by somebody else it is refused."""

import gzip
import io
import random
import tarfile
from collections.abc import Callable

import msgspec
import pytest

from enginehouse.operations.backup import archive
from enginehouse.operations.backup.archive import ArchiveWriter, BackupHead, BackupSummary, UnusableBackup

HEAD = msgspec.json.encode(BackupHead(archive.FORMAT, "0.1.0", "sqlite", 1, "2026-01-01T00:00:00Z", "id", 2, False))
SUMMARY = msgspec.json.encode(BackupSummary(2, 5000, 0))
LONG = "jobs/1/" + "ä" * 80 + "/" + "x" * 200 + ".json"
CONTENT = {
    archive.HEAD: HEAD,
    "database/enginehouse.db": random.Random(1).randbytes(3000),
    f"artifacts/{LONG}": b"{}",
    "artifacts/empty": b"",
    "artifacts/large": random.Random(2).randbytes(5000),
    archive.LEFT_OUT: b"",
    archive.SUMMARY: SUMMARY,
}


def written(content: dict[str, bytes], *, end: bool = True) -> bytes:
    out = io.BytesIO()
    writer = ArchiveWriter(out)
    for name, data in content.items():
        writer.add(name, len(data), [data[:100], data[100:]])
    if end:
        writer.end()
    return out.getvalue()


WHOLE = written(CONTENT)


def refusal(data: bytes) -> str:
    """Returns why the file is refused."""
    with pytest.raises(UnusableBackup) as refused:
        archive.verify(io.BytesIO(data), lambda read: None)
    return str(refused.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "compressed"])
def test_what_was_written_is_read_member_by_member(pack: Callable[[bytes], bytes]) -> None:
    file, heard = io.BytesIO(pack(WHOLE)), list[int]()
    head, summary = archive.verify(file, heard.append)
    assert (head.storeID, head.jobs, summary.artifacts) == ("id", 2, 2)
    assert heard[-1] == sum(map(len, CONTENT.values()))
    found = {member.name: b"".join(member.blocks()) for member in archive.members(file)}
    assert found.pop(archive.MANIFEST).count(b"\n") == len(CONTENT)
    assert found == CONTENT


def test_any_program_for_tar_can_open_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(WHOLE)) as tar:
        assert [member.name for member in tar] == [*CONTENT, archive.MANIFEST]
        assert {member.mode for member in tar} == {0o600}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "compressed"])
def test_a_file_that_ends_early_is_refused_wherever_it_ends(pack: Callable[[bytes], bytes]) -> None:
    data = pack(WHOLE)
    for size in {*range(0, len(data), 97), *range(len(data) - 1500, len(data), 13), len(data) - 1}:
        assert "no backup" in (said := refusal(data[:size])) or "incomplete" in said, size


def test_one_other_byte_is_found_wherever_it_is() -> None:
    filled = [place for place, byte in enumerate(WHOLE) if byte]
    for place in [*filled[:1500:7], *random.Random(3).sample(filled, 300)]:
        changed = bytearray(WHOLE)
        changed[place] ^= 0x55
        assert refusal(bytes(changed)), place


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "artifacts/../../outside",
        "/etc/cron.d/x",
        "artifacts//x",
        "artifacts/a\\..\\b",
        "database/../x",
        "x",
    ],
)
def test_a_name_that_no_backup_has_is_refused(name: str) -> None:
    assert "no backup of Enginehouse" in refusal(written({archive.HEAD: HEAD, name: b"", archive.SUMMARY: SUMMARY}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_only_plain_files_are_taken(kind: bytes) -> None:
    link = tarfile.TarInfo("artifacts/x")
    link.type, link.linkname = kind, "/etc/passwd"
    data = written({archive.HEAD: HEAD}, end=False) + link.tobuf()
    assert "not a plain file" in refusal(data + bytes(1024))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"something": b"else"}, "begins with 'something'"),
        ({archive.HEAD: HEAD.replace(b'"format":1', b'"format":2')}, "has format 2"),
        ({archive.HEAD: b"{}"}, "backup.json is not as it was written"),
        ({archive.HEAD: HEAD}, "incomplete"),
    ],
)
def test_a_file_that_is_another_thing_is_refused(content: dict[str, bytes], said: str) -> None:
    assert said in refusal(written(content))


def test_nothing_follows_the_manifest() -> None:
    more = written({"artifacts/more": b"1"}, end=False)
    assert refusal(WHOLE[:-1024] + more + bytes(1024)) == (
        "The backup has changed since it was made: artifacts/more is not as it was written."
    )


def test_a_member_that_changes_its_size_is_no_member() -> None:
    for size in (3, 5):
        with pytest.raises(OSError, match="has changed its size"):
            ArchiveWriter(io.BytesIO()).add("artifacts/log", size, [b"four"])
