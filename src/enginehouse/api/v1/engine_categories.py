"""Engine categories under `/api/v1/engine-categories`: list, create, change, delete."""

from typing import Final

import msgspec

from enginehouse.api.http.call import NO_CONTENT, Call, Reply, json
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.v1.envelope import result
from enginehouse.domain import times
from enginehouse.domain.engine import CategoryRequest, EngineCategory
from enginehouse.operations import engine_categories


class CategoryView(msgspec.Struct, rename="camel", kw_only=True):
    """`editable` is true for the organization's own ones."""

    id: str
    name: str
    type: str
    description: str
    editable: bool
    created_date_time: str
    modified_date_time: str


_BODY: Final = Body(CategoryRequest)


async def list_categories(call: Call) -> Reply:
    """GET engine-categories: a page of those the caller may read, by name."""
    query = Query(call.query)
    offset, limit = query.page()
    query.finish()
    everything = await engine_categories.list_(call.house, call.principal)
    page = [_view(one) for one in everything[offset : offset + limit]]
    return json({"success": True, "count": len(everything), "offset": offset, "limit": limit, "result": page})


async def get(call: Call) -> Reply:
    """GET engine-categories/{EngineCategoryID}."""
    [text] = call.ids
    return result(_view(await engine_categories.get(call.house, call.principal, refs.engine_category(text))))


async def create(call: Call) -> Reply:
    """POST engine-categories."""
    request, problems = await call.judged_body(_BODY)
    return result(_view(await engine_categories.create(call.house, call.principal, request, known_problems=problems)))


async def update(call: Call) -> Reply:
    """PATCH engine-categories/{EngineCategoryID}: what is absent stays as it is."""
    [text] = call.ids
    request, problems = await call.judged_body(_BODY)
    category = await engine_categories.update(
        call.house, call.principal, refs.engine_category(text), request, known_problems=problems
    )
    return result(_view(category))


async def delete(call: Call) -> Reply:
    """DELETE engine-categories/{EngineCategoryID}: refused while an engine names it."""
    [text] = call.ids
    await engine_categories.delete(call.house, call.principal, refs.engine_category(text))
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
