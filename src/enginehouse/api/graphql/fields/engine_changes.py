"""The mutations of engines (graphql-contract §2.5), and the fields of an Engine that administrators set."""

from typing import Any, Final

from ariadne import MutationType, ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.domain.engine import Engine, EngineRequest
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Role
from enginehouse.operations import engine_builds, engine_changes
from enginehouse.operations.permission import is_super_admin

mutation, engine_type = MutationType(), ObjectType("Engine")

_FIELDS: Final = {
    "name": "name",
    "description": "description",
    "categoryId": "category_id",
    "manifest": "manifest",
    "deploymentModel": "deployment_model",
    "price": "price",
    "iconPath": "icon_path",
    "logoPath": "logo_path",
    "libraryRequired": "library_required",
    "createsTDO": "creates_tdo",
}
_LISTS: Final = {"fields": "fields", "useCases": "use_cases", "industries": "industries"}


@mutation.field("createEngine")
async def create(_: object, info: Info, input: dict[str, Any] | None = None) -> Engine:
    """The organization has this engine. No worker offers it yet."""
    if input is None:
        raise InvalidInput("required.", "input")
    return await engine_changes.create(info.context.house, info.context.principal, _request(info, input))


@mutation.field("updateEngine")
async def update(_: object, info: Info, input: dict[str, Any] | None = None) -> Engine:
    """The given fields of the engine are changed."""
    if input is None:
        raise InvalidInput("required.", "input")
    name = input.pop("id")
    return await engine_changes.update(info.context.house, info.context.principal, name, _request(info, input))


@mutation.field("deleteEngine")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The engine is deleted."""
    engine = await engine_changes.delete(info.context.house, info.context.principal, id)
    return {"id": engine.id, "message": f"Engine {engine.id} was deleted."}


@mutation.field("engineWorkflow")
async def workflow(_: object, info: Info, input: dict[str, Any] | None = None) -> Engine:
    """The engine is enabled or disabled."""
    if input is None:
        raise InvalidInput("required.", "input")
    house, principal = info.context.house, info.context.principal
    return await engine_changes.set_state(house, principal, input["id"], enabled=input["action"] == "enable")


def _request(info: Info, fields: dict[str, Any]) -> EngineRequest:
    if info.context.principal.role is Role.ADMIN:  # others are refused, whatever they send
        if fields.get("id") is not None:
            raise InvalidInput("the server chooses the id.", "id")
        if fields.get("isPublic"):
            raise InvalidInput("only false: an engine of an organization is for this organization.", "isPublic")
    given: dict[str, Any] = {stored: fields.get(name) for name, stored in _FIELDS.items()}
    given |= {stored: tuple(fields[name]) for name, stored in _LISTS.items() if fields.get(name) is not None}
    templates = fields.get("standaloneJobTemplates")
    pairs = None if templates is None else tuple((one["type"], one["template"]) for one in templates)
    return EngineRequest(**given, templates=pairs)


@engine_type.field("validStateActions")
def actions_of(engine: Engine, info: Info) -> list[str]:
    """Returns what the caller may do with the engine."""
    principal = info.context.principal
    if principal.role is not Role.ADMIN or (engine.organization_id is None and not is_super_admin(principal)):
        return []
    switch = "disable" if engine.state == "active" else "enable"
    return ["edit", switch] if engine.organization_id is None else ["edit", "delete", switch]


@engine_type.field("deployedVersion")
async def deployed_version(engine: Engine, info: Info) -> int | None:
    """Returns the version of the deployed build, null if there is none."""
    if engine.organization_id is None:
        return None
    builds = await engine_builds.of_engine(info.context.house, info.context.principal, engine.id)
    build = engine_builds.deployed(builds)
    return None if build is None else build.version


engine_type.set_field("price", lambda engine, _: engine.details.price)
engine_type.set_field("iconPath", lambda engine, _: engine.details.icon_path)
engine_type.set_field("logoPath", lambda engine, _: engine.details.logo_path)
engine_type.set_field("libraryRequired", lambda engine, _: engine.details.library_required)
engine_type.set_field("createsTDO", lambda engine, _: engine.details.creates_tdo)
engine_type.set_field("deploymentModel", lambda engine, _: engine.details.deployment_model)
engine_type.set_field("fields", lambda engine, _: list(engine.details.fields))
engine_type.set_field("useCases", lambda engine, _: list(engine.details.use_cases))
engine_type.set_field("industries", lambda engine, _: list(engine.details.industries))
engine_type.set_field("createdBy", lambda engine, _: engine.details.created_by)
engine_type.set_field("modifiedBy", lambda engine, _: engine.details.modified_by)

BINDABLES: Final = [mutation, engine_type]
