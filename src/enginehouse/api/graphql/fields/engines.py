"""`engine`, `engines`, and the fields of an Engine."""

from dataclasses import replace
from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.api.graphql.fields import engine_filter, paging
from enginehouse.api.graphql.fields.job_filter import in_dates
from enginehouse.domain.engine import Engine, EngineCategory, EngineMode
from enginehouse.domain.errors import NotFound
from enginehouse.domain.job import JobFilter, Task
from enginehouse.domain.status import TaskStatus
from enginehouse.operations import engine_categories, engines, jobs

query, mutation = QueryType(), MutationType()
engine_type, category_type = ObjectType("Engine"), ObjectType("EngineCategory")

_STATES: Final = {"active": "active", "paused": "disabled", "disabled": "disabled", "deleted": "deleted"}
_SHARED_OWNER: Final = 1  # an engine for all organizations belongs to the first one
_ORDERS: Final = {
    "id": lambda e: e.spec.id, "createdDateTime": lambda e: e.created_at, "modifiedDateTime": lambda e: e.modified_at,
    "state": lambda e: e.state, "category": lambda e: e.spec.category_id, "mode": lambda e: e.spec.mode,
    "price": lambda e: e.details.price or 0, "runtimeType": lambda e: e.spec.kind,
    "deploymentModel": lambda e: e.details.deployment_model, "libraryRequired": lambda e: e.details.library_required,
}  # fmt: skip


@query.field("engine")
async def get_engine(_: object, info: Info, id: str) -> Engine:
    """Returns the engine with this id, slug or alias."""
    context = info.context
    return await engines.get(context.house, context.principal, id)


@query.field("engines")
async def list_engines(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the engines that the caller may use."""
    return await _page(info.context, args)


@mutation.field("validateEngineOutput")
def validate_output(_: object, info: Info, input: Any) -> bool:
    """Returns true for a document that satisfies the form of engine results and the contracts that it lists."""
    return engines.validates(info.context.principal, input)


async def _page(context: Context, args: dict[str, Any], within: str | None = None) -> paging.Page:
    narrower = args.get("filter") or {}
    criteria = engines.EngineFilter(
        name=args.get("name") or narrower.get("name"),
        categories=tuple(_categories(args, narrower)),
        ids=_ids(args),
        modes=tuple(EngineMode(word.lower()) for word in narrower.get("mode") or ()),
        owned=bool(args.get("owned")),
    )
    matches = [engine for engine in await _all(context, criteria) if within in {None, engine.spec.category_id}]
    states = set(args.get("state") or ()) | set(narrower.get("state") or ())
    if states:
        matches = [engine for engine in matches if _STATES.get(engine.state) in states]
    if narrower.get("type"):
        kinds = {one.id: one.type for one in await engine_categories.list_(context.house, context.principal)}
        matches = [engine for engine in matches if kinds.get(engine.spec.category_id) in narrower["type"]]
    matches = [engine for engine in matches if engine_filter.matches(engine, args, narrower)]
    for order in reversed([*filter(None, args.get("orderBy") or ())]):
        matches.sort(key=_ORDERS.get(order["field"], _name), reverse=order.get("direction") == "desc")
    return paging.page(matches, args.get("offset"), args.get("limit"), paging.ENGINES)


async def _all(context: Context, criteria: engines.EngineFilter) -> list[Engine]:
    everything, size = list[Engine](), context.house.limits.page_size
    while True:
        part = replace(criteria, offset=len(everything), limit=size)
        page = await engines.list_(context.house, context.principal, part)
        everything += page
        if len(page) < size:
            return everything


def _name(engine: Engine) -> str:
    return engine.spec.name.casefold()


def _categories(args: dict[str, Any], narrower: dict[str, Any]) -> list[str]:
    """Returns the alternatives of one condition. The narrowest condition of the request counts."""
    one_of = [name for name in (args.get("categoryId"), args.get("category")) if name is not None]
    return one_of[:1] or list(narrower.get("category") or ())


def _ids(args: dict[str, Any]) -> tuple[str, ...] | None:
    if args.get("id") is not None:
        return (args["id"],) if args.get("ids") is None or args["id"] in args["ids"] else ()
    return None if args.get("ids") is None else tuple(args["ids"])


@query.field("engineClass")
def get_class(_: object, __: Info, id: str) -> None:
    """Raises NotFound, because categories are in no classes here."""
    raise NotFound("EngineClass", id)


@query.field("engineClasses")
def list_classes(_: object, __: Info, **args: Any) -> paging.Page:
    """Returns no classes, because categories are in none here."""
    return paging.page((), args.get("offset"), args.get("limit"), paging.ENGINES)


# -- the fields of an Engine --------------------------------------------------------------------------------


@engine_type.field("category")
async def category_of(engine: Engine, info: Info) -> EngineCategory | None:
    """Returns the engine's category."""
    return await info.context.category(engine.spec.category_id)


@engine_type.field("unavailable")
async def unavailable_of(engine: Engine, info: Info) -> dict[str, Any] | None:
    """Returns why the engine gets no work now, null while it is available."""
    health = await info.context.unavailable.get(engine.spec.id)
    if health is None or health.until is None:
        return None
    return {"reason": health.reason, "nextTryDateTime": health.until}


@engine_type.field("installed")
def installed_of(engine: Engine, info: Info) -> bool:
    """Returns false if no connected server or worker has the engine."""
    return info.context.house.presence.has(engine)


@engine_type.field("tasks")
async def tasks_of(engine: Engine, info: Info, **args: Any) -> paging.Page:
    """Returns the engine's tasks in the organization's latest jobs."""
    context = info.context
    offset, limit = paging.bounds(args.get("offset"), args.get("limit"), paging.JOBS)
    criteria = JobFilter(engine_ids=(engine.spec.id,), limit=min(offset + limit, context.house.limits.page_size))
    statuses = {TaskStatus.ABORTED if word == "cancelled" else word for word in args.get("status") or ()}
    tasks: list[Task] = []
    for job in (await jobs.list_(context.house, context.principal, criteria)).jobs:
        context.jobs.prime(job.id, job)
        tasks += [
            task
            for task in job.tasks
            if task.plan.engine_id == engine.spec.id and (not statuses or task.status in statuses)
        ]
    return paging.page(in_dates(tasks, args.get("dateTimeFilter")), offset, limit, paging.JOBS)


@engine_type.field("ownerOrganization")
async def owner_of(engine: Engine, info: Info) -> Any:
    """Returns the organization if it is the caller's own."""
    context = info.context
    _, organization = await context.me()
    return organization if organization.id == (engine.organization_id or _SHARED_OWNER) else None


@category_type.field("engines")
async def engines_in(category: EngineCategory, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the category's engines."""
    return await _page(info.context, args, category.id)


@category_type.field("engineIds")
async def engine_ids_in(category: EngineCategory, info: Info) -> list[str]:
    """Returns the ids of the category's engines."""
    everything = await _all(info.context, engines.EngineFilter())
    return [engine.spec.id for engine in everything if engine.spec.category_id == category.id]


@category_type.field("totalEngines")
async def total_in(category: EngineCategory, info: Info) -> int:
    """Returns the number of engines in the category."""
    return len(await engine_ids_in(category, info))


engine_type.set_field("id", lambda engine, _: engine.spec.id)
engine_type.set_field("name", lambda engine, _: engine.spec.name)
engine_type.set_field("slug", lambda engine, _: engine.spec.slug)
engine_type.set_field("displayName", lambda engine, _: engine.spec.name)
engine_type.set_field("description", lambda engine, _: engine.spec.description)
engine_type.set_field("categoryId", lambda engine, _: engine.spec.category_id)
engine_type.set_field("ownerOrganizationId", lambda engine, _: engine.organization_id or _SHARED_OWNER)
engine_type.set_field("isPublic", lambda engine, _: engine.organization_id is None)
engine_type.set_field("state", lambda engine, _: _STATES.get(engine.state))
engine_type.set_field("mode", lambda engine, _: engine.spec.mode.capitalize())
engine_type.set_field("createdDateTime", lambda engine, _: engine.created_at)
engine_type.set_field("modifiedDateTime", lambda engine, _: engine.modified_at)
engine_type.set_field("supportedInputFormats", lambda engine, _: list(engine.spec.inputs))
engine_type.set_field("preferredInputFormat", lambda engine, _: next(iter(engine.spec.inputs), None))
engine_type.set_field("outputFormats", lambda engine, _: list(engine.spec.outputs))
engine_type.set_field("manifest", lambda engine, _: engine.spec.manifest)
engine_type.set_field("runtimeType", lambda engine, _: engine.spec.kind.value)
for _empty in ("supportedSourceTypes", "supportedScheduleTypes"):
    engine_type.set_field(_empty, lambda _, __: [])

BINDABLES: Final = [query, mutation, engine_type, category_type]
