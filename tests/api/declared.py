"""Holds every response of the two REST interfaces, and what its handler has read, against our own description of them.

That every operation declares something is a test of its own (`test_rest_descriptions.py`).
"""

import inspect
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import httpx
from jsonschema import Draft202012Validator
from tests.api.described import FORMATS, exact

from enginehouse.api.edge import routes as edge
from enginehouse.api.http.call import Call
from enginehouse.api.http.declaration import Declaration, declaration
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.v1 import routes as v1

HOW: Final = (
    "declare above the handler what it takes and answers (enginehouse/api/http/declaration.py); as far as its text "
    "shows, that is the line given here"
)
INTERFACES: Final = (edge, v1)


class Served(NamedTuple):
    """An operation with what our description says of it."""

    name: str
    path: re.Pattern[str]
    handler: Callable[..., Any]
    described: dict[str, Any]
    schemas: str

    @property
    def parameters(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = self.described["parameters"]
        return parameters


def suggestion(handler: Callable[..., Any]) -> str:
    """Returns the line that declares the handler, as far as its own text shows."""
    text = inspect.getsource(handler)
    body = re.search(r"call\.(?:judged_)?body\((\w+)\)", text)
    names = re.findall(r'query\.\w+\("(\w+)"', text)
    answer = re.search(r"json\(\s*([\w.]+)\(", text) or re.search(r"result\(\s*(\w+)\(", text)
    parts = [answer[1] if answer else "Operation" if "DELETED" in text else "…"]
    parts += [f"body={body[1]}"] if body else []
    parts += ["query={" + ", ".join(f'"{name}": str' for name in names) + "}"] if names else []
    return f"{handler.__module__}.{handler.__name__}: @answers({', '.join(parts)})"


class _Read(NamedTuple):
    """What the handler of a request has read."""

    parameters: frozenset[str] = frozenset()
    bodies: tuple[Body[Any], ...] = ()
    key: bool = False


_NOTHING: Final = _Read()
_read: ContextVar[_Read] = ContextVar("_read", default=_NOTHING)


parameters_read: Final[dict[str, set[str]]] = defaultdict(set)
"""The parameters that each operation has read so far, by its name."""


KEY_IN_PART: Final = {"POST /edge/v1/admin/backlog/clear": "only without a filter, so its description does not name it"}


@cache
def served() -> list[Served]:
    """Returns every operation that is served, first those without a variable part in the path."""
    found = []
    for routes in INTERFACES:
        document = routes.description()
        schemas = json.dumps({"components": {"schemas": exact(document["components"]["schemas"])}})
        for method, template, handler in (*routes._SERVED, *routes._OPEN):
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(f"{method} {routes.BASE}{template}"))
            described = document["paths"][template][method.lower()]
            found.append(Served(f"{method} {routes.BASE}{template}", re.compile(pattern), handler, described, schemas))
    return sorted(found, key=lambda one: "{" in one.name)


def operation(method: str, path: str) -> Served | None:
    """Returns the operation of a request."""
    method = "GET" if method == "HEAD" else method
    return next((one for one in served() if one.path.fullmatch(f"{method} {path.rstrip('/')}")), None)


async def check(response: httpx.Response) -> None:
    """The response and what was read for it are as described. Raises AssertionError."""
    read, request = _read.get(), response.request
    _read.set(_Read())
    one = operation(request.method, request.url.path)
    said = one and declaration(one.handler)
    if one is None or said is None:
        return
    parameters_read[one.name] |= read.parameters
    undeclared = read.parameters - said.query.keys()
    assert not undeclared, f"{one.name} reads the parameters {sorted(undeclared)}, which it does not declare."
    for body in read.bodies:
        assert body is said.body, f"{one.name} reads a {body.wanted.__name__}, which it does not declare."
    _check_headers(one, read, said, response)
    await _check_body(one, response)


def _check_headers(one: Served, read: _Read, said: Declaration, response: httpx.Response) -> None:
    """The idempotency key that was read, and the headers of ours that came, are declared."""
    if read.key:
        assert said.idempotent or one.name in KEY_IN_PART, f"{one.name} reads the idempotency key: declare idempotent."
    for name in ("Idempotent-Replayed", "X-Enginehouse-Warning"):
        described = one.described["responses"].get(str(response.status_code), {}).get("headers", {})
        assert name not in response.headers or name in described, f"{one.name} sends {name}, which it does not declare."


async def _check_body(one: Served, response: httpx.Response) -> None:
    described = one.described["responses"].get(str(response.status_code))
    assert described is not None, f"{one.name} answers {response.status_code}, which its description does not have."
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if "$ref" in described:
        schema = {"$ref": "#/components/schemas/Error"}
    elif not (content := described.get("content")):
        return
    elif media_type in content and media_type == "application/json":
        schema = content[media_type]["schema"]
    else:
        assert media_type in content or "*/*" in content, f"{one.name} answers {media_type}, which is not declared."
        return
    if response.request.method == "HEAD":
        return
    await response.aread()
    faults = [
        f"{one.name}: {fault.json_path}: {fault.message[:300]}"
        for fault in _validator(one.schemas, json.dumps(schema)).iter_errors(response.json())
    ]
    assert not faults, "\n".join(faults)


@cache
def _validator(schemas: str, schema: str) -> Draft202012Validator:
    return Draft202012Validator({**exact(json.loads(schema)), **json.loads(schemas)}, format_checker=FORMATS)


@contextmanager
def watched() -> Iterator[None]:
    """Inside the block it is noted which parameters and bodies the handler of each request reads."""
    text, read, judged = Query.text, Body.read, Body.judged
    key: Callable[[Call], str | None] = vars(Call)["key"].fget

    def noted_text(query: Query, name: str) -> str | None:
        now = _read.get()
        _read.set(now._replace(parameters=now.parameters | {name}))
        return text(query, name)

    def note(body: Body[Any]) -> None:
        now = _read.get()
        _read.set(now._replace(bodies=(*now.bodies, body)))

    def noted_read(body: Body[Any], raw: bytes) -> Any:
        note(body)
        return read(body, raw)

    def noted_judged(body: Body[Any], raw: bytes) -> Any:
        note(body)
        return judged(body, raw)

    def noted_key(call: Call) -> str | None:
        _read.set(_read.get()._replace(key=True))
        return key(call)

    with (
        patch.multiple(Query, text=noted_text),
        patch.multiple(Body, read=noted_read, judged=noted_judged),
        patch.object(Call, "key", property(noted_key)),
    ):
        yield
