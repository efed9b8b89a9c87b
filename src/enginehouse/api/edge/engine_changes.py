"""Creates, changes, pauses, resumes and deletes engines over REST."""

from functools import partial
from typing import Any, Final

import msgspec

from enginehouse.api.edge.engine_shapes import EngineAnswer
from enginehouse.api.edge.engines import engine_detail, state_word
from enginehouse.api.edge.problem_paths import refuse_unkept, within
from enginehouse.api.edge.schedule_shapes import Operation
from enginehouse.api.http.call import DELETED, Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.api.spelling import read_json_text
from enginehouse.domain.engine import Engine, EngineMode, EngineRequest
from enginehouse.domain.errors import Problem, excerpt, unknown_word
from enginehouse.operations import accounts, engine_changes, limits

_WORDS: Final = {"name": "engineName", "categoryId": "engineCategoryID", "manifest": "fieldsJSON"}
_LIMIT: Final = {"runningLimit": "maxRunning"}


class EngineToWrite(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields of an engine. What the server does not have is read only to refuse it."""

    engine_id: str | None = None
    engine_name: str | None = None
    engine_category_id: str | None = None
    engine_type: str | None = None
    engine_output_type: str | None = None
    engine_state: str | None = None
    fields_json: str | None = None
    internal_organization_id: str | int | None = None
    max_running: int | None = None
    replacement_engine_id: str | None = None
    application_ids_json: str | None = msgspec.field(default=None, name="applicationIDsJSON")
    dependency_json: str | None = None
    jwt_rights_json: str | None = None
    validation_json: str | None = None
    dontrun_complete: bool | None = None
    parent_complete_before_start: bool | None = None
    preload: bool | None = None
    priority_adjustment: int | None = msgspec.field(default=None, name="priority_adjustment")
    min_available: int | None = None
    min_running: int | None = None
    cpu_shares: int | None = None
    idle_timeout: int | None = None
    child_priority_adjustment: int | None = msgspec.field(default=None, name="child_priority_adjustment_on_complete")
    edge_version: int | None = msgspec.field(default=None, name="edge_version")
    get_work_interval: int | None = None
    update_status_interval: int | None = None
    parallel_processing: bool | None = None
    max_processing_seconds_per_work_item: int | None = None
    max_wait_seconds_for_chunk: int | None = None
    num_chunks_per_work_item: int | None = None


class WriteEngine(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    engine: EngineToWrite


_WRITE: Final = Body(WriteEngine)


@answers(EngineAnswer, body=_WRITE)
async def create(call: Call) -> Reply:
    """POST admin/engine/create: an engine of the organization. No worker offers it yet, so its tasks wait."""
    body, problems = await call.judged_body(_WRITE)
    new = body.engine
    _refuse_unkept(new, maxRunning=new.max_running)
    if new.engine_id:
        problems.append(Problem("engine.engineID", "the server chooses it; leave it out."))
    if new.engine_state and new.engine_state != "active":
        text = "a new engine is active; pause it afterwards."
        problems.append(Problem("engine.engineState", text, excerpt(new.engine_state), "active"))
    owner = await accounts.acting(
        call.house, call.principal, new.internal_organization_id, "engine.internalOrganizationID"
    )
    request = msgspec.structs.replace(_request(new, problems), mode=_mode(new, problems))
    with within("engine", _WORDS):
        made = await engine_changes.create(call.house, owner, request, problems)
    return json(EngineAnswer(result=engine_detail(made)))


@answers(EngineAnswer, body=_WRITE)
async def update(call: Call) -> Reply:
    """POST admin/engine/{EngineID}/update: changes the given fields; `maxRunning` goes alone."""
    name = refs.engine(call.id).uuid
    body, problems = await call.judged_body(_WRITE)
    change = body.engine
    _refuse_unkept(change)
    request = _request(change, problems)
    with within("engine", _WORDS | _LIMIT):
        if change.max_running and request == EngineRequest() and not problems:
            changed = await limits.limit_engine(call.house, call.principal, name, change.max_running)
        else:
            if change.max_running:
                problems.append(Problem("engine.maxRunning", "send it alone: it is a change of its own."))
            check = partial(_moved, change)
            changed = await engine_changes.update(call.house, call.principal, name, request, problems, check=check)
    return json(EngineAnswer(result=engine_detail(changed)))


@answers(Operation)
async def pause(call: Call) -> Reply:
    """POST admin/engine/{EngineID}/pause: nothing more of it starts. A body is ignored."""
    await limits.pause_engine(call.house, call.principal, refs.engine(call.id).uuid)
    return DELETED


@answers(Operation)
async def resume(call: Call) -> Reply:
    """POST admin/engine/{EngineID}/resume: its tasks start again. A body is ignored."""
    await limits.resume_engine(call.house, call.principal, refs.engine(call.id).uuid)
    return DELETED


@answers(Operation)
async def delete(call: Call) -> Reply:
    """POST admin/engine/{EngineID}/delete: nobody can name it any more. Old jobs show it."""
    await engine_changes.delete(call.house, call.principal, refs.engine(call.id).uuid)
    return DELETED


def _request(engine: EngineToWrite, problems: list[Problem]) -> EngineRequest:
    return EngineRequest(
        name=engine.engine_name or None,
        category_id=engine.engine_category_id or None,
        manifest=read_json_text(engine.fields_json, "engine.fieldsJSON", problems),
    )


def _mode(engine: EngineToWrite, problems: list[Problem]) -> EngineMode | None:
    given = engine.engine_type or engine.engine_output_type
    if not given or given == "any":
        return None
    if given not in set(EngineMode):
        problems.append(unknown_word("engine.engineType", given, ("chunk", "stream", "batch", "any")))
        return None
    return EngineMode(given)


def _moved(change: EngineToWrite, engine: Engine) -> list[Problem]:
    """Returns a problem for each fixed field to which the request gives another value."""
    known: dict[str, tuple[Any, set[str]]] = {
        "engineID": (change.engine_id, {engine.id, *engine.spec.aliases}),
        "engineType": (change.engine_type, {engine.spec.mode.value}),
        "engineOutputType": (change.engine_output_type, {engine.spec.mode.value}),
        "engineState": (change.engine_state, {state_word(engine)}),
        "internalOrganizationID": (
            change.internal_organization_id,
            refs.organization_spellings(engine.organization_id),
        ),
    }
    hint = {"engineState": "pause or resume the engine instead."}
    return [
        Problem(f"engine.{name}", hint.get(name, "cannot be changed."), excerpt(given))
        for name, (given, allowed) in known.items()
        if given and str(given).lower() not in allowed
    ]


def _refuse_unkept(engine: EngineToWrite, **more: Any) -> None:
    refuse_unkept(
        "engine",
        {
            **more,
            "replacementEngineID": engine.replacement_engine_id,
            "applicationIDsJSON": engine.application_ids_json,
            "dependencyJSON": engine.dependency_json,
            "jwtRightsJSON": engine.jwt_rights_json,
            "validationJSON": engine.validation_json,
            "dontrunComplete": engine.dontrun_complete,
            "parentCompleteBeforeStart": engine.parent_complete_before_start,
            "preload": engine.preload,
            "priority_adjustment": engine.priority_adjustment,
            "minAvailable": engine.min_available,
            "minRunning": engine.min_running,
            "cpuShares": engine.cpu_shares,
            "idleTimeout": engine.idle_timeout,
            "child_priority_adjustment_on_complete": engine.child_priority_adjustment,
            "edge_version": engine.edge_version,
            "getWorkInterval": engine.get_work_interval,
            "updateStatusInterval": engine.update_status_interval,
            "parallelProcessing": engine.parallel_processing,
            "maxProcessingSecondsPerWorkItem": engine.max_processing_seconds_per_work_item,
            "maxWaitSecondsForChunk": engine.max_wait_seconds_for_chunk,
            "numChunksPerWorkItem": engine.num_chunks_per_work_item,
        },
    )
