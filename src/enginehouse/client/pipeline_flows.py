"""The requests about pipelines, as flows: one text of them for both clients."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from enginehouse.client import target_flows
from enginehouse.client.calls import ClientCall, Flow, ServerInterface
from enginehouse.client.failure import Json, RequestFailed
from enginehouse.client.paths import v1
from enginehouse.client.records import JobOfPipeline, JobReceipt, PipelineRecord, ReceiptOfPipeline

_WHAT: Final = "use pipelines with names"


def list_pipelines(to: ServerInterface) -> Flow[list[PipelineRecord]]:
    """Returns the pipelines that are built in and the organization's own, by name."""
    to.only_here(_WHAT)
    return (yield from to.read(ClientCall("GET", v1("pipelines")), list[PipelineRecord], "result"))


def put_pipeline(to: ServerInterface, name: str, fields: Mapping[str, Any]) -> Flow[PipelineRecord]:
    """The pipeline exists, in place of one of this name."""
    to.only_here(_WHAT)
    call = ClientCall("PUT", v1("pipelines", name), body=dict(fields), is_repeatable=True)
    return (yield from to.read(call, PipelineRecord, "result"))


def delete_pipeline(to: ServerInterface, name: str) -> Flow[None]:
    """The pipeline is gone."""
    to.only_here(_WHAT)
    yield from to.send(ClientCall("DELETE", v1("pipelines", name)))


def plan(to: ServerInterface, name: str, source: Mapping[str, str | None]) -> Flow[JobOfPipeline]:
    """Returns the job that would be created now. Nothing is created."""
    to.only_here(_WHAT)
    body = {field: value for field, value in source.items() if value is not None}
    call = ClientCall("POST", v1("pipelines", name, "plan"), body=body, is_repeatable=True)
    return (yield from to.read(call, JobOfPipeline, "result"))


def create_job(
    to: ServerInterface, name: str, source: Mapping[str, str | Path | None], options: Mapping[str, str | None]
) -> Flow[JobReceipt]:
    """The job is durable; a file is the asset of a new target, which is gone again if the job is refused.

    Raises ValueError unless there is one source.
    """
    to.only_here(_WHAT)
    given = {field: value for field, value in source.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"give one of {', '.join(source)}; got {', '.join(given) or 'none'}.")
    [(field, value)] = given.items()
    is_new = field == "file"
    if is_new:
        field, value = "target", (yield from target_flows.upload(to, Path(value), None, None))
    body: Json = {"targetId" if field == "target" else field: str(value)}
    if options.get("name") is not None:
        body["name"] = options["name"]
    call = ClientCall("POST", v1("pipelines", name, "jobs"), body=body, key=to.key(options.get("key")))
    try:
        made = yield from to.read(call, ReceiptOfPipeline, "result")
    except RequestFailed as refused:
        if is_new and HTTPStatus.BAD_REQUEST <= refused.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            with suppress(RequestFailed):
                yield from target_flows.delete(to, str(value))
        raise
    return JobReceipt(made.id, made.warnings)
