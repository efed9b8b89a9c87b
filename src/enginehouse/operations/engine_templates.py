"""The operations on the templates of an engine: list, get, store, delete. Each organization has its own."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from enginehouse.domain import engine_templates
from enginehouse.domain.engine import Engine
from enginehouse.domain.engine_templates import ALL, STANDARD, EngineTemplate
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import JobRequest
from enginehouse.operations import bounds, engines, plans
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage import engine_templates as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

TEMPLATE: Final = "EngineTemplate"
MOST: Final = 100  # of one engine and one organization
LONGEST: Final = 262_144  # characters of a document as JSON
_THIS_ENGINE: Final = re.compile(r"\{\{\{? *ENGINE_ID *\}?\}\}")


@dataclass(frozen=True, slots=True)
class TemplateRequest:
    """A template to store. `read` makes the job of a document; what it cannot read, it adds to the problems."""

    name: str
    document: dict[str, Any]
    read: Callable[[dict[str, Any], list[Problem]], JobRequest]
    problems: list[Problem]


async def list_(house: House, principal: Principal, engine_name: str) -> list[EngineTemplate]:
    """Returns the templates of the engine by name, and the standard one of the server unless another has replaced it.

    Raises NotFound for an unknown engine.
    """
    engine = await engines.get(house, principal, engine_name)
    stored = await house.database.peek(lambda tx: storage.of_engine(tx, principal.organization_id, engine.id))
    if all(one.name != STANDARD for one in stored):
        document = _named(house, principal, engine, engine_templates.standard(engine.spec))
        stored.append(EngineTemplate(principal.organization_id, engine.id, STANDARD, document))
    return sorted(stored, key=lambda one: one.name)


async def get(house: House, principal: Principal, engine_name: str, name: str, *, path: str = "") -> EngineTemplate:
    """Returns the template. Raises NotFound, also for an unknown engine."""
    for one in await list_(house, principal, engine_name):
        if one.name == name:
            return one
    raise NotFound(TEMPLATE, name[: bounds.LONGEST_NAME], path=path)


@trail.mutation("upsertEngineTemplate", TEMPLATE)
async def put(house: House, principal: Principal, engine_name: str, request: TemplateRequest) -> EngineTemplate:
    """Stores the template, in place of one with the same name. Raises NotFound (engine), InvalidInput."""
    require(principal, Role.USER)
    engine = await engines.get(house, principal, engine_name)
    document = _named(house, principal, engine, request.document)
    _check(house, principal, request, document)
    entry = _entry(principal, "upsertEngineTemplate", engine, request.name)

    async def store(tx: Tx) -> EngineTemplate:
        new = await storage.put(tx, principal.organization_id, engine.id, request.name, document)
        if len(await storage.of_engine(tx, principal.organization_id, engine.id)) > MOST:
            raise InvalidInput(f"at most {MOST} templates of an engine; delete one first.", "templateName")
        await entries.record(tx, [entry])
        return new

    return await house.database.write(store)


@trail.mutation("deleteEngineTemplate", TEMPLATE)
async def delete(house: House, principal: Principal, engine_name: str, name: str) -> EngineTemplate:
    """Deletes the template. Returns what it was. Raises NotFound, NotAllowed for the standard one of the server."""
    require(principal, Role.USER)
    engine = await engines.get(house, principal, engine_name)
    entry = _entry(principal, "deleteEngineTemplate", engine, name)

    async def remove(tx: Tx) -> EngineTemplate:
        old = await storage.delete(tx, principal.organization_id, engine.id, name) if bounds.storable(name) else None
        if old is None and name == STANDARD:
            raise NotAllowed("This template belongs to the server. Store another with its name to replace it.")
        if old is None:
            raise NotFound(TEMPLATE, name[: bounds.LONGEST_NAME])
        await entries.record(tx, [entry])
        return old

    return await house.database.write(remove)


def _entry(principal: Principal, event: str, engine: Engine, name: str) -> Any:
    return trail.entry(principal, event, object_type=TEMPLATE, object_id=f"{engine.id}/{trail.printable(name)}")


def _named(house: House, principal: Principal, engine: Engine, document: dict[str, Any]) -> dict[str, Any]:
    """Returns the document with the ids of its engines, so that a typed client can read it."""
    tasks = []
    for task in document.get("tasks") or ():
        name = task.get("engineId") or ""
        known = engine if _THIS_ENGINE.fullmatch(name) else engines.shown(house, principal, name)
        tasks.append(task if known is None else {**task, "engineId": known.id})
    return {**document, "tasks": tasks}


def _check(house: House, principal: Principal, request: TemplateRequest, document: dict[str, Any]) -> None:
    """Raises InvalidInput with all that is wrong. What is in payloads is only known when a job gets its values."""
    problems = [
        *request.problems,
        *bounds.text("templateName", request.name, longest=bounds.LONGEST_NAME, required=True),
    ]
    if request.name == ALL:
        problems.append(Problem("templateName", f'"{ALL}" names every template; choose another name.', ALL))
    unreadable = bounds.json("template", document)
    if unreadable:
        bounds.refuse(problems + unreadable)
    size = len(bounds.json_text(document))
    if size > LONGEST:
        problems.append(Problem("template", f"at most {LONGEST} characters, has {size}.", str(size)))
    problems += engine_templates.problems(document, "template")
    bounds.refuse(problems)
    sample = {name: name for name in engine_templates.names(document)}
    job = request.read(engine_templates.rendered(engine_templates.without_json(document), sample), problems)
    plans.plan_all(house, principal, [job], problems)
