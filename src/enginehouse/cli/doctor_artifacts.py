"""`enginehouse doctor --artifacts`: verifies the bytes of every output and asset against the database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, assert_never

from enginehouse.artifacts.disk import file_of
from enginehouse.artifacts.integrity import digest_of_file
from enginehouse.cli import doctor_checks, terminal
from enginehouse.cli.doctor_checks import Finding, Verdict
from enginehouse.client import Json
from enginehouse.domain.ids import job_graphql
from enginehouse.storage import files
from enginehouse.storage.files import AssetFile, OutputFile, StoredFile

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
            text = f"{one['owner']}: {one['text']}. Restore the file {one['key']} from a backup."
            yield Finding("artifacts", Verdict.WRONG, text)
        if len(self.wrong) > _NAMED:
            yield Finding(
                "artifacts", Verdict.WRONG, f"{len(self.wrong) - _NAMED} more files are wrong; --json names all"
            )

    def as_json(self) -> Json:
        return {"files": self.files, "bytes": self.bytes, "wrong": self.wrong}


def check(data: Path, database: str | None) -> Verification:
    """Verifies every file. Says on stderr how far it is. Raises CommandError if the database cannot be read."""
    total, seen, report = doctor_checks.read(data, database, files.count), 0, Verification()
    last: StoredFile | None = None
    while page := doctor_checks.read(data, database, partial(files.next_page, last=last)):
        for file in page:
            _verify(data, database, file, report)
            seen += 1
            if seen * _STEPS // max(total, 1) > (seen - 1) * _STEPS // max(total, 1):
                terminal.echo(f"artifacts: {seen} of {total} files, {len(report.wrong)} wrong", err=True)
        last = page[-1]
    return report


def _verify(data: Path, database: str | None, file: StoredFile, report: Verification) -> None:
    fault = _fault(file_of(data / "artifacts", file.storage_key), file)
    if fault is None:
        report.files += 1
        report.bytes += file.size
    # A server that runs may have deleted the file since its row was read.
    elif doctor_checks.read(data, database, lambda tx: files.exists(tx, file)):
        reason, text = fault
        report.wrong.append({"key": file.storage_key, "owner": _owner(file), "reason": reason, "text": text})


def _owner(file: StoredFile) -> str:
    """Returns the object that has the file, in words."""
    match file:
        case OutputFile():
            return f"output {file.name!r} of task {file.ordinal} of job {job_graphql(file.job_id)}"
        case AssetFile():
            return f"asset {file.id}"
        case unknown:
            assert_never(unknown)


def _fault(path: Path, file: StoredFile) -> tuple[str, str] | None:
    """Returns what is wrong with the file, as a word and as a sentence."""
    try:
        size = path.stat().st_size
        if size != file.size:
            return "size", f"{size} bytes are there, {file.size} were stored"
        if digest_of_file(path) != file.sha256:
            return "sha256", "the bytes have changed since they were stored"
    except (FileNotFoundError, NotADirectoryError):
        return "missing", "the bytes are missing"
    except OSError as error:
        return "unreadable", f"the bytes cannot be read: {error.strerror}"
    return None
