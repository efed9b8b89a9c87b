"""The jobs of the measurements, in the form of REST."""

import json
from typing import Any

from enginehouse.engines.native.noop import Noop

NOOP = Noop.spec.id
# bench/engines/bench_engines.py declares them. The server loads it, but this process does not.
HOLD = "00000000-0000-4000-8000-00000be7c401"
STAMP = "00000000-0000-4000-8000-00000be7c402"
PYTHON_NOOP = "00000000-0000-4000-8000-00000be7c403"
# An engine without a parent works on this text, so the server fetches nothing for it.
_TEXT = {"text": ""}
CREATE = "/edge/v1/proc/job/create"
CREATE_JOB = "mutation ($input: CreateJob) { createJob(input: $input) { id } }"


def line(first: str, *, payload: str | None = None, ids: str = "") -> dict[str, Any]:
    """Returns five tasks joined by four routes. The engine of the first is `first`; the others do nothing.

    `payload` is a text that the first task gets. `ids` begins each id of a task or a folder.
    """
    tasks: list[dict[str, Any]] = []
    for number in range(5):
        folders = []
        if number:
            folders.append({"correlationID": f"{ids}in{number}", "mode": "stream", "type": "input"})
        if number < 4:
            folders.append({"correlationID": f"{ids}out{number}", "mode": "stream", "type": "output"})
        tasks.append(
            {"engineId": NOOP if number else first, "correlationTaskId": f"{ids}t{number}", "ioFolders": folders}
        )
    if payload is not None:
        tasks[0]["taskPayloadJSON"] = json.dumps({"text": payload})
    routes = [
        {
            "taskParentId": f"{ids}t{number}",
            "taskParentOutputId": f"{ids}out{number}",
            "taskChildId": f"{ids}t{number + 1}",
            "taskChildInputId": f"{ids}in{number + 1}",
        }
        for number in range(4)
    ]
    return {"tasks": tasks, "taskRoutes": routes}


def line_of_graphql(engine: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Returns the same as the input of a `createJob`. The first task gets the payload."""
    tasks: list[dict[str, Any]] = []
    for number in range(5):
        inputs = [{"referenceId": f"in{number}", "mode": "stream", "type": "input"}] if number else []
        outputs = [{"referenceId": f"out{number}", "mode": "stream", "type": "output"}] if number < 4 else []
        tasks.append({"engineId": engine, "ioFolders": inputs + outputs})
    tasks[0]["payload"] = payload
    routes = [
        {"parentIoFolderReferenceId": f"out{number}", "childIoFolderReferenceId": f"in{number + 1}"}
        for number in range(4)
    ]
    return {"tasks": tasks, "routes": routes}


def waiting(*, payload: str | None = None, ids: str = "") -> dict[str, Any]:
    """Returns five tasks and four routes.

    Nothing of it starts while the only worker slot of its first engine is taken.
    """
    return line(HOLD, payload=payload, ids=ids)


def holding() -> dict[str, Any]:
    """Returns a job that takes this worker slot while the server lives."""
    return {"tasks": [{"engineId": HOLD}]}


def independent(engine: str) -> dict[str, Any]:
    """Returns five independent tasks."""
    return {"tasks": [_task(engine, _TEXT)] * 5}


def single(engine: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """Returns a job of one task."""
    return {"tasks": [_task(engine, payload or _TEXT)]}


def _task(engine: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"engineId": engine, "taskPayloadJSON": json.dumps(payload)}


def creation(*jobs: dict[str, Any]) -> dict[str, Any]:
    """Returns the body that creates these jobs."""
    return {"jobs": list(jobs)}
