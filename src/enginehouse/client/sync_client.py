"""The client of a program that waits for each answer."""

import time
from pathlib import Path
from typing import Literal, TypeVar

import httpx

from enginehouse.client import job_flows, target_flows
from enginehouse.client.calls import ClientCall, Flow, Lost, Retries, ServerInterface, ServerReply
from enginehouse.client.http import OpenFile, ServerConnection, open_binary
from enginehouse.client.messages import FAILURES, lost_by, reply_of, request_of
from enginehouse.client.sync_verbs import Engines, Jobs, Pipelines, Schedules

T = TypeVar("T")

InterfaceName = Literal["enginehouse", "aiware"]


class Client(ServerConnection):
    """A server at `url`, and the token that every request carries. Close it, or use it in a `with`.

    `timeout`: how many seconds a request may be without an answer. `retries`: how often one is sent again that failed
    for a while. With `interface="aiware"` it calls only what aiWARE's own servers have, and raises NotImplementedError
    for the rest. Several threads may use one client.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        timeout: float = 120.0,
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
        interface: InterfaceName = "enginehouse",
        transport: httpx.BaseTransport | None = None,
        open_file: OpenFile = open_binary,
    ) -> None:
        super().__init__(url, token, timeout=timeout, transport=transport, open_file=open_file)
        self.interface = ServerInterface(self.url, retries, is_aiware=interface == "aiware")
        self.jobs = Jobs(self)
        self.schedules = Schedules(self)
        self.engines = Engines(self)
        self.pipelines = Pipelines(self)

    def upload(self, path: str | Path, *, media_type: str | None = None, name: str | None = None) -> str:
        """The file is the primary asset of a new target. Returns the target's id, for `jobs.create(target=…)`.

        Without a media type, the content of the file says what it is. Raises UnusableFile, OSError, RequestFailed.
        """
        return self.run(target_flows.upload(self.interface, Path(path), media_type, name))

    def results(self, job_id: str, *, format: str = "txt", output: str | None = None) -> str:  # noqa: A002
        """Returns what the engines of the job have found: a page of text (txt), srt, vtt, ttml, csv, json or aion.

        `output` is one output of the job, if not its result is wanted. Raises RequestFailed, also when subtitles are
        wanted and nothing was said.
        """
        return self.run(job_flows.written(self.interface, job_id, format, output))

    def run(self, flow: Flow[T]) -> T:
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
                got = self._exchange(wanted)
            else:
                time.sleep(wanted.seconds)

    def _exchange(self, call: ClientCall) -> ServerReply | Lost:
        try:
            with request_of(call) as sent:
                return reply_of(self._http.request(**sent))
        except FAILURES as error:
            return lost_by(error)
