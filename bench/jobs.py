"""The jobs that are sent, as REST takes them."""

import json
from typing import Any

from enginehouse.engines.native.noop import Noop

NOOP = Noop.spec.id
# Declared by bench/engines/bench_engines.py, which the server loads and this process does not.
HOLD = "00000000-0000-4000-8000-00000be7c401"
STAMP = "00000000-0000-4000-8000-00000be7c402"
PYTHON_NOOP = "00000000-0000-4000-8000-00000be7c403"
# An engine without a parent works on this text, so nothing has to be fetched for it.
_TEXT = {"text": ""}
CREATE = "/edge/v1/proc/job/create"


def line(first: str) -> dict[str, Any]:
    """Five tasks joined by four routes: the first by the engine `first`, the others do nothing."""
    tasks = []
    for number in range(5):
        folders = []
        if number:
            folders.append({"correlationID": f"in{number}", "mode": "stream", "type": "input"})
        if number < 4:
            folders.append({"correlationID": f"out{number}", "mode": "stream", "type": "output"})
        tasks.append({"engineId": NOOP if number else first, "correlationTaskId": f"t{number}", "ioFolders": folders})
    routes = [
        {
            "taskParentId": f"t{number}",
            "taskParentOutputId": f"out{number}",
            "taskChildId": f"t{number + 1}",
            "taskChildInputId": f"in{number + 1}",
        }
        for number in range(4)
    ]
    return {"tasks": tasks, "taskRoutes": routes}


def waiting() -> dict[str, Any]:
    """Five tasks, four routes; nothing of it starts while the one slot of its first engine is taken."""
    return line(HOLD)


def holding() -> dict[str, Any]:
    """Takes that slot for as long as the server lives."""
    return {"tasks": [{"engineId": HOLD}]}


def independent(engine: str) -> dict[str, Any]:
    """Five tasks that know nothing of one another."""
    return {"tasks": [_task(engine, _TEXT)] * 5}


def single(engine: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """One task."""
    return {"tasks": [_task(engine, payload or _TEXT)]}


def _task(engine: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"engineId": engine, "taskPayloadJSON": json.dumps(payload)}


def creation(*jobs: dict[str, Any]) -> dict[str, Any]:
    """The body that creates them."""
    return {"jobs": list(jobs)}
