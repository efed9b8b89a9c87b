"""The reference of the interfaces: every published operation is there, and every type that it names."""

import re

import pytest
from tests.web.conftest import Place
from tests.web.reader import text

from enginehouse.app import DESCRIPTIONS
from enginehouse.web.reference import marked, type_of


@pytest.mark.parametrize("name", sorted(DESCRIPTIONS))
async def test_every_operation_and_type_is_described_to_anybody(place: Place, name: str) -> None:
    reader = await place.reader()
    answer = await reader.get(f"/docs/{name}")
    assert (answer.status_code, answer.url.path) == (200, f"/docs/{name}")
    document = DESCRIPTIONS[name]()
    base = document["servers"][0]["url"]
    for path, operations in document["paths"].items():
        assert answer.text.count(f"<code>{base}{path}</code>") == len(operations), path
    anchors = set(re.findall(r'id="([^"]+)"', answer.text))
    assert set(re.findall(r'href="#([^"]+)"', answer.text)) <= anchors


async def test_the_first_page_leads_to_each_interface(place: Place) -> None:
    reader = await place.reader()
    answer = await reader.get("/docs")
    for address in ("/docs/edge", "/docs/v1", "/edge/v1/openapi.json", "/api/v1/openapi.json", "/v3/graphiql"):
        assert f'href="{address}"' in answer.text
    assert (await reader.get("/docs/other")).status_code == 404
    signed_in = await place.signed_in()
    assert "user" in text(await signed_in.get("/docs")) or "Sign out" in (await signed_in.get("/docs")).text


@pytest.mark.parametrize(
    ("schema", "kind", "link"),
    [
        ({"$ref": "#/components/schemas/Job"}, "Job", "Job"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Job"}}, "list of Job", "Job"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null", None),
        ({"type": "string", "format": "uuid"}, "string (uuid)", None),
        ({"enum": ["a", "b"]}, "a, b", None),
        ({"enum": list(range(20))}, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …", None),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "object of integer", None),
        ({}, "anything", None),
    ],
)
def test_a_type_in_words(schema: dict[str, object], kind: str, link: str | None) -> None:
    assert type_of(schema) == (kind, link)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("`count` jobs", "<code>count</code> jobs"),
        ("one\n\ntwo", "one<br>two"),
        ("<b>`<i>`", "&lt;b&gt;<code>&lt;i&gt;</code>"),
        ("", ""),
    ],
)
def test_a_text_of_a_description_as_html(text: str, html: str) -> None:
    assert marked(text) == html
