"""`enginehouse doctor --artifacts`: verifies the bytes of every output, asset and export against the database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, assert_never

from enginehouse.cli import doctor_checks, doctor_store, terminal
from enginehouse.cli.verdict import Finding, Verdict
from enginehouse.client import Json
from enginehouse.domain.ids import job_graphql
from enginehouse.storage import files
from enginehouse.storage.files import AssetFile, ExportFile, OutputFile, StoredFile

_NAMED: Final = 20  # wrong files that get a line of their own
_STEPS: Final = 20  # lines of progress


@dataclass(slots=True)
class Verification:
    """What the check has found so far: how many files it has verified, and what is wrong with the others."""

    files: int = 0
    bytes: int = 0
    wrong: list[Json] = field(default_factory=list)

    def findings(self) -> Iterator[Finding]:
        """Yields one finding for all that is right, or one for each wrong file."""
        text = f"{self.files} files with {self.bytes} bytes are as they were stored"
        yield Finding("artifacts", Verdict.OK, text)
        for one in self.wrong[:_NAMED]:
            text = f"{one['owner']}: {one['text']}. {one['advice']}"
            yield Finding("artifacts", Verdict.WRONG, text)
        if len(self.wrong) > _NAMED:
            yield Finding(
                "artifacts", Verdict.WRONG, f"{len(self.wrong) - _NAMED} more files are wrong; --json names all"
            )

    def as_json(self) -> Json:
        return {"files": self.files, "bytes": self.bytes, "wrong": self.wrong}


def check(data: Path, database: str | None, store: str | None) -> Verification:
    """Verifies every file. Says on stderr how far it is. Raises CommandError if the database cannot be read."""
    total, seen, report = doctor_checks.read(data, database, files.count), 0, Verification()
    place = doctor_store.place_of(data, database, store)
    last: StoredFile | None = None
    while page := doctor_checks.read(data, database, partial(files.next_page, last=last)):
        for file in page:
            _verify(place, data, database, file, report)
            seen += 1
            if seen * _STEPS // max(total, 1) > (seen - 1) * _STEPS // max(total, 1):
                terminal.echo(f"artifacts: {seen} of {total} files, {len(report.wrong)} wrong", err=True)
        last = page[-1]
    return report


def _verify(place: str, data: Path, database: str | None, file: StoredFile, report: Verification) -> None:
    fault = doctor_store.fault(place, file.storage_key, file.size, file.sha256)
    if fault is None:
        report.files += 1
        report.bytes += file.size
    # A server that runs may have deleted the file since its row was read.
    elif doctor_checks.read(data, database, lambda tx: files.exists(tx, file)):
        reason, text = fault
        report.wrong.append(
            {"key": file.storage_key, "owner": _owner(file), "reason": reason, "text": text, "advice": _advice(file)}
        )


def _owner(file: StoredFile) -> str:
    """Returns the object that has the file, in words."""
    match file:
        case OutputFile():
            return f"output {file.name!r} of task {file.ordinal} of job {job_graphql(file.job_id)}"
        case AssetFile():
            return f"asset {file.id}"
        case ExportFile():
            return f"export {file.id}"
        case unknown:
            assert_never(unknown)


def _advice(file: StoredFile) -> str:
    """Returns what a person can do about a wrong file."""
    restore = f"estore the file {file.storage_key} from a backup."
    return f"Request the export again, or r{restore}" if isinstance(file, ExportFile) else f"R{restore}"
