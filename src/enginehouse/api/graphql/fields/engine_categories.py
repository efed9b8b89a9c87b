"""The queries and mutations of engine categories, and the fields of an EngineCategory."""

from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.domain.engine import CategoryRequest, EngineCategory
from enginehouse.domain.exports import formats
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import engine_categories

query, mutation, category_type = QueryType(), MutationType(), ObjectType("EngineCategory")


@query.field("engineCategory")
async def get_category(_: object, info: Info, id: str) -> EngineCategory:
    """Returns the engine category with this id."""
    return await engine_categories.get(info.context.house, info.context.principal, refs.engine_category(id))


@query.field("engineCategories")
async def list_categories(_: object, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the engine categories."""
    context = info.context
    categories = await engine_categories.list_(context.house, context.principal)
    if args.get("id") is not None:
        categories = [one for one in categories if one.id == args["id"]]
    if args.get("ids") is not None:
        categories = [one for one in categories if one.id in args["ids"]]
    if args.get("name") is not None:
        categories = [one for one in categories if args["name"].casefold() in one.name.casefold()]
    if args.get("type") is not None:
        categories = [one for one in categories if args["type"].casefold() == one.type.casefold()]
    return paging.page(categories, args.get("offset"), args.get("limit"), paging.ENGINES)


@mutation.field("createEngineCategory")
async def create(_: object, info: Info, input: dict[str, Any]) -> EngineCategory:
    """The category exists."""
    return await engine_categories.create(info.context.house, info.context.principal, CategoryRequest(**input))


@mutation.field("updateEngineCategory")
async def update(_: object, info: Info, input: dict[str, Any]) -> EngineCategory:
    """The given fields of the category are changed."""
    ref = refs.engine_category(input.pop("id"))
    return await engine_categories.update(info.context.house, info.context.principal, ref, CategoryRequest(**input))


@mutation.field("deleteEngineCategory")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The category is gone."""
    ref = refs.engine_category(id)
    await engine_categories.delete(info.context.house, info.context.principal, ref)
    return {"id": ref.uuid, "message": f"EngineCategory {ref.uuid} was deleted."}


category_type.set_field("type", lambda category, _: {"name": category.type, "description": None})
category_type.set_field("categoryType", lambda category, _: category.type.lower())
category_type.set_field("editable", lambda category, _: category.organization_id is not None)
category_type.set_field("createdDateTime", lambda category, _: graphql_millis(category.created_at))
category_type.set_field("modifiedDateTime", lambda category, _: graphql_millis(category.modified_at))
category_type.set_field(
    "exportFormats",
    lambda category, _: [
        {"id": each, "name": each.upper(), "format": each, "label": each.upper()} for each in formats(category.id)
    ],
)
for _empty in ("dependencies", "libraryEntityIdentifierTypeIds"):
    category_type.set_field(_empty, lambda _, __: [])

BINDABLES: Final = [query, mutation, category_type]
