"""The loop of engine instances over REST: register, getwork, updatestatus, terminate (engine-contract b.3).

Every call needs a token for workers, also the registration: whoever may register sees payloads of jobs.
"""

from collections.abc import Sequence
from typing import Final

from enginehouse.api import auth
from enginehouse.api.edge import words
from enginehouse.api.edge.instance_shapes import (
    GivenWork,
    InstanceRegistration,
    InstanceStatusBody,
    InstanceStatusView,
    IoFolder,
    NewInstance,
    TaskIo,
    TaskStatusBody,
    WorkAnswer,
    WorkDetail,
    WorkDetailAnswer,
    WorkItem,
    WorkRequestBody,
)
from enginehouse.api.http.call import NO_CONTENT, Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.domain import ids
from enginehouse.domain.errors import InvalidInput, NotFound, Problem, excerpt, unknown_word
from enginehouse.domain.job import FolderType
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Lease
from enginehouse.domain.work_requests import parse_request, request_uuid
from enginehouse.operations import engine_loop, instances
from enginehouse.operations.engine_loop import LoopUpdate, TaskEnd
from enginehouse.operations.exchange import Inputs
from enginehouse.wire.work import InputBody, lease_name

LIFETIME: Final = 21_600  # seconds that an instance is told; it registers again afterwards
_LAST: Final = {"complete", "failed"}
_NEW: Final = Body(NewInstance)
_WORK: Final = Body(WorkRequestBody, free=True)
_STATUS: Final = Body(InstanceStatusBody, free=True)
_CREATED: Final = Reply(b"", 201)
_OWN_INSTANCES: Final = "/api/v1/instances"  # where a worker reads inputs


@answers(InstanceRegistration, body=_NEW)
async def register(call: Call) -> Reply:
    """POST engine/instance/register: an engine instance starts."""
    return json(await registered(call, await call.body(_NEW)))


@answers(WorkAnswer, body=_WORK)
async def get_work(call: Call) -> Reply:
    """POST engine/instance/{EngineInstanceID}/getwork: what became of the last item, and the next one."""
    return json(await given_work(call, named(call.id), await call.body(_WORK)))


@answers(None, body=_STATUS, status=201)
async def update_status(call: Call) -> Reply:
    """POST engine/instance/{EngineInstanceID}/updatestatus: the heartbeat of the instance."""
    await updated(call, named(call.id), await call.body(_STATUS))
    return _CREATED


@answers(None, status=204)
async def terminate(call: Call) -> Reply:
    """POST engine/instance/{EngineInstanceID}/terminate: the instance has left."""
    await instances.terminate(call.house, call.principal, named(call.id))
    return NO_CONTENT


@answers(InstanceStatusView)
async def status(call: Call) -> Reply:
    """GET engine/instance/{EngineInstanceID}/status: whether it has work."""
    _, held = await engine_loop.leases_of(call.house, call.principal, named(call.id))
    working = bool(held)
    return json(
        InstanceStatusView(
            engine_instance_id=call.id.lower(),
            mode="processing" if working else "idle",
            work_request_id=_request(held[0]) if working else None,
            work_request_status="running" if working else None,
        )
    )


@answers(WorkDetailAnswer)
async def work_detail(call: Call) -> Reply:
    """GET engine/instance/{EngineInstanceID}/workdetail: the item that it has."""
    instance_id = named(call.id)
    _, held = await engine_loop.leases_of(call.house, call.principal, instance_id)
    items = [_item(call, instance_id, lease, ()) for lease in held]
    detail = WorkDetail(
        work_item=items,
        work_request_id=_request(held[0]) if held else None,
        work_request_status="running" if held else None,
    )
    return json(WorkDetailAnswer(result=detail))


async def registered(call: Call, body: NewInstance) -> InstanceRegistration:
    """The instance is known. Raises the refusals of the operation."""
    wanted = [("engineID", body.engine_id)] if body.engine_id else []
    wanted += [(f"additionalEngineIDs[{n}]", text) for n, text in enumerate(body.additional_engine_ids or ())]
    arrival = await engine_loop.register(call.house, call.principal, wanted)
    return InstanceRegistration(
        engine_instance_id=arrival.state.instance.id,
        engine_instance_token=auth.secret(call.headers.authorization, call.headers.api_key) or "",
        runtime_expiration_seconds=LIFETIME,
    )


async def given_work(call: Call, instance_id: str, body: WorkRequestBody) -> WorkAnswer:
    """Returns the next work. An instance that the server does not know any more is told to end."""
    try:
        await engine_loop.update(
            call.house, call.principal, instance_id, _update(body.task_statuses, request=body.work_request_id)
        )
    except NotFound:
        return WorkAnswer(success=True, result=GivenWork(action="terminate", engine_instance_id=instance_id))
    if body.host_action == "terminate":
        return WorkAnswer(success=True, result=GivenWork(action="terminate", engine_instance_id=instance_id))
    wanted = body.request_work_for_engine_ids or ()
    lease, inputs = await engine_loop.get_work(call.house, call.principal, instance_id, wanted)
    if lease is None:
        return WorkAnswer(success=True, result=GivenWork(action="wait", engine_instance_id=instance_id))
    return WorkAnswer(
        success=True,
        result=GivenWork(
            action="process",
            engine_instance_id=instance_id,
            work_item=[_item(call, instance_id, lease, inputs)],
            work_request_id=_request(lease),
        ),
    )


async def updated(call: Call, instance_id: str, body: InstanceStatusBody) -> None:
    """What the instance says is recorded, once for each pair of times."""
    said = _update(body.task_statuses, body.prior_timestamp, body.timestamp, request=body.work_request_id)
    await engine_loop.update(call.house, call.principal, instance_id, said)


def named(text: str) -> str:
    """Returns the id of an instance. Raises MalformedId."""
    if not refs.UUID.pattern.fullmatch(text):
        raise refs.UUID.missing(instances.INSTANCE, text)
    return text.lower()


def _update(
    given: Sequence[TaskStatusBody] | None,
    prior: int | None = None,
    at: int | None = None,
    *,
    request: str | None = None,
) -> LoopUpdate:
    ends, problems = list[TaskEnd](), list[Problem]()
    for number, state in enumerate(given or ()):
        path = f"taskStatuses[{number}]"
        key = ids.parse_task(state.internal_task_id or "")
        if key is None:
            text = state.internal_task_id
            problems.append(Problem(f"{path}.internalTaskID", f"{ids.TASK_FORM}, got {excerpt(text)}.", excerpt(text)))
            continue
        if state.failure_reason and state.failure_reason not in words.FAILURES:
            problems.append(unknown_word(f"{path}.failureReason", state.failure_reason, words.FAILURES))
        is_failed = state.task_status == "failed"
        ends.append(
            TaskEnd(
                *key,
                complete=state.task_status == "complete",
                output=state.task_output,
                item=_item_of(state.work_request_id or request, key),
                failure=engine_loop.failure(_kind(state.failure_reason), state.error_details) if is_failed else None,
            )
        )
    if problems:
        raise InvalidInput(problems)
    return LoopUpdate(ends, prior or None, at or None)


def _item_of(request: str | None, key: tuple[int, int]) -> int | None:
    """Returns the item that the work request names, None if it is not one of this task."""
    named = parse_request(request or "")
    return named[2] if named is not None and named[:2] == key else None


def _kind(word: str | None) -> FailureKind | None:
    return _KINDS.get(word or "")


_KINDS: Final = {
    "internal_error": FailureKind.INTERNAL_ERROR,
    "connection": FailureKind.URL_ERROR,
    "rate_limited": FailureKind.RATE_LIMITED,
    "unauthorized": FailureKind.API_NOT_ALLOWED,
    "api": FailureKind.API_ERROR,
    "core_api": FailureKind.API_ERROR,
    "resources": FailureKind.SYSTEM_ERROR,
    "not_found": FailureKind.API_NOT_FOUND,
    "bad_data": FailureKind.INVALID_DATA,
    "scheduling": FailureKind.OTHER,
}


def _request(lease: Lease) -> str:
    return request_uuid(*lease.key)


def _item(call: Call, instance_id: str, lease: Lease, inputs: Inputs) -> WorkItem:
    job_id, ordinal, item = lease.key
    task = lease.plan.tasks[ordinal]
    engine = call.house.catalogue.by_id.get(lease.engine_id)
    base = f"{_OWN_INSTANCES}/{instance_id}/items/{lease_name(lease.key, lease.token)}"
    return WorkItem(
        engine_id=lease.engine_id,
        engine_type="batch" if engine is None else engine.spec.mode.value,
        internal_job_id=ids.job_uuid(job_id),
        internal_task_id=ids.task_uuid(job_id, ordinal),
        internal_organization_id=ids.organization_uuid(lease.organization_id),
        organization_id=lease.organization_id,
        job_id=ids.job_graphql(job_id),
        task_id=ids.task_graphql(job_id, ordinal),
        is_retry=lease.attempt > 1,
        max_processing_seconds_per_work_item=task.timeout_seconds
        or (1800 if engine is None else engine.spec.timeout_seconds),
        max_wait_seconds_for_chunk=0,
        num_chunks_per_work_item=1,
        task_ios=_ios(lease),
        task_payload=task.payload if isinstance(task.payload, dict) else {},
        fencing_token=lease.token,
        item=item,
        attempt=lease.attempt,
        inputs=[InputBody.of(artifact, folder, base) for artifact, folder in inputs],
    )


def _ios(lease: Lease) -> list[TaskIo]:
    """Returns the folders of the task; an output folder names the input folders that it feeds."""
    job_id, ordinal, _ = lease.key
    found = []
    for position, folder in enumerate(lease.plan.tasks[ordinal].folders):
        fed = [
            IoFolder(
                id=ids.folder_uuid(job_id, route.child, route.child_folder), task_id=ids.task_uuid(job_id, route.child)
            )
            for route in lease.plan.routes
            if (route.parent, route.parent_folder) == (ordinal, position)
        ]
        found.append(
            TaskIo(
                id=ids.folder_uuid(job_id, ordinal, position),
                io_type=folder.type.value,
                io_mode=folder.mode.value,
                input_folders=fed if folder.type is FolderType.OUTPUT else None,
                options=folder.options if isinstance(folder.options, dict) else None,
            )
        )
    return found
