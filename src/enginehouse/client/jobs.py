"""What a client does with jobs, each over the interface that does it best."""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from enginehouse.client.http import Connection

Json = dict[str, Any]

CREATE = "mutation($job: CreateJob) { createJob(input: $job) { id targetId warnings } }"
_RETRY = "mutation($id: ID!, $onlyFailed: Boolean) { retryJob(id: $id, onlyFailed: $onlyFailed) { id } }"
_PAGE = 1000
_FAILURES = (
    "query($id: ID!) { job(id: $id) { tasks(limit: 1000) "
    "{ records { id status failureReason failureMessage engine { name } } } } }"
)


def create(server: Connection, job: Json, *, key: str | None = None) -> tuple[str, list[str]]:
    """The job (a GraphQL CreateJob input) is durable; answers its id and the server's warnings.

    `key`, here and below, is an idempotency key: the same request sent again with it is done once.
    """
    made = server.graphql(CREATE, {"job": job}, key=key)["createJob"]
    return made["id"], made["warnings"] or []


def create_many(server: Connection, body: Json, *, key: str | None = None) -> tuple[list[str], list[str]]:
    """All jobs of a REST CreateJobRequest are durable; answers their ids and the server's warnings."""
    made = server.rest("POST", "/edge/v1/proc/job/create", body, key=key)
    return made["internalJobIds"], made.get("warnings") or []


def detail(server: Connection, job_id: str) -> Json:
    """The job with its tasks, as REST shows it."""
    found: Json = server.rest("GET", f"/edge/v1/proc/job/{quote(job_id, safe='')}/detail")["job"]
    return found


def listed(server: Connection, **query: Any) -> Json:
    """One page of jobs, with how many match in all."""
    found: Json = server.rest("GET", "/edge/v1/proc/jobs", **query)
    return found


def cancel(server: Connection, job_id: str, *, include_running: bool = False) -> Json:
    """The job is cancelled; `count` is 1 when this call did it, 0 when it was before.

    With `include_running` what runs is stopped, and `stopping` says how many attempts have yet to.
    """
    body: Json = {"jobID": job_id} | ({"includeRunning": True} if include_running else {})
    answer: Json = server.rest("POST", "/edge/v1/proc/jobs/cancel", body)
    return answer


def retry(server: Connection, job_id: str, *, only_failed: bool = False, key: str | None = None) -> str:
    """A new job does the same again, or with `only_failed` what of it is not complete; answers its id."""
    asked = {"id": job_id, "onlyFailed": only_failed}
    made: str = server.graphql(_RETRY, asked, key=key)["retryJob"]["id"]
    return made


def attempts(server: Connection, job_id: str, task: int) -> Iterator[Json]:
    """Every attempt of a task, by item and number."""
    path = f"/api/v1/jobs/{quote(job_id, safe='')}/tasks/{task}/attempts"
    offset = 0
    while found := server.rest("GET", path, offset=offset, limit=_PAGE)["result"]:
        yield from found
        if len(found) < _PAGE:
            return
        offset += _PAGE


def failures(server: Connection, job_id: str) -> list[Json]:
    """The tasks that failed, with the engine's own reason and message."""
    tasks = server.graphql(_FAILURES, {"id": job_id})["job"]["tasks"]["records"]
    return [task for task in tasks if task["status"] == "failed"]


def outputs(server: Connection, job_id: str) -> list[Json]:
    """What the job has published: name, size, when."""
    found: list[Json] = server.rest("GET", f"/edge/v1/proc/job/{quote(job_id, safe='')}/outputs")["outputs"]["outputs"]
    return found


def fetch_output(server: Connection, job_id: str, name: str, target: Path) -> None:
    """The output's bytes are in the file `target`."""
    server.download(f"/edge/v1/proc/job/{quote(job_id, safe='')}/download/{quote(name, safe='')}", target)


def output_bytes(server: Connection, job_id: str, name: str) -> Iterator[bytes]:
    """The output's bytes, block by block."""
    return server.stream(f"/edge/v1/proc/job/{quote(job_id, safe='')}/download/{quote(name, safe='')}")


def logs(server: Connection, task_id: str) -> Iterator[tuple[str, str]]:
    """(name, text) of the log of each attempt of a task, in order."""
    with tempfile.TemporaryDirectory(prefix="enginehouse-") as folder:
        archive = Path(folder, "logs.zip")
        server.download(f"/edge/v1/proc/task/{quote(task_id, safe='')}/logs", archive)
        with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as files:
            for name in sorted(files.namelist()):
                yield name, files.read(name).decode("utf-8", "replace")
