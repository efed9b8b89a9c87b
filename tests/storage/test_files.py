"""The stored files for a check of them all: outputs, then assets, then exports, each once, in pages of any length."""

from functools import partial
from pathlib import Path

import pytest
from tests import make
from tests.storage.working import Worker

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.exports import Export, ExportStatus
from enginehouse.operations.house import House
from enginehouse.storage import exports, files
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.exports import ExportEnd, ExportProgress
from enginehouse.storage.files import ExportFile, OutputFile, StoredFile

MINUTE = 60_000_000


async def add_export(tx: Tx, export_id: str, *, complete: bool) -> None:
    """An export of organization 1 is stored, whose zip is `zip/{export_id}` if it is complete."""
    now = await tx.read_clock()
    new = Export(
        id=export_id, organization_id=1, requestor_id=None, status=ExportStatus.INCOMPLETE, document="{}", files=0,
        files_done=0, bytes=0, bytes_done=0, message=None, storage_key=None, size=None, sha256=None, tries=0, fence=0,
        created_at=now, modified_at=now, expires_at=now + MINUTE,
    )  # fmt: skip
    await exports.insert(tx, new)
    if complete:
        [leased] = await exports.claim(tx, limit=1, lease=MINUTE)
        end = ExportEnd(ExportStatus.COMPLETE, None, f"zip/{export_id}", 3, "sum")
        assert await exports.end(tx, leased, end, ExportProgress(), keep=MINUTE)


@pytest.mark.parametrize("length", [1, 2, 1000])
async def test_every_file_is_in_one_page(
    database: Database, own_statements: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, length: int
) -> None:
    monkeypatch.setattr(files, "PAGE", length)
    store = DiskStore(tmp_path / "store")
    worker = Worker(House.build(database, store))
    [job_id] = await worker.create(make.new_job(make.independent(3)))
    await worker.work_off()

    async def fill(tx: Tx) -> None:
        await tx.many("test.add_organization", [(1, "one")])
        for n, export_id in enumerate(("b", "a", "c", "d")):
            await add_export(tx, export_id, complete=n < 3)

    await database.write(fill)
    found = list[StoredFile]()
    last: StoredFile | None = None
    while page := await database.read(partial(files.next_page, last=last)):
        assert len(page) <= length
        found += page
        last = page[-1]
    assert [one.job_id for one in found if isinstance(one, OutputFile)] == [job_id] * 3
    assert found[3:] == [ExportFile(id_, 1, f"zip/{id_}", 3, "sum") for id_ in ("a", "b", "c")]
    assert await database.read(files.count) == len(found)
    assert all([await database.read(partial(files.exists, file=one)) for one in found])
    gone = found[3]._replace(storage_key="zip/earlier")
    assert not await database.read(lambda tx: files.exists(tx, gone))
    store.close()
