"""Pushes content to the endpoint of a job."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from enginehouse.client.http import ServerConnection
from enginehouse.client.paths import edge


class PushReply(NamedTuple):
    """What a push answered: the jobs that have the content, or the result of an engine and its media type."""

    job_ids: list[str]
    result: bytes | None = None
    media_type: str | None = None


def push(
    client: ServerConnection,
    endpoint: str,
    path: Path,
    media_type: str,
    *,
    headers: Mapping[str, str] | None = None,
    key: str | None = None,
) -> PushReply:
    """The file is a chunk of every job that waits at the endpoint. The file is read while it is sent.

    If a route with the endpoint says so, the call waits for the result of an engine. `headers` that begin with
    `x-aiware-` go with the content. A push that is sent again with the same idempotency `key` is done once. Raises
    RequestFailed, OSError.
    """
    response = client.send_file(edge("endpoint", endpoint), path, media_type, headers=headers or {}, key=key)
    media_type = response.headers.get("content-type", "")
    if media_type == "application/json" and (ids := _job_ids(response.content)) is not None:
        return PushReply(ids)
    return PushReply([], response.content, media_type)


def _job_ids(body: bytes) -> list[str] | None:
    """Returns the ids if the body is the answer without a result."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    ids = answer.get("internalJobIds") if isinstance(answer, dict) and len(answer) == 1 else None
    return ids if isinstance(ids, list) else None
