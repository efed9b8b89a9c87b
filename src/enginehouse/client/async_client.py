"""The client of an asyncio program."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from enginehouse.client import job_flows, target_flows
from enginehouse.client.async_verbs import AsyncEngines, AsyncJobs, AsyncPipelines, AsyncSchedules
from enginehouse.client.calls import (
    GRAPHQL,
    ClientCall,
    Flow,
    Lost,
    Retries,
    ServerInterface,
    ServerReply,
    decoded,
    failure_of,
)
from enginehouse.client.failure import Json
from enginehouse.client.http import BLOCK, limits_of, options_of
from enginehouse.client.messages import FAILURES, lost_by, present, reply_of, request_of
from enginehouse.client.sync_client import InterfaceName

T = TypeVar("T")


class AsyncClient:
    """A server at `url`, and the token that every request carries. Close it, or use it in an `async with`.

    It has what a Client has, with the same names and arguments; everything is awaited. One event loop may use it.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        timeout: float = 120.0,
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
        interface: InterfaceName = "enginehouse",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.AsyncClient(**options_of(self.url, token, limits_of(timeout)), transport=transport)
        self.interface = ServerInterface(self.url, retries, is_aiware=interface == "aiware")
        self.jobs = AsyncJobs(self)
        self.schedules = AsyncSchedules(self)
        self.engines = AsyncEngines(self)
        self.pipelines = AsyncPipelines(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """The connections to the server are closed."""
        await self._http.aclose()

    async def upload(self, path: str | Path, *, media_type: str | None = None, name: str | None = None) -> str:
        """The file is the primary asset of a new target. Returns the target's id, for `jobs.create(target=…)`.

        Without a media type, the content of the file says what it is. Raises UnusableFile, OSError, RequestFailed.
        """
        return await self.run(target_flows.upload(self.interface, Path(path), media_type, name))

    async def results(self, job_id: str, *, format: str = "txt", output: str | None = None) -> str:  # noqa: A002
        """Returns what the engines of the job have found: a page of text (txt), srt, vtt, ttml, csv, json or aion.

        `output` is one output of the job, if not its result is wanted. Raises RequestFailed, also when subtitles are
        wanted and nothing was said.
        """
        return await self.run(job_flows.written(self.interface, job_id, format, output))

    async def rest(self, method: str, path: str, body: Any = None, *, key: str | None = None, **query: Any) -> Any:
        """Returns the body of a REST response, None if there is none. `path` begins at the root.

        Raises RequestFailed.
        """

        def flow() -> Flow[Any]:
            reply = yield from self.interface.send(ClientCall(method, path, query, body, key))
            return decoded(reply, object, ()) if reply.content else None

        return await self.run(flow())

    async def graphql(self, query: str, variables: Mapping[str, Any] | None = None, *, key: str | None = None) -> Json:
        """Returns the data of a GraphQL response. Raises RequestFailed with the first error."""

        def flow() -> Flow[Json]:
            body = {"query": query, "variables": dict(variables or {})}
            reply = yield from self.interface.send(ClientCall("POST", GRAPHQL, body=body, key=key))
            return decoded(reply, dict[str, Any], ("data",))

        return await self.run(flow())

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """Yields the bytes of the response as they come. Raises RequestFailed."""
        try:
            async with self._http.stream("GET", path) as response:
                await self._check(ClientCall("GET", path), response)
                async for block in response.aiter_bytes(BLOCK):
                    yield block
        except FAILURES as error:
            raise self._unreachable(error) from error

    async def lines(self, path: str, *, silence: float, headers: Mapping[str, str], **query: Any) -> AsyncIterator[str]:
        """Yields the lines of the response as they come. A server that is silent for `silence` seconds is unreachable.

        Raises RequestFailed.
        """
        try:
            async with self._http.stream(
                "GET", path, headers=dict(headers), params=present(query), timeout=limits_of(silence)
            ) as response:
                await self._check(ClientCall("GET", path), response)
                async for line in response.aiter_lines():
                    yield line
        except FAILURES as error:
            raise self._unreachable(error) from error

    async def run(self, flow: Flow[T]) -> T:
        """Returns the result of a flow, whose requests are sent. Raises RequestFailed, and what the flow raises."""
        got: ServerReply | Lost | None = None
        while True:
            try:
                wanted = flow.send(got)
            except StopIteration as end:
                result: T = end.value
                return result
            got = None
            if isinstance(wanted, ClientCall):
                got = await self._exchange(wanted)
            else:
                await asyncio.sleep(wanted.seconds)

    async def _exchange(self, call: ClientCall) -> ServerReply | Lost:
        try:
            with request_of(call) as sent:
                return reply_of(await self._http.request(**sent))
        except FAILURES as error:
            return lost_by(error)

    async def _check(self, call: ClientCall, response: httpx.Response) -> None:
        if response.is_error:
            await response.aread()
            failure = failure_of(self.url, call, reply_of(response))
            if failure is not None:
                raise failure

    def _unreachable(self, error: Exception) -> Exception:
        failure = failure_of(self.url, ClientCall("GET", ""), lost_by(error))
        assert failure is not None  # noqa: S101 - what is lost has failed
        return failure
