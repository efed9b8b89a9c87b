"""Calls an engine as a child process does, but without the process."""

import json
from pathlib import Path
from typing import Any

from enginehouse.engine import Chunk, PythonEngine, Work


def work(*inputs: Chunk, payload: object = None) -> Work:
    return Work(
        job_id="26110947_aaaaaaaaaa",
        task_id="26110947_aaaaaaaaaabbbbb",
        organization_id=1,
        target_id=None,
        engine_id="an engine",
        payload=payload,
        inputs=inputs,
        folders=(),
        directory=Path("/nowhere"),
    )


def chunk(path: Path, data: str | bytes, media_type: str = "text/plain", **more: Any) -> Chunk:
    """Returns the chunk that an engine gets for a file with `data`."""
    content = data.encode() if isinstance(data, str) else data
    path.write_bytes(content)
    return Chunk(path=path, media_type=media_type, size=len(content), **more)


def answers(engine: PythonEngine, given: Work) -> list[dict[str, Any]]:
    """Returns the engine's documents for the item, decoded from their bytes."""
    documents = []
    for output in engine.process(given):
        assert output.media_type == "application/json"
        assert output.data is not None
        documents.append(json.loads(output.data))
    return documents


def answer(engine: PythonEngine, given: Work) -> dict[str, Any]:
    (only,) = answers(engine, given)
    return only
