"""The job of `enginehouse run`: it uploads the input, follows the job on the console, and saves the result."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from enginehouse.cli import follow
from enginehouse.cli.errors import CommandError
from enginehouse.client import Client, Json, UnusableFile, files, jobs, pipelines

TARGET: Final = "TARGET_ID"  # the saved request has it in place of the id of the target with the uploaded file
_SAMPLE: Final = ("samples", "four-languages.md")


@dataclass(frozen=True, slots=True)
class RunInput:
    """A file to upload, or a URL for the server to read. What it is, the server finds out from its bytes."""

    name: str
    path: Path | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class CompleteRun:
    """A complete job: its input, the file or folder with its result, and the file with the request that created it."""

    input: RunInput
    job_id: str
    result: Path
    request: Path
    document: Any

    def facts(self) -> Json:
        """Returns what `--json` shows."""
        return {
            "jobId": self.job_id,
            "source": self.input.name,
            "result": str(self.result),
            "request": str(self.request),
            "document": self.document,
        }


@contextmanager
def open_input(name: str | None) -> Iterator[RunInput]:
    """Yields the file or URL of this name, or the sample document. Raises CommandError."""
    if name is None:
        with resources.as_file(resources.files("enginehouse_engines").joinpath(*_SAMPLE)) as path:
            yield _file(path)
    elif "://" in name:
        if not name.startswith(("http://", "https://")):
            raise CommandError(f'"{name}": give an http:// or https:// URL, or a file.')
        yield RunInput(name, url=name)
    else:
        yield _file(Path(name).expanduser())


def run_job(client: Client, pipeline: str, source: RunInput, results: Path, console: Console) -> CompleteRun:
    """The job is complete and its result is in a folder below `results`. Raises CommandError, RequestFailed."""
    if source.path is not None:
        pipelines.get(client, pipeline)  # a wrong name is said before anything is uploaded
        target_id = files.upload(client, source.path)
        job = pipelines.plan(client, pipeline, {"targetId": target_id})["job"]
        saved_job = {**job, "targetId": TARGET}
    else:
        job = saved_job = pipelines.plan(client, pipeline, {"url": source.url})["job"]
    job_id, warnings = jobs.create(client, job)
    console.print(f"server {client.url}, job {job_id}, pipeline {pipeline}, on {source.name}\n")
    for warning in warnings:
        console.print(f"warning: {warning}")
    _refuse_unless_complete(client, follow.follow(client, job_id, console), console)
    folder = results / job_id
    result = _save_result(client, job_id, folder)
    request = folder / "create-job.json"
    request.write_text(json.dumps({"query": jobs.CREATE, "variables": {"job": saved_job}}, indent=2) + "\n")
    return CompleteRun(source, job_id, result, request, _document(result))


def _file(path: Path) -> RunInput:
    try:
        files.check(path)
    except UnusableFile as fault:
        raise CommandError(str(fault)) from None
    return RunInput(path.name, path=path)


def _refuse_unless_complete(client: Client, job: Json, console: Console) -> None:
    if job["jobStatus"] != "complete":
        for line in follow.log_tail(client, job):
            console.print(f"  log: {line}")
    follow.refuse_unless_complete(client, job, hint="")


def _document(result: Path) -> Any:
    """Returns the result, None if it is no JSON that can be printed."""
    try:
        document = json.loads(result.read_bytes())
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (OSError, ValueError, RecursionError):
        return None
    return document


def _save_result(client: Client, job_id: str, folder: Path) -> Path:
    """Returns the file with the collated result; of a job that made other files too, the folder with all of them."""
    names = [output["name"] for output in jobs.outputs(client, job_id)]
    is_one = all(name.startswith("vtn-standard") for name in names)
    if not names:
        raise CommandError(f"Job {job_id} is complete, but has published no result.")
    try:
        saved = jobs.save_outputs(client, job_id, names[:1] if is_one else names, folder)
    except OSError as error:
        raise CommandError(
            f"The result cannot be saved in {folder}: {error.strerror}. Go to a folder that can be written to."
        ) from None
    return saved[0] if is_one else folder
