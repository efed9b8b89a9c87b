"""The form of `POST process`: every field that this server has a value for, and the bytes (engine-contract a.2)."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from enginehouse.domain import ids
from enginehouse.engine import EngineMode, FolderType, Work

_BLOCK: Final = 1 << 16
_json: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What a form says besides the work. `token` is a secret of the task; `api_url` is where it is valid.

    `poll` is the payload with which a polling engine asked to be called again, None without. `traceparent` names the
    span of the attempt, if spans are recorded.
    """

    job_number: int
    ordinal: int
    application_id: str | None = None
    token: str | None = None
    api_url: str | None = None
    poll: Any = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInput:
    """The bytes of an item in one file, and what is known of them."""

    path: Path
    size: int
    media_type: str
    index: int = 0
    folder: int | None = None
    start_ms: int | None = None
    stop_ms: int | None = None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The addresses of one attempt. `chunk` is None if there is no input."""

    chunk: str | None
    heartbeat: str
    result: str


@dataclass(frozen=True, slots=True)
class ProcessForm:
    """The fields, all texts, and the file that is sent with them, if any."""

    fields: dict[str, str]
    file: EngineInput | None
    boundary: str
    traceparent: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        size = len(self._head()) + (self.file.size if self.file else 0) + len(self._tail())
        return {
            "User-Agent": "veritone-engine-toolkit",
            "Accept-Encoding": "identity",
            "Content-Type": f"multipart/form-data; boundary={self.boundary}",
            "Content-Length": str(size),
            **({} if self.traceparent is None else {"traceparent": self.traceparent}),
        }

    async def blocks(self) -> AsyncIterator[bytes]:
        """Yields the body. The file is read in a thread, and is not in memory as a whole."""
        yield self._head()
        if self.file is not None:
            file = await asyncio.to_thread(self.file.path.open, "rb")
            try:
                while block := await asyncio.to_thread(file.read, _BLOCK):
                    yield block
            finally:
                file.close()
        yield self._tail()

    def _head(self) -> bytes:
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
            for name, value in self.fields.items()
        ]
        if self.file is not None:
            parts.append(
                f'--{self.boundary}\r\nContent-Disposition: form-data; name="chunk"; filename="chunk.data"\r\n'
                f"Content-Type: {self.file.media_type}\r\n\r\n"
            )
        return "".join(parts).encode("utf-8", "replace")

    def _tail(self) -> bytes:
        return (("\r\n" if self.file is not None else "") + f"--{self.boundary}--\r\n").encode()


def form_of(
    work: Work, mode: EngineMode, source: EngineInput | None, facts: CallFacts, webhooks: Webhooks, *, context: str
) -> ProcessForm:
    """Returns the form for the work. A field without a value is left out; a stream engine gets no `chunk`."""
    payload = work.payload if isinstance(work.payload, dict) else {}
    values: dict[str, Any] = {
        "veritoneApiBaseUrl": facts.api_url,
        "token": facts.token,
        "payload": _payload(work, facts),
        "libraryId": payload.get("libraryId"),
        "libraryEngineModelId": payload.get("libraryEngineModelId"),
        "internalJobId": ids.job_uuid(facts.job_number),
        "internalTaskId": ids.task_uuid(facts.job_number, facts.ordinal),
        "chunkContext": context,
        "heartbeatWebhook": webhooks.heartbeat,
        "resultWebhook": webhooks.result,
        "maxTTL": work.timeout_seconds,
    }
    if source is not None:
        values |= _of_input(work, source, facts, webhooks)
    fields = {name: _text(value) for name, value in values.items() if value is not None}
    boundary = f"----engine-{secrets.token_hex(16)}"
    return ProcessForm(fields, source if mode is EngineMode.CHUNK else None, boundary, facts.traceparent)


def folder_ids(work: Work, facts: CallFacts) -> dict[str, int]:
    """Returns the positions of the task's output folders by each of their names: the id, and the client's own."""
    found = dict[str, int]()
    for position, folder in enumerate(work.folders):
        if folder.type is FolderType.OUTPUT:
            found.setdefault(folder.reference, position)
            found[ids.folder_uuid(facts.job_number, facts.ordinal, position)] = position
    return found


def _of_input(work: Work, source: EngineInput, facts: CallFacts, webhooks: Webhooks) -> dict[str, Any]:
    metadata = {name.removeprefix("chunk-metadata-"): value for name, value in source.metadata.items()}
    known = {
        "startoffsetms": source.start_ms,
        "endoffsetms": source.stop_ms,
        "index": source.index,
        "mimetype": source.media_type,
        "tdoid": work.target_id,
    } | metadata
    folder = None if source.folder is None else ids.folder_uuid(facts.job_number, facts.ordinal, source.folder)
    return {
        "cacheURI": webhooks.chunk,
        "chunkMimeType": source.media_type.partition(";")[0].strip(),  # engines compare the whole text
        "chunkIndex": source.index,
        "startOffsetMS": source.start_ms or 0,
        "endOffsetMS": source.stop_ms or 0,
        "width": metadata.get("width"),
        "height": metadata.get("height"),
        "inputFolderID": folder,
        **{f"chunk-metadata-{name}": value for name, value in known.items()},
    }


def _payload(work: Work, facts: CallFacts) -> str:
    """Returns the payload of the task, with the ids that engines look for in it. What the client has set stays."""
    if work.payload is not None and not isinstance(work.payload, dict):
        return _json(work.payload).decode()
    known = {
        "jobId": work.job_id,
        "taskId": work.task_id,
        "recordingId": None if work.target_id is None else str(work.target_id),
        "organizationId": str(work.organization_id),
        "applicationId": facts.application_id,
        "token": facts.token,
        "veritoneApiBaseUrl": facts.api_url,
    }
    return _json({name: value for name, value in known.items() if value is not None} | (work.payload or {})).decode()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return _json(value).decode()


def _quoted(name: str) -> str:
    """Returns the name as a parameter of a header, as browsers write it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
