"""A result becomes visible in one place: any addition to what is visible belongs there, and nowhere else."""

from pathlib import Path

import pytest
from tests import make
from tests.storage.verbs import Verbs

import enginehouse
from enginehouse.domain.artifact import Artifact
from enginehouse.domain.work import Done, Report
from enginehouse.storage import artifacts
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.work import reports as work_reports

SOURCES = Path(enginehouse.__file__).parent


def test_outputs_are_inserted_by_one_function_and_pushed_content_by_another() -> None:
    callers = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if "artifacts.insert(" in path.read_text() or '"artifacts.insert"' in path.read_text()
    }
    assert callers == {"storage/artifacts.py", "storage/work/results.py", "storage/pushes/pushes.py"}
    inserting = {path.name for path in SOURCES.rglob("storage/**/*.sql") if "INSERT INTO artifact " in path.read_text()}
    assert inserting == {"artifacts.sql", "reuse.sql"}


async def test_an_output_is_there_with_the_end_of_its_attempt_or_not_at_all(database: Database) -> None:
    verbs = Verbs(database)
    [job_id] = await verbs.create(make.new_job(make.independent(1)))
    [lease] = await verbs.claim()
    report = Report(lease.key, lease.token, Done(make.outputs(0, 1)))

    async def lost(tx: Tx) -> None:
        await work_reports.finish(tx, verbs.plans, [report])
        assert await artifacts.of_task(tx, make.ORGANIZATION, job_id, ordinal=0)
        raise KeyError("the server is gone")

    with pytest.raises(KeyError):
        await database.write_work(lost)
    assert await _outputs(database, job_id) == ()
    await verbs.finish(report)
    [output] = await _outputs(database, job_id)
    assert output.name == "0"


async def _outputs(database: Database, job_id: int) -> tuple[Artifact, ...]:
    return await database.read(lambda tx: artifacts.of_task(tx, make.ORGANIZATION, job_id, ordinal=0))
