"""`enginehouse doctor` names the stored numbers that contradict the rows."""

import sqlite3
from contextlib import closing
from pathlib import Path

from enginehouse.cli.doctor_checks import findings
from enginehouse.cli.verdict import Finding, Verdict
from enginehouse.storage.database.sqlite import SqliteDatabase


async def opened(folder: Path) -> Path:
    """Returns the file of an empty database in the data folder."""
    path = folder / "enginehouse.db"
    await (await SqliteDatabase.open(path)).close()
    return path


def counts(data: Path) -> list[Finding]:
    return [finding for finding in findings(data, None) if finding.name == "counts"]


async def test_a_number_that_no_row_explains_is_wrong(tmp_path: Path) -> None:
    path = await opened(tmp_path)
    [fine] = counts(tmp_path)
    assert fine.verdict is Verdict.OK
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO schedule_job_count VALUES (3, 7, 0, 2)")
    text = "organization 3 counts 2 jobs of schedule 7, but has 0"
    assert counts(tmp_path) == [Finding("counts", Verdict.WRONG, text)]
