"""What `schemathesis` is told about a server: ids of objects that exist, and what counts as a failure of the server.

ENGINEHOUSE_IDS has the ids by the names of path parameters: those that are read, and those that may be changed. With
ENGINEHOUSE_STRANGE other ids are read too.
"""

import json
import os
from pathlib import Path
from typing import Any

import schemathesis  # type: ignore[import-not-found]

IDS = json.loads(os.environ["ENGINEHOUSE_IDS"])
STRANGE = "ENGINEHOUSE_STRANGE" in os.environ


@schemathesis.hook  # type: ignore[untyped-decorator]
def map_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Most requests are for objects that exist; a twentieth keeps the generated texts."""
    reads = context.operation.method.upper() == "GET"
    if not path_parameters:
        return path_parameters
    if (STRANGE or not reads) and sum(map(len, map(str, path_parameters.values()))) % 20 == 0:
        return path_parameters
    known = IDS["read" if reads else "changed"]
    return {name: known.get(name, value) for name, value in path_parameters.items()}


@schemathesis.check  # type: ignore[untyped-decorator]
def no_failure(context: Any, response: Any, case: Any) -> None:
    """The server has not failed. 501 says that a documented part of a request is not served."""
    assert response.status_code < 500 or response.status_code == 501, response.text


@schemathesis.hook  # type: ignore[untyped-decorator]
def after_call(context: Any, case: Any, response: Any) -> None:
    """The operation and the status are noted, so that the test knows what was reached."""
    with Path(os.environ["ENGINEHOUSE_CALLED"]).open("a") as called:
        called.write(json.dumps([case.operation.label, response.status_code]) + "\n")
