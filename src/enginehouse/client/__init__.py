"""The Python client of an Enginehouse server: `Client` for a program that waits, `AsyncClient` for asyncio.

Create a job on a file, follow it, fetch its results, handle a refusal:

    from enginehouse.client import Client, RequestFailed

    with Client("http://localhost:9000", token) as client:
        try:
            target = client.upload("notes.md")
            job = client.jobs.create("language-langid", target=target)
            for event in client.jobs.watch(job.id):
                print(event.kind)
            paths = client.jobs.save(job.id, "results")
        except RequestFailed as failure:
            print(failure.code, failure.message)

The functions of the modules `jobs`, `events`, `files`, `schedules` … are what the command line uses. They take a
Client, block, return what the server answers as it is, and raise RequestFailed too.
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
    pipelines,
    pushes,
    schedules,
    targets,
    templates,
    why,
)
from enginehouse.client.async_client import AsyncClient
from enginehouse.client.calls import Retries
from enginehouse.client.event_stream import Message
from enginehouse.client.failure import Json, RequestFailed, RequestFault
from enginehouse.client.files import FileKind, UnusableFile
from enginehouse.client.job_flows import TaskSpec
from enginehouse.client.records import (
    Cancellation,
    EngineRecord,
    JobEvent,
    JobOfPipeline,
    JobReceipt,
    JobRecord,
    JobResult,
    PipelineRecord,
    RangeCancellation,
    ScheduleRecord,
    TaskRecord,
)
from enginehouse.client.sync_client import Client

__all__ = [
    "AsyncClient",
    "Cancellation",
    "Client",
    "EngineRecord",
    "FileKind",
    "JobEvent",
    "JobOfPipeline",
    "JobReceipt",
    "JobRecord",
    "JobResult",
    "Json",
    "Message",
    "PipelineRecord",
    "RangeCancellation",
    "RequestFailed",
    "RequestFault",
    "Retries",
    "ScheduleRecord",
    "TaskRecord",
    "TaskSpec",
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
    "pipelines",
    "pushes",
    "schedules",
    "targets",
    "templates",
    "why",
]
