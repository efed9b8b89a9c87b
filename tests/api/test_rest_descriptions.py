"""What our two REST interfaces say of themselves: OpenAPI documents, made from what the handlers declare.

That the responses are as described is checked for every response of every test (`tests/api/declared.py`).
"""

import json
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.api import declared
from tests.api.clients import Api
from tests.api.declared import HOW, INTERFACES, suggestion

from enginehouse.api.http.declaration import declaration

either_interface = pytest.mark.parametrize("routes", INTERFACES, ids=lambda routes: routes.BASE)


def test_every_operation_declares_what_it_takes_and_answers() -> None:
    silent = [one for one in declared.served() if declaration(one.handler) is None]
    assert not silent, "\n".join([HOW, *(suggestion(one.handler) for one in silent)])


@either_interface
async def test_the_description_is_served_without_a_token_and_only_once_to_a_cache(
    sqlite_api: Api, routes: ModuleType
) -> None:
    request = f"GET {routes.BASE}/openapi.json"
    answer = (await sqlite_api.holding(None).ask(request)).response
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == json.loads(json.dumps(routes.description()))
    again = (await sqlite_api.holding(None).ask(request, if_none_match=answer.headers["etag"])).response
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    changed = (await sqlite_api.holding(None).ask(request, if_none_match='"another"')).response
    assert changed.status_code == 200


@either_interface
def test_the_document_holds_together(routes: ModuleType) -> None:
    document = routes.description()
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        Draft202012Validator.check_schema(schema)
        assert name.isidentifier(), name
    for reference in _references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, reference
            place = place[step]
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    assert [one["operationId"] for one in operations if not one.get("summary")] == []
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names))
    served = len(routes._SERVED) + len(routes._FOR_WORKERS) + len(routes._OPEN)
    assert len(operations) == served


@either_interface
def test_no_text_is_only_for_readers_of_the_code(routes: ModuleType) -> None:
    texts = list(_texts(routes.description()))
    assert len(texts) > 100
    assert [text for text in texts if "-contract" in text or "\n    " in text] == []


def _texts(value: Any) -> list[str]:
    match value:
        case dict():
            own = [each for name, each in value.items() if name in {"summary", "description"} and isinstance(each, str)]
            return own + [found for each in value.values() for found in _texts(each)]
        case list():
            return [found for each in value for found in _texts(each)]
        case _:
            return []


@either_interface
def test_no_schema_is_unused(routes: ModuleType) -> None:
    document = routes.description()
    used = {reference.rpartition("/")[2] for reference in _references(document)}
    assert set(document["components"]["schemas"]) <= used


def _references(value: Any) -> list[str]:
    match value:
        case {"$ref": str(reference)}:
            return [reference]
        case dict():
            return [found for each in value.values() for found in _references(each)]
        case list():
            return [found for each in value for found in _references(each)]
        case _:
            return []
