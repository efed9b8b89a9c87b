"""Checks what a worker on another machine reports: nobody else's bytes, and only what every reader can show."""

from typing import Final

from enginehouse.domain.artifact import MAX_OUTPUTS, PUBLISHED, attempt_folder, is_media_type
from enginehouse.domain.documents import DEEPEST_PUBLISHED, DocumentError, read_document
from enginehouse.domain.errors import Problem
from enginehouse.domain.job import FolderType
from enginehouse.domain.work import (
    LARGEST_POLL,
    LONGEST_POSTPONEMENT,
    Done,
    Failed,
    Lease,
    NewArtifact,
    Postponed,
    Report,
)
from enginehouse.operations import bounds
from enginehouse.operations.house import House
from enginehouse.storage import attempt_outputs

LONGEST_MESSAGE: Final = 2_000
_POSITIONS: Final = range(-(1 << 31), 1 << 31)


def folder_of(lease: Lease) -> str:
    """Returns the store's folder for the outputs of one attempt. No other lease has it."""
    return f"{attempt_folder(lease.organization_id, lease.key.job_id, lease.key.ordinal)}/{lease.token}"


async def check(house: House, lease: Lease, report: Report) -> None:
    """The report may be recorded under this lease. Raises InvalidInput with all problems.

    Its outputs were uploaded under this lease, with the sizes and digests that it says.
    """
    match report.outcome:
        case Done(outputs):
            if outputs:
                bounds.refuse(await _output_problems(house, lease, outputs))
        case Failed(message=message):
            bounds.refuse(bounds.text("failure.message", message, longest=LONGEST_MESSAGE))
        case Postponed(seconds, payload):
            bounds.refuse(_postponed_problems(seconds, payload))


def _postponed_problems(seconds: float, payload: str | None) -> list[Problem]:
    problems = []
    if not 0 <= seconds <= LONGEST_POSTPONEMENT:
        allowed = f"0–{LONGEST_POSTPONEMENT}"
        problems.append(Problem("postponed.seconds", f"{allowed}, got {seconds:g}.", f"{seconds:g}", allowed))
    size = len((payload or "").encode())
    if size > LARGEST_POLL:
        problems.append(Problem("postponed.payload", f"at most {LARGEST_POLL} bytes, has {size}."))
    return problems


async def _output_problems(house: House, lease: Lease, outputs: tuple[NewArtifact, ...]) -> list[Problem]:
    problems = []
    if len({output.part for output in outputs}) > MAX_OUTPUTS:
        problems.append(Problem("outputs", f"at most {MAX_OUTPUTS} outputs, got more."))
    keys = {output.key for output in outputs if output.key.startswith(f"{folder_of(lease)}/")}
    stored = await house.database.read(lambda tx: attempt_outputs.by_keys(tx, keys))
    folders = lease.plan.tasks[lease.key.ordinal].folders
    places = {PUBLISHED, *(n for n, folder in enumerate(folders) if folder.type is FolderType.OUTPUT)}
    seen = set[tuple[int, int]]()
    for number, output in enumerate(outputs):
        path = f"outputs[{number}]"
        kept = stored.get(output.key)
        if kept is None or (kept.size, kept.sha256) != (output.size, output.sha256):
            problems.append(Problem(f"{path}.key", "no such bytes were uploaded under this lease."))
        if output.folder not in places:
            problems.append(Problem(f"{path}.folder", "no output folder of the task.", str(output.folder)))
        if (output.folder, output.part) in seen or not 0 <= output.part < MAX_OUTPUTS:
            text = f"0–{MAX_OUTPUTS - 1}, once in each folder."
            problems.append(Problem(f"{path}.part", text, str(output.part)))
        seen.add((output.folder, output.part))
        problems += _shown_problems(path, output)
    return problems


def _shown_problems(path: str, output: NewArtifact) -> list[Problem]:
    problems = bounds.text(f"{path}.name", output.name, longest=bounds.LONGEST_NAME, required=True)
    if not is_media_type(output.media_type):
        problems.append(Problem(f"{path}.mediaType", "must be a media type like text/plain."))
    for field in ("index", "start_ms", "stop_ms"):
        value = getattr(output, field)
        if value is not None and value not in _POSITIONS:
            problems.append(Problem(f"{path}.{field}", f"{_POSITIONS[0]} to {_POSITIONS[-1]}."))
    try:
        read_document(bounds.json_text(output.metadata).encode(), DEEPEST_PUBLISHED)
    except (DocumentError, TypeError, ValueError, RecursionError):
        problems.append(Problem(f"{path}.metadata", "must be JSON that is not nested too deeply."))
    return problems
