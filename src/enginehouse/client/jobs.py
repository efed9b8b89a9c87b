"""Jobs: create, read, cancel and retry them; fetch their outputs and logs."""

import io
import zipfile
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from enginehouse.client import files
from enginehouse.client.failure import Json
from enginehouse.client.file_names import file_names
from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import edge, v1

ENDED: Final = frozenset({"complete", "failed", "aborted"})  # the values of jobStatus that never change
CREATE: Final = "mutation($job: CreateJob) { createJob(input: $job) { id targetId warnings } }"
_RETRY: Final = (
    "mutation($id: ID!, $onlyFailed: Boolean, $payloads: [PayloadOfTask!]) "
    "{ retryJob(id: $id, onlyFailed: $onlyFailed, payloads: $payloads) { id } }"
)
_PAGE: Final = 1000


def create(client: ServerConnection, job: Json, *, key: str | None = None) -> tuple[str, list[str]]:
    """The job is durable. Returns its id and the server's warnings. Raises RequestFailed.

    `job` is an input of the GraphQL mutation `createJob`: `tasks`, and perhaps `targetId` and `routes`. `key`, here and
    below, is an idempotency key: a request that is sent again with the same key is done once.
    """
    answer = client.graphql(CREATE, {"job": job}, key=key)["createJob"]
    return answer["id"], answer["warnings"] or []


def create_many(client: ServerConnection, body: Json, *, key: str | None = None) -> tuple[list[str], list[str]]:
    """All jobs of the body are durable. Returns their ids and the server's warnings. Raises RequestFailed.

    `body` is that of `POST /edge/v1/proc/job/create`.
    """
    answer, warnings = client.rest_with_warnings("POST", edge("job", "create"), body, key=key)
    return answer["internalJobIds"], warnings


def get(client: ServerConnection, job_id: str) -> Json:
    """Returns the job and its tasks, as REST shows them. Raises RequestFailed."""
    job: Json = client.rest("GET", v1("jobs", job_id))["result"]
    return job


def page(
    client: ServerConnection, *, status: str | None = None, limit: int = 20, offset: int = 0, **filters: str | None
) -> Json:
    """Returns one page of jobs, newest first, and the number of all that match. Raises RequestFailed.

    `filters`: other parameters of `GET /api/v1/jobs`, for example `engine`, `failureReason`, `paused` or `jobName`.
    """
    answer: Json = client.rest("GET", v1("jobs"), status=status, limit=limit, offset=offset, **filters)
    return answer


def cancel(client: ServerConnection, job_id: str, *, include_running: bool = False) -> Json:
    """The job is cancelled. Raises RequestFailed, also when the job has ended.

    Returns `count`: 1 when this call cancelled it, 0 when it was cancelled before. With `include_running` running
    attempts are stopped too, and `stopping` is the number of attempts that must still stop.
    """
    body: Json = {"jobID": job_id} | ({"includeRunning": True} if include_running else {})
    answer: Json = client.rest("POST", edge("jobs", "cancel"), body)
    return answer


def retry(
    client: ServerConnection,
    job_id: str,
    *,
    only_failed: bool = False,
    payloads: Mapping[str, str] | None = None,
    key: str | None = None,
) -> str:
    """A new job does the same work again, with `only_failed` only the incomplete tasks. Returns its id.

    `payloads` are other payloads as JSON text, by the number, the id or the reference of their tasks. Raises
    RequestFailed, also when the job is complete and no payload is another.
    """
    variables: Json = {"id": job_id, "onlyFailed": only_failed}
    if payloads:
        variables["payloads"] = [{"task": task, "payloadString": text} for task, text in payloads.items()]
    retried: str = client.graphql(_RETRY, variables, key=key)["retryJob"]["id"]
    return retried


def delete(client: ServerConnection, job_id: str) -> None:
    """The job and what is known of it are gone. Raises RequestFailed, also while it has not ended."""
    client.rest("POST", edge("job", job_id, "delete"), {})


def items(
    client: ServerConnection, job_id: str, task: int, *, status: str | None = None, after: int | None = None
) -> Iterator[Json]:
    """Yields the items of a task after one, perhaps only those with a status. `task` is its ordinal.

    Raises RequestFailed.
    """
    while True:
        page = item_page(client, job_id, task, status=status, after=after, limit=_PAGE)
        yield from page["items"]
        after = page.get("next")
        if after is None:
            return


def item_page(
    client: ServerConnection,
    job_id: str,
    task: int,
    *,
    status: str | None = None,
    after: int | None = None,
    limit: int = 100,
) -> Json:
    """Returns `items` of a task after the item `after`, and the `counts` of all by status. Raises RequestFailed."""
    path = v1("jobs", job_id, "tasks", str(task), "items")
    page: Json = client.rest("GET", path, status=status, after=after, limit=limit)["result"]
    return page


def attempts_of_job(client: ServerConnection, job_id: str) -> Iterator[Json]:
    """Yields every attempt of a job, by task, item and number. Raises RequestFailed."""
    after: str | None = None
    while records := client.rest("GET", v1("jobs", job_id, "attempts"), after=after, limit=_PAGE)["result"]:
        yield from records
        if len(records) < _PAGE:
            return
        after = f"{records[-1]['task']}.{records[-1]['item']}.{records[-1]['number']}"


def log_part(client: ServerConnection, job_id: str, task: int, item: int, number: int, *, offset: int = 0) -> Json:
    """Returns the log of an attempt from the byte `offset` on, as it is now. Raises RequestFailed.

    `text` ends at the byte `next`, where the next part begins. Nothing follows it once `isOver` is true.
    """
    path = v1("jobs", job_id, "tasks", str(task), "attempts", str(item), str(number), "log", "part")
    part: Json = client.rest("GET", path, offset=offset)["result"]
    return part


def attempts(client: ServerConnection, job_id: str, task: int) -> Iterator[Json]:
    """Yields every attempt of a task, by item and number. `task` is its ordinal. Raises RequestFailed."""
    offset = 0
    while records := client.rest("GET", v1("jobs", job_id, "tasks", str(task), "attempts"), offset=offset, limit=_PAGE)[
        "result"
    ]:
        yield from records
        if len(records) < _PAGE:
            return
        offset += _PAGE


def failures(client: ServerConnection, job_id: str) -> list[Json]:
    """Returns the tasks that failed. `reason` and `failureDetail` say why. Raises RequestFailed."""
    return [task for task in get(client, job_id)["tasks"] if task["taskStatus"] == "failed"]


def outputs(client: ServerConnection, job_id: str) -> list[Json]:
    """Returns the outputs that the job has published: the name, size and time of each. Raises RequestFailed."""
    answer: Any = client.rest("GET", edge("job", job_id, "outputs"))
    records: list[Json] = answer["outputs"]["outputs"]
    return records


def output_bytes(client: ServerConnection, job_id: str, name: str) -> Iterator[bytes]:
    """Yields the bytes of an output, block by block. Raises RequestFailed."""
    return client.stream(edge("job", job_id, "download", name))


def result_bytes(client: ServerConnection, job_id: str, form: str, name: str | None = None) -> Iterator[bytes]:
    """Yields what the engines of the job have found, in a form such as txt, srt or json. Raises RequestFailed.

    `name` is one output of the job, if not its result is wanted.
    """
    query = urlencode({"format": form} | ({} if name is None else {"output": name}))
    return client.stream(f"{v1('jobs', job_id, 'results')}?{query}")


def fetch_output(client: ServerConnection, job_id: str, name: str, path: str | Path) -> None:
    """The output's bytes are in the file `path`. Raises RequestFailed, and OSError when it cannot be written.

    If the output cannot be fetched to its end, the file does not hold a part of it: it is gone.
    """
    files.write(output_bytes(client, job_id, name), Path(path))


def save_outputs(
    client: ServerConnection,
    job_id: str,
    names: Sequence[str],
    folder: str | Path,
    *,
    passing: Callable[[str, Iterator[bytes]], Iterator[bytes]] = lambda _, blocks: blocks,
) -> list[Path]:
    """The outputs with these names are files in the folder. Returns the path of each, in the same order.

    Each output has a file of its own. A name that a file system cannot hold is changed. The blocks of each go through
    `passing`, which may show how far it is. Raises RequestFailed, and OSError when a file cannot be written.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    paths = [Path(folder) / file for file in file_names(names)]
    for name, path in zip(names, paths, strict=True):
        files.write(passing(name, output_bytes(client, job_id, name)), path)
    return paths


def logs(client: ServerConnection, task_id: str) -> Iterator[tuple[str, str]]:
    """Yields the name and the text of the log of each attempt of a task, in order. Raises RequestFailed."""
    archive = b"".join(client.stream(edge("task", task_id, "logs")))
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        for name in sorted(files.namelist()):
            # A log that still grows may end inside a character, which the decoder then leaves out.
            yield name, getincrementaldecoder("utf-8")("replace").decode(files.read(name))
