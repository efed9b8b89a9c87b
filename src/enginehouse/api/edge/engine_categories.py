"""Engine categories over REST."""

from typing import Final

import msgspec

from enginehouse.api.edge.problem_paths import within
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.domain import times
from enginehouse.domain.engine import CategoryRequest, EngineCategory
from enginehouse.operations import engine_categories


class CategoryDetail(msgspec.Struct, rename=spelled, kw_only=True):
    engine_category_id: str
    engine_category_name: str
    engine_category_type: str
    created_date_time: str
    modified_date_time: str


class CategoryAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: CategoryDetail


class CategoryList(msgspec.Struct, kw_only=True):
    success: bool = True
    result: list[CategoryDetail]


class CategoryToWrite(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A category to create, or its changes."""

    engine_category_name: str | None = None
    engine_category_type: str | None = None


_WRITE: Final = Body(CategoryToWrite)
_WORDS: Final = {"name": "engineCategoryName", "type": "engineCategoryType"}


@answers(CategoryList)
async def list_categories(call: Call) -> Reply:
    """GET admin/engine/categories: the categories of engines."""
    found = await engine_categories.list_(call.house, call.principal)
    return json(CategoryList(result=[_detail(one) for one in found]))


@answers(CategoryAnswer)
async def detail(call: Call) -> Reply:
    """GET admin/engine/category/{EngineCategoryID}/detail: the category."""
    found = await engine_categories.get(call.house, call.principal, refs.engine_category(call.id))
    return json(CategoryAnswer(result=_detail(found)))


@answers(CategoryAnswer, body=_WRITE)
async def create(call: Call) -> Reply:
    """POST admin/engine/category/create: a new category of engines."""
    body, problems = await call.judged_body(_WRITE)
    with within("", _WORDS):
        made = await engine_categories.create(call.house, call.principal, _request(body), problems)
    return json(CategoryAnswer(result=_detail(made)))


@answers(CategoryAnswer, body=_WRITE)
async def update(call: Call) -> Reply:
    """POST admin/engine/category/{EngineCategoryID}/update: the category has the given fields."""
    ref = refs.engine_category(call.id)
    body, problems = await call.judged_body(_WRITE)
    with within("", _WORDS):
        changed = await engine_categories.update(call.house, call.principal, ref, _request(body), problems)
    return json(CategoryAnswer(result=_detail(changed)))


def _request(body: CategoryToWrite) -> CategoryRequest:
    return CategoryRequest(name=body.engine_category_name or None, type=body.engine_category_type or None)


def _detail(one: EngineCategory) -> CategoryDetail:
    return CategoryDetail(
        engine_category_id=one.id,
        engine_category_name=one.name,
        engine_category_type=one.type,
        created_date_time=times.rest(one.created_at),
        modified_date_time=times.rest(one.modified_at),
    )
