"""The Python client of an Enginehouse server, and everything that the command line itself uses.

Create a job from a text or a file, follow it, fetch its outputs, handle a refusal:

    from pathlib import Path
    from enginehouse.client import Client, RequestFailed, events, files, jobs

    with Client("http://localhost:9000", token) as client:
        try:
            target_id = files.upload(client, Path("notes.md"))
            job_id, warnings = jobs.create(client, {"targetId": target_id, "tasks": [{"engineId": "language-langid"}]})
            job = events.wait(client, job_id)
            names = [output["name"] for output in jobs.outputs(client, job_id)]
            paths = jobs.save_outputs(client, job_id, names, Path("results"))
        except RequestFailed as failure:
            print(failure.code, failure.message)

`events.follow` yields the events of a job while they happen. Every function that takes a Client blocks, and raises
RequestFailed when the server refuses or does not answer.
"""

from enginehouse.client import (
    accounts,
    bulk_acts,
    bulk_cancels,
    engines,
    events,
    exports,
    files,
    jobs,
    limits,
    overview,
    pushes,
    schedules,
    why,
)
from enginehouse.client.events import Message
from enginehouse.client.files import FileKind, UnusableFile
from enginehouse.client.http import Client, Json, RequestFailed

__all__ = [
    "Client",
    "FileKind",
    "Json",
    "Message",
    "RequestFailed",
    "UnusableFile",
    "accounts",
    "bulk_acts",
    "bulk_cancels",
    "engines",
    "events",
    "exports",
    "files",
    "jobs",
    "limits",
    "overview",
    "pushes",
    "schedules",
    "why",
]
