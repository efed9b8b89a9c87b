"""Engine categories under `/api/v1/engine-categories`: list, create, change, delete."""

from typing import Final

import msgspec

from enginehouse.api.http.call import NO_CONTENT, Call, Reply
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.v1.envelope import Result, result
from enginehouse.domain import times
from enginehouse.domain.engine import CategoryRequest, EngineCategory
from enginehouse.operations import engine_categories

_BODY: Final = Body(CategoryRequest)


class CategoryView(msgspec.Struct, rename=spelled, kw_only=True):
    """A category. `editable` is true for the organization's own categories."""

    id: str
    name: str
    type: str
    description: str | None
    editable: bool
    created_date_time: str
    modified_date_time: str


@answers(Result[list[CategoryView]])
async def list_categories(call: Call) -> Reply:
    """GET engine-categories: the built-in ones and the organization's own, by name."""
    Query(call.query).finish()
    return result([_view(one) for one in await engine_categories.list_(call.house, call.principal)])


@answers(Result[CategoryView])
async def get(call: Call) -> Reply:
    """GET engine-categories/{EngineCategoryID}: the category."""
    return result(_view(await engine_categories.get(call.house, call.principal, refs.engine_category(call.id))))


@answers(Result[CategoryView], body=_BODY)
async def create(call: Call) -> Reply:
    """POST engine-categories: a new category of engines."""
    request, problems = await call.judged_body(_BODY)
    return result(_view(await engine_categories.create(call.house, call.principal, request, problems)))


@answers(Result[CategoryView], body=_BODY)
async def update(call: Call) -> Reply:
    """PATCH engine-categories/{EngineCategoryID}: absent fields stay as they are."""
    request, problems = await call.judged_body(_BODY)
    ref = refs.engine_category(call.id)
    return result(_view(await engine_categories.update(call.house, call.principal, ref, request, problems)))


@answers(None, status=204)
async def delete(call: Call) -> Reply:
    """DELETE engine-categories/{EngineCategoryID}: refused while an engine has this category."""
    await engine_categories.delete(call.house, call.principal, refs.engine_category(call.id))
    return NO_CONTENT


def _view(category: EngineCategory) -> CategoryView:
    return CategoryView(
        id=category.id,
        name=category.name,
        type=category.type,
        description=category.description,
        editable=category.organization_id is not None,
        created_date_time=times.rest(category.created_at),
        modified_date_time=times.rest(category.modified_at),
    )
