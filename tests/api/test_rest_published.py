"""Our description of `/edge/v1` says what the published one says, but for the differences that are listed here.

Compared are parameters, fields of bodies and of answers, their types and formats, for every operation that is served.
Widths of numbers and words of enumerations are compared where they are answered (`tests/api/described.py`).
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tests.api.described import description

from enginehouse.api.edge import routes
from enginehouse.api.http.declaration import declaration

Schema = dict[str, Any]
COMPARED_FORMATS: Final = {"uuid", "date-time", "json", "binary"}

# A difference, as a pattern, and its reason (docs/decisions/0020).
DELIBERATE: Final[dict[str, str]] = {
    r"^GET /openapi.json: is not published": "ours: this description",
    r"^(GET /ping|GET /version|POST /proc/jobs/cancel|\S+ \S+/(scheduled_job|build)/\S+/delete): is not published": (
        "the founding page, or the text of the published interface, has them"
    ),
    r"header X-Correlation-Id is ours": "every operation takes it",
    r"header Idempotency-Key is ours": "ours: a request that is sent again is done once",
    r"answer has the header (Idempotent-Replayed|X-Enginehouse-Warning)": "a body has the documented fields only",
    r"answer has status 200, not 204": "HTTP forbids the body that is published with 204",
    r"/(delete|pause|resume): body is not read": "the id is in the path",
    r"/role/(create|\S+/update): body is not read": "the roles of the server are fixed",
    r"/engine/category/\S+/update: body is ours": "the published one has none, so that nothing could be changed",
    r"/build/\S+/update: path EngineID is not read": "the path has no such part",
    r"/build/\S+/pause: query BuildState is not read": "one build is paused, which the path names",
    r"/admin/status: answer is \S+, application/octet-stream, \*/\*, not": "texts and a table too",
    r"/engine/create: body\.engine\.\w+ is ours": "an engine is created and updated with the same fields",
    r"/build/create: body\.build\.\w+ is ours": "a build is created and updated with the same fields",
    r"/user/\S+/update: body\.user\.userName is ours": "a user can get another name",
    r"/template/\S+: body\.engineID has the format uuid, not None": "other texts are refused, with the form",
    r"/template/\S+: answer\.(templates\[\]\.)?template\.\w+ is never answered": (
        "described as an object: the fields of the job that the template was stored with"
    ),
    r"/admin/build/\S+: answer\.result\.\w+ is never answered": "this server has no such setting of a build",
    r"^GET /engine/builds: answer\.result\[\]\.\w+ is never answered": "the same",
    r"/admin/organization.*answer\.result(\[\])?\.\w+ is never answered": "an organization has no such setting here",
    r"/engine/(instance|\{EngineID\}/instances).*answer\..* is never answered": (
        "an instance is an engine that a worker offers: it has no container and no launch"
    ),
    r"GET /hosts?\b.*answer\..* is never answered": "a host is a worker, which reports nothing of its machine",
    r"download.* answer is application/octet-stream, \*/\*, not application/json": (
        "the bytes themselves; no client makes them of an array of byte strings"
    ),
    r"\.error is never answered": "a refusal has its own body and status",
    r"\.(startDateTime|stopDateTime|scheduledDateTime) is never answered": "no job here starts or stops by a clock",
    r"\.(buildID|taskTemplateID) is never answered": "a task has no build, and no template of its own",
    r"result(\[\])?\.coreID is never answered": "no scheduled job comes from another server",
    r"\.coreID has the format None": "shown as the client has given it",
    r"/proc/endpoint/\S+: (body has the format binary, not None|answer is )": "any bytes, and the result of an engine",
    r"/addtaskroute: body\.task\.\w+ is ours": "a route goes in with the fields with which it comes out",
    r"GET /proc/jobs: query scheduledJobID is ours": "the jobs of a schedule, as in GraphQL",
    r"GET /proc/tasks/(errors|stats/engines): query \w+ is ours": "it takes every filter of the list of tasks",
    r"\.(engineInstanceID|hostID) is never answered": "a worker has a name and no id",
    r"^GET /proc/jobs/backlog_count_by_engine: is not published": "known clients read it with GET",
    r"/admin/backlog/clear: query organizationID is ours": "a super administrator names the organization",
    r"/admin/backlog/clear: answer\.(count is ours|result is never answered)": "published is that of another operation",
    r"GET /admin/engines: query engineCategoryID has the format uuid": "other texts are refused, with the form",
    r"GET /admin/engines: query preload is not read": "engines are not loaded before their first use",
    r"/admin/engine.*answer\.result(\[\])?\.\w+ is never answered": "this server has no such setting of an engine",
    r"tokens?\b.*: answer\.(result(\[\])?\.)?(hostID|engineInstanceID) is never answered": "no token is bound to them",
    r"/admin/users?/.*answer\.result\.\w+ is never answered": "a user has no such property here",
    r"GET /admin/users: answer\.result\[\]\.\w+ is never answered": "a user has no such property here",
    r"/admin/users/roles: answer\.result\[\]\.\w+ is never answered": "nobody has made the roles of the server",
}


class Document(NamedTuple):
    """A description, and which side it is."""

    schemas: Schema
    parameters: Schema

    def resolved(self, value: Schema) -> Schema:
        while "$ref" in value:
            kind, name = value["$ref"].split("/")[-2:]
            value = (self.schemas if kind == "schemas" else self.parameters)[name]
        return value

    def kinds(self, schema: Schema) -> dict[str, Schema]:
        """Returns the alternatives of the schema by type, without null."""
        schema = self.resolved(schema)
        each = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or [schema]
        if each == [schema]:
            kind = schema.get("type") or ("object" if "properties" in schema else "any")
            return {} if kind == "null" else {kind: schema}
        return {kind: one for alternative in each for kind, one in self.kinds(alternative).items()}


PUBLISHED: Final = Document(description()["schemas"], description()["parameters"])


def ours() -> tuple[Document, Schema]:
    document = routes.description()
    components = document["components"]
    return Document(components["schemas"], components["parameters"]), document["paths"]


def differences() -> Iterator[str]:
    """Yields every difference, after the operation and where it is."""
    mine, paths = ours()
    for method, template, handler in (*routes._SERVED, *routes._OPEN):
        name = f"{method} {template}"
        if declaration(handler) is None:  # which a test of its own refuses
            continue
        published = description()["paths"].get(template, {})
        theirs = published.get(method.lower())
        if theirs is None:
            yield f"{name}: is not published"
            continue
        own = paths[template][method.lower()]
        yield from _parameters(name, mine, own, [*published.get("parameters", []), *theirs.get("parameters", [])])
        yield from _body(name, mine, own, theirs)
        yield from _answers(name, mine, own, theirs)


def _parameters(name: str, mine: Document, own: Schema, published: list[Schema]) -> Iterator[str]:
    my = {(one["in"], one["name"].lower()): one for one in map(mine.resolved, own["parameters"])}
    their = {(one["in"], one["name"].lower()): one for one in map(PUBLISHED.resolved, published)}
    for key in sorted(my.keys() | their.keys()):
        at = f"{name}: {key[0]} {(their.get(key) or my[key])['name']}"
        if key not in my:
            yield f"{at} is not read"
        elif key not in their:
            yield f"{at} is ours"
        else:
            yield from _wider(at, mine, my[key]["schema"], their[key]["schema"])


def _body(name: str, mine: Document, own: Schema, theirs: Schema) -> Iterator[str]:
    bodies = [one["requestBody"]["content"] for one in (own, theirs) if "requestBody" in one]
    if len(bodies) == 2:
        [(my_type, my), (their_type, their)] = [next(iter(each.items())) for each in bodies]
        if my_type != their_type:
            yield f"{name}: body is {my_type}, not {their_type}"
        yield from _wider(f"{name}: body", mine, my["schema"], their["schema"])
    elif bodies:
        yield f"{name}: body is {'ours' if 'requestBody' in own else 'not read'}"


def _answers(name: str, mine: Document, own: Schema, theirs: Schema) -> Iterator[str]:
    [(my_status, my)] = [(code, one) for code, one in own["responses"].items() if code in {"200", "204"}]
    [(their_status, their)] = theirs["responses"].items()
    at = f"{name}: answer"
    yield from (f"{at} has the header {header}" for header in my.get("headers", {}))
    if my_status != their_status:
        yield f"{at} has status {my_status}, not {their_status}"
    if my.get("content", {}).keys() != their.keys():
        yield f"{at} is {', '.join(my.get('content', {}))}, not {', '.join(their)}"
        return
    for media_type, content in their.items():
        yield from _equal(at, mine, my["content"][media_type]["schema"], content["schema"])


def _wider(at: str, mine: Document, own: Schema, theirs: Schema) -> Iterator[str]:
    """What the published schema allows is allowed by ours."""
    my, their = mine.kinds(own), PUBLISHED.kinds(theirs)
    for kind, schema in their.items():
        if kind not in my and not (kind == "integer" and "number" in my):
            yield f"{at} is {_words(my)}, not {kind}"
        elif kind == "array":
            yield from _wider(f"{at}[]", mine, my[kind]["items"], schema["items"])
        elif kind == "object":
            yield from _fields(at, mine, my[kind], schema, _wider, "is not read")
        elif (narrow := my[kind].get("format")) and narrow != schema.get("format", "").lower():
            yield f"{at} has the format {narrow}, not {schema.get('format')}"


def _equal(at: str, mine: Document, own: Schema, theirs: Schema) -> Iterator[str]:
    """What ours answers is what the published schema says, or says more exactly."""
    my, their = mine.kinds(own), PUBLISHED.kinds(theirs)
    if my.keys() - ({"integer"} if "number" in my else set()) != their.keys():
        yield f"{at} is {_words(my)}, not {_words(their)}"
        return
    for kind, schema in their.items():
        if kind == "array":
            yield from _equal(f"{at}[]", mine, my[kind].get("items", {}), schema["items"])
        elif kind == "object":
            yield from _fields(at, mine, my[kind], schema, _equal, "is never answered")
        elif (wanted := schema.get("format", "").lower()) in COMPARED_FORMATS and my[kind].get("format") != wanted:
            yield f"{at} has the format {my[kind].get('format')}, not {wanted}"


def _fields(at: str, mine: Document, own: Schema, theirs: Schema, compare: Any, missing: str) -> Iterator[str]:
    my, their = own.get("properties", {}), theirs.get("properties", {})
    for field in sorted(my.keys() | their.keys()):
        if field not in my:
            yield f"{at}.{field} {missing}"
        elif field not in their:
            yield f"{at}.{field} is ours"
        else:
            yield from compare(f"{at}.{field}", mine, my[field], their[field])


def _words(kinds: dict[str, Schema]) -> str:
    return " or ".join(sorted(kinds)) or "nothing"


def test_every_difference_to_the_published_description_is_deliberate() -> None:
    unknown = [one for one in differences() if not any(re.search(pattern, one) for pattern in DELIBERATE)]
    assert unknown == [], "a difference to the published description: mend it, or add it to DELIBERATE with its reason"


def test_every_listed_difference_is_there() -> None:
    found = list(differences())
    assert [pattern for pattern in DELIBERATE if not any(re.search(pattern, one) for one in found)] == []
