"""The main job from upload to result file: created, followed on the console, fetched."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from enginehouse.cli import follow, job_failure, sample_job
from enginehouse.cli.problem import FailureError
from enginehouse.cli.source import Source
from enginehouse.client import files, jobs
from enginehouse.client.http import Connection

Json = dict[str, Any]

TARGET = "TARGET_ID"  # what stands in the saved request where the id of the uploaded file's target goes


@dataclass(frozen=True, slots=True)
class Ran:
    """A job that is complete: its input, its result and the request that made it, both in files."""

    source: Source
    job_id: str
    result: Path
    request: Path
    document: Json

    def facts(self) -> Json:
        """What `--json` shows."""
        return {
            "jobId": self.job_id,
            "source": self.source.name,
            "result": str(self.result),
            "request": str(self.request),
            "document": self.document,
        }


def run_job(server: Connection, source: Source, results: Path, console: Console) -> Ran:
    """The job is complete and its result is in a folder below `results`. Raises FailureError, RequestFailed."""
    job = sample_job.audio_job() if source.kind.medium == files.AUDIO else sample_job.text_job()
    target_id = None
    if source.path is not None:
        target_id = files.upload(server, source.path, source.kind.media_type)
    job_id, warnings = jobs.create(server, sample_job.about(job, target_id=target_id, url=source.url))
    console.print(f"server {server.url}, job {job_id}, on {source.name}\n")
    for warning in warnings:
        console.print(f"warning: {warning}")
    ended = follow.follow(server, job_id, console)
    _refuse_unless_complete(server, ended, console)
    folder = results / job_id
    result = _fetched(server, job_id, folder)
    request = folder / "create-job.json"
    body = {"query": jobs.CREATE, "variables": {"job": sample_job.about(job, target_id=TARGET, url=source.url)}}
    request.write_text(json.dumps(body, indent=2) + "\n")
    return Ran(source, job_id, result, request, json.loads(result.read_bytes()))


def _refuse_unless_complete(server: Connection, ended: Json, console: Console) -> None:
    if ended["jobStatus"] != "complete":
        for line in job_failure.log_tail(server, ended):
            console.print(f"  log: {line}")
    job_failure.refuse_unless_complete(server, ended, look="")


def _fetched(server: Connection, job_id: str, folder: Path) -> Path:
    collated = [one["name"] for one in jobs.outputs(server, job_id) if one["name"].startswith("vtn-standard")]
    if not collated:
        raise FailureError(f"Job {job_id} is complete, but has published no result.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / Path(collated[0]).name
        jobs.fetch_output(server, job_id, collated[0], target)
    except OSError as error:
        raise FailureError(
            f"The result cannot be saved in {folder}: {error.strerror}. Go to a folder that can be written to."
        ) from None
    return target
