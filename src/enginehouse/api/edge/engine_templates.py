"""The templates of an engine over REST, from which `createjob` creates jobs (rest-contract §3.1)."""

from typing import Any, Final

import msgspec

from enginehouse.api.edge import job_input
from enginehouse.api.edge.job_shapes import CreateJob
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.api.spelling import read_moment
from enginehouse.domain import ids, times
from enginehouse.domain.engine_templates import ALL, EngineTemplate
from enginehouse.domain.errors import Problem, excerpt
from enginehouse.domain.job import JobRequest
from enginehouse.operations import engine_templates, references
from enginehouse.operations.engine_templates import TemplateRequest

PREFIX: Final = "template."
# Maintained by the server for each job, so a template does not have them.
_COUNTED: Final = (
    "taskParentOutputCount", "taskChildInputCount", "taskChildInputRemainingCount", "taskChildNumEngines",
    "firstWriteDateTime", "lastWriteDateTime",
)  # fmt: skip


class NewTemplate(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`engineID` and `templateName` are in the path too; here they may be left out."""

    engine_id: str | None = None
    template_name: str | None = None
    template: CreateJob


class TemplateDetail(msgspec.Struct, rename=spelled, kw_only=True):
    engine_id: str
    template_name: str
    template: dict[str, Any]


class TemplateList(msgspec.Struct):
    templates: list[TemplateDetail]


_NEW: Final = Body(NewTemplate)


@answers(TemplateList)
async def get(call: Call) -> Reply:
    """GET engine/{EngineID}/template/{EngineTemplateName}: the template of this name; `all` returns every one."""
    engine, name = _path(call)
    if name == ALL:
        found = await engine_templates.list_(call.house, call.principal, engine)
    else:
        found = [await engine_templates.get(call.house, call.principal, engine, name)]
    return json(TemplateList([_detail(one) for one in found]))


@answers(TemplateDetail, body=_NEW)
async def put(call: Call) -> Reply:
    """POST engine/{EngineID}/template/{EngineTemplateName}: stores the template, in place of one of this name."""
    engine, name = _path(call)
    body, problems = await call.judged_body(_NEW)
    for path, given, expected in (
        ("engineID", body.engine_id, engine),
        ("templateName", body.template_name, name),
    ):
        if given and given.lower() != expected.lower():
            text = f"must be {excerpt(expected)} as in the path, or be left out."
            problems.append(Problem(path, text, excerpt(given)))
    owner = str(body.template.internal_organization_id or "")
    if owner and owner.lower() not in refs.organization_spellings(call.principal.organization_id):
        text = "must be the organization of the token, or be left out."
        problems.append(Problem(f"{PREFIX}internalOrganizationID", text, excerpt(owner)))
    document = _document(body.template, problems)
    wrong = {problem.path for problem in problems}
    named = [one for one in job_input.references(body.template, PREFIX) if one.path not in wrong]
    problems += await references.unknown(call.house, call.principal, named)
    request = TemplateRequest(name=name, document=document, read=_read, problems=problems)
    return json(_detail(await engine_templates.put(call.house, call.principal, engine, request)))


@answers(TemplateDetail)
async def delete(call: Call) -> Reply:
    """DELETE engine/{EngineID}/template/{EngineTemplateName}: deletes the template, and returns what it was."""
    engine, name = _path(call)
    return json(_detail(await engine_templates.delete(call.house, call.principal, engine, name)))


def _path(call: Call) -> tuple[str, str]:
    engine, name = call.ids
    return refs.engine(engine).uuid, name


def _read(document: dict[str, Any], problems: list[Problem]) -> JobRequest:
    return job_input.job(msgspec.convert(document, CreateJob), PREFIX, problems)


def _document(body: CreateJob, problems: list[Problem]) -> dict[str, Any]:
    """Returns the fields of the job that typed clients can read again. What they could not read is a problem."""
    document: dict[str, Any] = msgspec.to_builtins(body)
    document.pop("internalOrganizationID", None)
    for route in document.get("taskRoutes") or ():
        for name in _COUNTED:
            route.pop(name, None)
    for name in ("coreRecordingID", "coreSourceID"):
        if name in document:
            document[name] = _number(document[name], f"{PREFIX}{name}", problems)
    _check_uuid(document, "coreID", PREFIX, problems)
    _settle_date(document, PREFIX, problems)
    for number, task in enumerate(document.get("tasks") or ()):
        _settle_date(task, f"{PREFIX}tasks[{number}].", problems)
    for number, route in enumerate(document.get("taskRoutes") or ()):
        _check_uuid(route, "endpoint", f"{PREFIX}taskRoutes[{number}].", problems)
    return document


def _number(value: int | str, path: str, problems: list[Problem]) -> int | str:
    text = str(value)
    if not text:
        return 0
    if ids.parse_number(text) is None and text != "0":
        problems.append(Problem(path, f"a number, got {excerpt(value)}.", excerpt(value), "a number"))
        return value
    return int(text)


def _check_uuid(document: dict[str, Any], name: str, prefix: str, problems: list[Problem]) -> None:
    given = document.get(name)
    if given == "":
        del document[name]
    elif given is not None and ids.parse_uuid(given) is None:
        problems.append(refs.UUID.problem(f"{prefix}{name}", given))
    elif given is not None:
        document[name] = given.lower()


def _settle_date(document: dict[str, Any], prefix: str, problems: list[Problem]) -> None:
    if "dueDateTime" in document:
        at = read_moment(document.pop("dueDateTime"), f"{prefix}dueDateTime", problems)
        if at is not None:
            document["dueDateTime"] = times.rest(at)


def _detail(one: EngineTemplate) -> TemplateDetail:
    owner = {"internalOrganizationID": ids.organization_uuid(one.organization_id)}
    return TemplateDetail(engine_id=one.engine_id, template_name=one.name, template=owner | one.document)
