"""The reference of the two REST interfaces, made from the descriptions that they publish."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from enginehouse.operations.house import House
from enginehouse.web.html import render
from enginehouse.web.session import proof, session_of

Description = Mapping[str, Any]
Descriptions = Mapping[str, Callable[[], Description]]
"""The published description of each interface, by the name in its address."""

_REF: Final = "#/components/"
_LONGEST_LIST: Final = 12  # words of an enumeration that are shown


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of an operation, or a field of a body. `link` is the name of the schema that its type is."""

    name: str
    kind: str
    link: str | None
    required: bool
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class DescribedOperation:
    """An operation: what is sent and what comes back."""

    method: str
    path: str
    summary: str
    is_open: bool
    parameters: tuple[Field, ...]
    body: Field | None
    answer: Field | None


@dataclass(frozen=True, slots=True)
class DescribedSchema:
    """A type that bodies have."""

    name: str
    text: str
    kind: str
    fields: tuple[Field, ...]


async def show(descriptions: Descriptions, house: House, request: Request) -> Response:
    """GET /docs: the interfaces."""
    return await _page("docs.html", house, request, title="APIs", names=list(descriptions))


async def show_one(descriptions: Descriptions, house: House, request: Request) -> Response:
    """GET /docs/{interface}: every operation, by topic, and every type."""
    make = descriptions.get(request.path_params["interface"])
    if make is None:
        return await _page(
            "fault.html", house, request, 404, title="Not found", text="There is no such interface.", again=None
        )
    return await _page("reference.html", house, request, **_contents(make))


@cache
def _contents(make: Callable[[], Description]) -> dict[str, Any]:
    """Returns what is in the page of an interface. It is made once, because it takes a tenth of a second."""
    document = make()
    found = render(
        "reference_contents.html",
        base=document["servers"][0]["url"],
        topics=topics(document),
        schemas=tuple(schemas(document)),
    )
    return {"title": document["info"]["title"], "contents": Markup(found)}  # noqa: S704 - a template has escaped it


async def _page(template: str, house: House, request: Request, status: int = 200, **values: Any) -> Response:
    """Returns a page that needs no session, and shows who has one."""
    session = await session_of(house, request)
    csrf = "" if session is None else proof(house, session.secret)
    return HTMLResponse(render(template, session=session, csrf=csrf, path=request.url.path, **values), status)


def marked(text: str) -> Markup:
    """Returns the text with what stands between two backticks as code, and with its paragraphs apart."""
    code = Markup("<code>{}</code>")
    parts = [code.format(part) if n % 2 else escape(part) for n, part in enumerate(text.split("`"))]
    return Markup("<br>").join(Markup("").join(parts).split("\n\n"))


def topics(document: Description) -> dict[str, list[DescribedOperation]]:
    """Returns the operations by their first tag, both in alphabetical order."""
    found: dict[str, list[DescribedOperation]] = {}
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            found.setdefault(operation["tags"][0], []).append(_operation(document, path, method, operation))
    return dict(sorted(found.items()))


def schemas(document: Description) -> Iterator[DescribedSchema]:
    """Yields every type: its fields, or the words that it may be."""
    for name, schema in sorted(document["components"].get("schemas", {}).items()):
        fields = tuple(_fields(schema)) if "properties" in schema else ()
        kind = "" if fields else type_of(schema)[0]
        yield DescribedSchema(name, marked(schema.get("description", "")), kind, fields)


def _operation(document: Description, path: str, method: str, operation: Description) -> DescribedOperation:
    given = [_resolved(document, each) for each in operation.get("parameters", ())]
    return DescribedOperation(
        method=method.upper(),
        path=path,
        summary=marked(operation.get("summary", "")),
        is_open=operation.get("security") == [],
        parameters=tuple(
            _field(each["name"], each.get("schema", {}), required=each.get("required", False), place=each["in"],
                   text=each.get("description", ""))
            for each in given
        ),
        body=_content(operation.get("requestBody")),
        answer=_content(operation["responses"].get("200")),
    )  # fmt: skip


def _content(part: Description | None) -> Field | None:
    """Returns the body as a field, None if there is none."""
    for kind, media in ((part or {}).get("content") or {}).items():
        schema = media.get("schema", {})
        return _field(kind, schema, required=bool((part or {}).get("required")))
    return None


def _fields(schema: Description) -> Iterator[Field]:
    needed = set(schema.get("required", ()))
    for name, each in schema["properties"].items():
        yield _field(name, each, required=name in needed)


def _field(name: str, schema: Description, *, required: bool, place: str = "", text: str = "") -> Field:
    kind, link = type_of(schema)
    return Field(name, kind, link, required, marked(text or schema.get("description", "")), place)


def type_of(schema: Description) -> tuple[str, str | None]:
    """Returns the type in words, and the name of the schema that it is or that it is a list of."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name, name
    if "anyOf" in schema:
        parts = [type_of(each) for each in schema["anyOf"]]
        return " or ".join(kind for kind, _ in parts), next((link for _, link in parts if link), None)
    if "enum" in schema:
        words = [str(word) for word in schema["enum"]]
        more = ", …" if len(words) > _LONGEST_LIST else ""
        return ", ".join(words[:_LONGEST_LIST]) + more, None
    kind = schema.get("type", "anything")
    if kind == "array":
        of, link = type_of(schema.get("items", {}))
        return f"list of {of}", link
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        of, link = type_of(schema["additionalProperties"])
        return f"object of {of}", link
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind), None


def _resolved(document: Description, part: Description) -> Description:
    if "$ref" not in part:
        return part
    group, _, name = part["$ref"].removeprefix(_REF).partition("/")
    found: Description = document["components"][group][name]
    return found
