"""What a client of an asyncio program can do with jobs, schedules and engines: the same as the other one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from enginehouse.client import engine_flows, job_flows, pipeline_flows, schedule_flows
from enginehouse.client.calls import Flow
from enginehouse.client.event_stream import PAUSE, EventPlace, MessageParser
from enginehouse.client.failure import RequestFailed
from enginehouse.client.file_names import file_names
from enginehouse.client.job_flows import TaskSpec
from enginehouse.client.paths import v1
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
    RecordPage,
    ScheduleRecord,
)

if TYPE_CHECKING:
    from enginehouse.client.async_client import AsyncClient

T = TypeVar("T")

PAGE: Final = 100


class AsyncJobs:
    """The jobs of the server."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client
        self._to = client.interface

    async def create(
        self,
        tasks: str | Sequence[TaskSpec],
        payload: Mapping[str, Any] | None = None,
        *,
        routes: Sequence[tuple[str, str]] = (),
        target: str | None = None,
        options: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> JobReceipt:
        """The job is durable. Returns its id, and warnings. Raises RequestFailed, ValueError.

        `tasks` is one engine that works on the payload, or the tasks of a graph, whose `routes` join an output folder
        to an input folder. `target` is the id that `upload` returns. `options`: further fields of a job in
        `POST /edge/v1/proc/job/create`. `key`: a request that is sent again with the same key is done once; each call
        has one of its own.
        """
        listed = [TaskSpec(tasks, payload)] if isinstance(tasks, str) else tasks
        body = job_flows.body_of(listed, routes, target, options or {})
        [made] = await self._client.run(job_flows.create(self._to, [body], key))
        return made

    async def get(self, job_id: str) -> JobRecord:
        """Returns the job and its tasks. Raises RequestFailed."""
        return await self._client.run(job_flows.get(self._to, job_id))

    async def list(
        self,
        *,
        status: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[JobRecord]:
        """Yields the newest `limit` jobs that match, or all, from as many pages as it takes. Raises RequestFailed."""
        pages = job_flows.JobPages(self._to, status, created_after, created_before)
        async for job in records(self._client, pages.page, limit):
            yield job

    async def wait(self, job_id: str, *, timeout: float | None = None) -> JobRecord:  # noqa: ASYNC109 - as the other client has it
        """The job has ended. Returns it. Raises RequestFailed, TimeoutError."""
        return await self._client.run(job_flows.wait(self._to, job_id, timeout))

    async def watch(self, job_id: str) -> AsyncIterator[JobEvent]:
        """Yields each event of the job once, in order, from the first one until the job has ended.

        A connection that breaks is opened again. On aiWARE, which has no events, the statuses are read again and
        again. Raises RequestFailed.
        """
        if self._to.is_aiware:
            seen, ended = dict[str, str](), False
            while not ended:
                events, ended = await self._client.run(job_flows.look(self._to, job_id, seen))
                for event in events:
                    yield event
            return
        place = EventPlace()
        while True:
            try:
                async for event in self._stream(job_id, place):
                    yield event
                    if event.kind == "end":
                        return
            except RequestFailed as failure:
                place.lose(failure, time.monotonic())
            await asyncio.sleep(PAUSE)

    async def results(self, job_id: str) -> Sequence[JobResult]:
        """Returns the outputs that the job has published so far. Raises RequestFailed."""
        return await self._client.run(job_flows.results(self._to, job_id))

    async def read(self, job_id: str, name: str) -> bytes:
        """Returns the bytes of an output. Raises RequestFailed."""
        return await self._client.run(job_flows.content(self._to, job_id, name))

    async def save(self, job_id: str, folder: str | Path) -> Sequence[Path]:
        """Every output of the job is a file in the folder. Returns their paths. Raises RequestFailed, OSError.

        An engine chooses the name of an output; one that a file system cannot hold is changed. No part of an output
        stays that could not be fetched to its end.
        """
        names = [result.name for result in await self.results(job_id)]
        await asyncio.to_thread(Path(folder).mkdir, parents=True, exist_ok=True)
        paths = [Path(folder) / file for file in file_names(names)]
        for name, path in zip(names, paths, strict=True):
            await self._fetch(job_flows.result_path(job_id, name), path)
        return paths

    async def cancel(self, job_id: str, *, include_running: bool = False) -> Cancellation:
        """The job is cancelled. Returns `count` 1, or 0 if it was cancelled before. Raises RequestFailed."""
        return await self._client.run(job_flows.cancel(self._to, job_id, include_running=include_running))

    async def cancel_many(
        self,
        created_after: datetime,
        created_before: datetime,
        *,
        organization: str | None = None,
        include_running: bool = False,
        dry_run: bool = False,
        confirm_count: int | None = None,
        key: str | None = None,
    ) -> RangeCancellation:
        """Every job of the range that has not started is cancelled. With `dry_run` they are only counted.

        Raises RequestFailed, also when more than 1000 are covered and `confirm_count` is smaller.
        """
        return await self._client.run(
            job_flows.cancel_many(
                self._to,
                created_after,
                created_before,
                organization=organization,
                include_running=include_running,
                dry_run=dry_run,
                confirm_count=confirm_count,
                key=key,
            )
        )

    async def retry(self, job_id: str, *, only_failed: bool = False, key: str | None = None) -> JobReceipt:
        """A new job does the same work again, with `only_failed` only the incomplete tasks. Raises RequestFailed."""
        return await self._client.run(job_flows.retry(self._to, job_id, only_failed=only_failed, key=key))

    async def _stream(self, job_id: str, place: EventPlace) -> AsyncIterator[JobEvent]:
        """Yields the events of one connection."""
        parser = MessageParser()
        path, query = v1("jobs", job_id, "events"), {"heartbeat": place.heartbeat}
        async for line in self._client.lines(path, silence=place.silence, headers=place.headers, **query):
            message = parser.feed(line)
            if message is not None:
                place.take(message)
                if message.kind != "heartbeat":
                    yield msgspec.convert({"kind": message.kind, **message.data}, JobEvent, strict=False)

    async def _fetch(self, path: str, file: Path) -> None:
        part = file.with_name(f".{file.name[:200]}.part")
        try:
            with part.open("wb") as writer:
                async for block in self._client.stream(path):
                    await asyncio.to_thread(writer.write, block)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)


class AsyncSchedules:
    """The schedules of the server."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client
        self._to = client.interface

    async def create(self, fields: Mapping[str, Any]) -> ScheduleRecord:
        """The schedule exists. Returns it. `fields` are those of `POST /api/v1/schedules`. Raises RequestFailed."""
        return await self._client.run(schedule_flows.create_schedule(self._to, fields))

    async def update(self, schedule_id: str, changes: Mapping[str, Any]) -> ScheduleRecord:
        """The schedule has changed. Absent fields stay as they are. Raises RequestFailed."""
        return await self._client.run(schedule_flows.update_schedule(self._to, schedule_id, changes))

    async def get(self, schedule_id: str) -> ScheduleRecord:
        """Returns the schedule. Raises RequestFailed."""
        return await self._client.run(schedule_flows.get_schedule(self._to, schedule_id))

    async def list(self, *, name: str | None = None, limit: int | None = None) -> AsyncIterator[ScheduleRecord]:
        """Yields the newest `limit` schedules that match, or all. Raises RequestFailed."""

        def page(offset: int, size: int) -> Flow[RecordPage[ScheduleRecord]]:
            return schedule_flows.schedule_page(self._to, name=name, limit=size, offset=offset)

        async for schedule in records(self._client, page, limit):
            yield schedule

    async def pause(self, schedule_id: str) -> ScheduleRecord:
        """Nothing of the schedule starts. Returns it. Raises RequestFailed."""
        return await self._client.run(schedule_flows.set_schedule_active(self._to, schedule_id, active=False))

    async def resume(self, schedule_id: str) -> ScheduleRecord:
        """The schedule fires from now on. Returns it. Raises RequestFailed."""
        return await self._client.run(schedule_flows.set_schedule_active(self._to, schedule_id, active=True))

    async def run(self, schedule_id: str, payload: Mapping[str, Any] | None = None) -> Sequence[str]:
        """A job of each of its templates exists now. Returns their ids. Raises RequestFailed."""
        return await self._client.run(schedule_flows.run_schedule(self._to, schedule_id, payload))

    async def cancel(self, schedule_id: str) -> Cancellation:
        """The schedule is paused, and its jobs that can still be cancelled are. Raises RequestFailed."""
        return await self._client.run(schedule_flows.cancel_schedule(self._to, schedule_id))

    async def delete(self, schedule_id: str) -> None:
        """The schedule is gone; its jobs stay. Raises RequestFailed."""
        await self._client.run(schedule_flows.delete_schedule(self._to, schedule_id))


class AsyncPipelines:
    """The jobs with a name that take any file."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client
        self._to = client.interface

    async def list(self) -> Sequence[PipelineRecord]:
        """Returns those that are built in and the organization's own, by name. Raises RequestFailed."""
        return await self._client.run(pipeline_flows.list_pipelines(self._to))

    async def add(self, name: str, steps: Sequence[Mapping[str, Any]], **fields: Any) -> PipelineRecord:
        """The pipeline exists, in place of one of this name. Returns it. Raises RequestFailed.

        A step has a `name`, and `engines` or a `category`. `fields`: `description`, and `input`, which is `text`,
        `sound` or `chunks`.
        """
        return await self._client.run(pipeline_flows.put_pipeline(self._to, name, {"steps": list(steps), **fields}))

    async def plan(
        self,
        name: str,
        *,
        media_type: str | None = None,
        url: str | None = None,
        text: str | None = None,
        target: str | None = None,
    ) -> JobOfPipeline:
        """Returns the job that `create` would create now, and for which media type. Nothing is created.

        With a `media_type`, perhaps beside a URL, nothing needs to be there yet. A schedule takes the tasks of the job.
        Raises RequestFailed.
        """
        source = {"mediaType": media_type, "url": url, "text": text, "targetId": target}
        return await self._client.run(pipeline_flows.plan(self._to, name, source))

    async def create(
        self,
        name: str,
        *,
        file: str | Path | None = None,
        url: str | None = None,
        text: str | None = None,
        target: str | None = None,
        job_name: str | None = None,
        key: str | None = None,
    ) -> JobReceipt:
        """A job of the pipeline is durable; what it reads decides its graph. Returns its id, and warnings.

        It reads a file, which is uploaded, or what is at a URL, or a text, or the asset of a target. Raises
        RequestFailed, UnusableFile, ValueError unless there is one of them.
        """
        source = {"file": file, "url": url, "text": text, "target": target}
        options = {"name": job_name, "key": key}
        return await self._client.run(pipeline_flows.create_job(self._to, name, source, options))

    async def delete(self, name: str) -> None:
        """The pipeline is gone; a built-in one of this name is there again. Raises RequestFailed."""
        await self._client.run(pipeline_flows.delete_pipeline(self._to, name))


class AsyncEngines:
    """The engines that jobs may name."""

    def __init__(self, client: "AsyncClient") -> None:
        self._client = client
        self._to = client.interface

    async def list(self, *, name: str | None = None, limit: int | None = None) -> AsyncIterator[EngineRecord]:
        """Yields the engines with `name` in their names, or all, by name. Raises RequestFailed."""

        def page(offset: int, size: int) -> Flow[RecordPage[EngineRecord]]:
            return engine_flows.engine_page(self._to, name=name, limit=size, offset=offset)

        async for engine in records(self._client, page, limit):
            yield engine


async def records(
    client: "AsyncClient", page: Callable[[int, int], Flow[RecordPage[T]]], limit: int | None
) -> AsyncIterator[T]:
    """Yields the records of one page after the other, each once."""
    offset = 0
    while limit is None or offset < limit:
        size = PAGE if limit is None else min(PAGE, limit - offset)
        found = await client.run(page(offset, size))
        for record in found.result:
            yield record
        offset += len(found.result)
        if not found.result or offset >= found.count:
            return
