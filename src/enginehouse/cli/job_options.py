"""From the flags of `job create`, or a file, to the request that is sent."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from enginehouse.cli.problem import FailureError
from enginehouse.client import engines, files, jobs
from enginehouse.client.http import Connection

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One engine, and what it works on: at most one of a URL, a text and a file."""

    engine: str | None = None
    url: str | None = None
    text: str | None = None
    file: Path | None = None
    payload: str | None = None
    key: str | None = None

    def anything(self) -> bool:
        """True when any of it was given."""
        return any(value is not None for value in (self.engine, self.url, self.text, self.file, self.payload))

    def create(self, server: Connection) -> tuple[str, list[str]]:
        """The job of one task is durable; answers its id and the warnings. Raises FailureError, RequestFailed."""
        sources = [flag for flag in ("url", "text", "file") if getattr(self, flag) is not None]
        if self.engine is None:
            raise FailureError(
                "Give --engine, or --from with a whole request. See: enginehouse engine list", exit_code=2
            )
        if len(sources) > 1:
            raise FailureError(f"Give one of --{' and --'.join(sources)}, not both.", exit_code=2)
        payload = self._payload()
        chosen = engine_id(server, self.engine)
        if self.url is not None:
            payload["url"] = self.url
        if self.text is not None:
            payload["text"] = self.text
        task = {"engineId": chosen, **({"payload": payload} if payload else {})}
        target = {"targetId": _uploaded(server, self.file)} if self.file is not None else {}
        return jobs.create(server, {"tasks": [task], **target}, key=self.key)

    def _payload(self) -> Json:
        try:
            given = json.loads(self.payload) if self.payload is not None else {}
        except ValueError as fault:
            raise FailureError(f"--payload: not JSON: {fault}.", exit_code=2) from None
        if not isinstance(given, dict):
            raise FailureError("--payload: a JSON object is needed.", exit_code=2)
        return given


def read_request(server: Connection, file: IO[bytes], *, key: str | None = None) -> tuple[list[str], list[str]]:
    """What the file describes is created: ids and warnings. `jobs` makes it REST's body, else it is GraphQL's input."""
    try:
        body = json.loads(file.read())
    except ValueError as fault:
        raise FailureError(f"--from {file.name}: not JSON: {fault}.", exit_code=2) from None
    if not isinstance(body, dict):
        raise FailureError(f"--from {file.name}: a JSON object is needed.", exit_code=2)
    if "jobs" in body:
        return jobs.create_many(server, body, key=key)
    given = body.get("input", body)
    if not isinstance(given, dict) or "tasks" not in given:
        text = 'an object with "jobs" (REST) or with "tasks" (the input of createJob) is needed.'
        raise FailureError(f"--from {file.name}: {text}", exit_code=2)
    made, warnings = jobs.create(server, given, key=key)
    return [made], warnings


def _uploaded(server: Connection, file: Path) -> str:
    try:
        kind = files.kind_of(file)
    except files.NotUsable as fault:
        raise FailureError(str(fault)) from None
    return files.upload(server, file, kind.media_type)


def engine_id(server: Connection, name: str) -> str:
    found = engines.named(server, name)
    match found:
        case [one]:
            return str(one["id"])
        case []:
            raise FailureError(f'Engine "{name}" was not found. See: enginehouse engine list')
        case several:
            names = ", ".join(f"{one['name']} ({one['id']})" for one in several[:4])
            raise FailureError(f'"{name}" is a part of the names of {len(several)} engines; give one\'s id: {names} …')
