"""Turns the flags of `job create`, or a file, into the request that is sent."""

from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

import click

from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_spelling import job_spelling
from enginehouse.cli.options import engine_id, json_object
from enginehouse.client import Client, Json, RequestFailed, UnusableFile, files, jobs, pipelines, targets

Created = tuple[list[str], list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFlags:
    """The flags that describe a job: an engine or a pipeline, and at most one of an address, a text and a file."""

    engine: str | None
    pipeline: str | None
    source: str | None
    text: str | None
    file: Path | None
    payload: str | None

    def is_empty(self) -> bool:
        """True when none of the flags is set."""
        return (self.engine, self.pipeline, self.source, self.text, self.file, self.payload) == (None,) * 6

    def create(self, client: Client, *, key: str | None) -> Created:
        """The job is durable. Returns its id and the warnings. Raises CommandError, RequestFailed."""
        inputs = {"from": self.source, "text": self.text, "file": self.file}
        flags = [flag for flag, value in inputs.items() if value is not None]
        if len(flags) > 1:
            raise CommandError(f"Give one of --{' and --'.join(flags)}, not both.", exit_code=2)
        if self.pipeline is not None:
            return self._create_of_pipeline(client, self.pipeline, key=key)
        if self.engine is None:
            raise CommandError(
                "Give --engine, --pipeline, or --request with a whole request. "
                "See: enginehouse engine list, enginehouse pipeline list",
                exit_code=2,
            )
        payload = {} if self.payload is None else json_object("--payload", self.payload)
        task: Json = {"engineId": engine_id(client, self.engine)}
        if self.source is not None:
            payload["url"] = self.source
        if self.text is not None:
            payload["text"] = self.text
        if payload:
            task["payload"] = payload
        job: Json = {"tasks": [task]}
        if self.file is not None:
            job["targetId"] = _upload(client, self.file)
        job_id, warnings = jobs.create(client, job, key=key)
        return [job_id], warnings

    def _create_of_pipeline(self, client: Client, name: str, *, key: str | None) -> Created:
        others = [flag for flag, value in (("engine", self.engine), ("payload", self.payload)) if value is not None]
        if others:
            text = f"--pipeline: not with --{' and --'.join(others)}; its steps name engines and payloads."
            raise CommandError(text, exit_code=2)
        if (self.source, self.text, self.file) == (None,) * 3:
            raise CommandError("--pipeline: give what it reads with --file, --from or --text.", exit_code=2)
        if self.file is not None:
            pipelines.get(client, name)  # a wrong name is said before anything is uploaded
            job_id, warnings = _create_on_file(client, name, self.file)
        else:
            source: Json = {"url": self.source} if self.source is not None else {"text": self.text}
            job_id, warnings = pipelines.create(client, name, source, key=key)
        return [job_id], warnings


def request_and_source(request: IO[bytes] | None, source: str | None) -> tuple[IO[bytes] | None, str | None]:
    """Returns the request and the address of the input. --from was the name of --request, and still takes a file.

    Raises CommandError.
    """
    if source is None or source.startswith(("http://", "https://")):
        return request, source
    if request is not None:
        raise CommandError(f'--from: http:// or https:// and a host, got "{source}".', exit_code=2)
    try:
        return click.open_file(source, "rb"), None
    except OSError as error:
        text = f"--from: an http(s) address, got {source!r}, which is no file either: {error.strerror}."
        raise CommandError(text, exit_code=2) from None


def create_from_file(client: Client, file: IO[bytes], *, key: str | None) -> Created:
    """The jobs of the file are durable. Returns their ids and the warnings. Raises CommandError, RequestFailed.

    A body with `jobs` is for REST. Every other body is the input of GraphQL's createJob.
    """
    flag = f"--request {file.name}"
    body = json_object(flag, file.read())
    if "jobs" in body:
        created, warnings = jobs.create_many(client, body, key=key)
        return [job_spelling(job_id) for job_id in created], warnings
    job = body.get("input", body)
    if not isinstance(job, dict) or "tasks" not in job:
        text = 'an object with "jobs" (REST) or with "tasks" (the input of createJob) is needed.'
        raise CommandError(f"{flag}: {text}", exit_code=2)
    job_id, warnings = jobs.create(client, job, key=key)
    return [job_id], warnings


def _create_on_file(client: Client, name: str, file: Path) -> tuple[str, list[str]]:
    """The job is durable. Nothing is left of the file if no engine can read it. Raises CommandError, RequestFailed."""
    target_id = _upload(client, file)
    try:
        return pipelines.create(client, name, {"targetId": target_id})
    except RequestFailed as refused:
        if HTTPStatus.BAD_REQUEST <= refused.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            with suppress(RequestFailed):
                targets.delete(client, target_id)
        if refused.message.startswith("targetId: "):
            raise CommandError(f"--file: {refused.message.removeprefix('targetId: ')}") from None
        raise


def _upload(client: Client, file: Path) -> str:
    try:
        return files.upload(client, file)
    except UnusableFile as fault:
        raise CommandError(str(fault)) from None
