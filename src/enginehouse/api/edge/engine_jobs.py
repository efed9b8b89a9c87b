"""`createjob`: a job of an engine from a template, with a file in the request (rest-contract §1.9.1, §3.1)."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

import msgspec
from msgspec import field

from enginehouse.api.edge import job_input
from enginehouse.api.edge.engine_templates import PREFIX
from enginehouse.api.edge.job_shapes import CreateJob
from enginehouse.api.http import body
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.upload import Form, Upload, read_form
from enginehouse.api.input import refs
from enginehouse.domain import engine_templates as templates
from enginehouse.domain import handlebars, ids
from enginehouse.domain.engine_templates import ENGINE_ID, STANDARD, UPLOAD_URL, EngineTemplate
from enginehouse.domain.errors import InvalidInput, Problem, excerpt
from enginehouse.domain.identity import Role
from enginehouse.domain.jsontext import JsonTextError, read_json
from enginehouse.http_protocol.multipart import FormKind
from enginehouse.operations import engine_jobs, engine_templates
from enginehouse.operations.engine_jobs import UploadedFile
from enginehouse.operations.permission import require
from enginehouse.operations.uploads import ANY_TYPE

_PARTS: Final = FormKind(("inputFileName", "contentType", "templateName", "parameterJSON"), "fileName")
_MOST_VALUES: Final = 100
_LONGEST_VALUE: Final = 65_536


class CreatedEngineJob(msgspec.Struct):
    id: str = field(name="internalJobId")


@answers(CreatedEngineJob, form=_PARTS, idempotent=True, warns=True)
async def create(call: Call) -> Reply:
    """POST engine/{EngineID}/createjob: creates a job from a template, with the file as its input.

    The file goes to disk while it arrives. The published description declares 204, which could not carry the id.
    """
    require(call.principal, Role.USER)  # before a file fills the disk
    engine = refs.engine(call.id).uuid
    form = await _form(call)
    try:
        return await _create(call, engine, form)
    finally:
        form.discard()


async def _form(call: Call) -> Form:
    kind = call.headers.content_type or b""
    if kind.partition(b";")[0].strip().lower() != b"multipart/form-data":
        raise InvalidInput("Send the parts fileName, templateName and parameterJSON as multipart/form-data.")
    folder, most = call.house.store.scratch(), call.house.limits.upload_bytes
    return await read_form(body.stream(call.receive), kind, folder, _PARTS, most)


async def _create(call: Call, engine: str, form: Form) -> Reply:
    name = form.texts.get("templateName") or STANDARD
    template = await engine_templates.get(call.house, call.principal, engine, name, path="templateName")
    problems = list[Problem]()
    values = _values(form.texts.get("parameterJSON") or "{}", problems)
    upload = form.upload if form.upload is not None and form.upload.size else None
    if not template.created_at and upload is None and not values.get(UPLOAD_URL):
        text = f"must be given, or {UPLOAD_URL} in parameterJSON: the standard template reads it."
        problems.append(Problem("fileName", text))
    job = _job(template, values, problems)
    created = await engine_jobs.create(
        call.house,
        call.principal,
        job_input.job(job, PREFIX, problems),
        None if upload is None else _file(upload, form.texts),
        found=problems,
        key=call.key,
        references=job_input.references(job, PREFIX),
    )
    return json(CreatedEngineJob(ids.job_uuid(created.job_id)), replayed=created.replayed, warnings=created.warnings)


def _job(template: EngineTemplate, values: Mapping[str, Any], problems: list[Problem]) -> CreateJob:
    """Returns the job that the template gives. Raises InvalidInput if it gives none."""
    texts = {name: _text(value) for name, value in values.items()}
    try:
        document = templates.rendered(template.document, {**texts, ENGINE_ID: template.engine_id})
        used = templates.names(template.document)
        templates.pass_on(document, template.engine_id, {n: v for n, v in values.items() if n not in used})
        return msgspec.convert(document, CreateJob)
    except handlebars.BadTemplate as fault:
        raise InvalidInput([*problems, Problem("parameterJSON", str(fault))]) from None


def _file(upload: Upload, texts: Mapping[str, str]) -> UploadedFile:
    named = texts.get("inputFileName") or upload.name or ""
    name = PurePath(named.replace("\\", "/")).name or None
    return UploadedFile(upload.path, name, texts.get("contentType") or upload.content_type or ANY_TYPE)


def _values(text: str, problems: list[Problem]) -> dict[str, Any]:
    """Returns the values of the template by name. A value that is null is not set."""
    try:
        values = read_json(text)
    except JsonTextError as fault:
        problems.append(Problem("parameterJSON", str(fault)))
        return {}
    if not isinstance(values, dict):
        problems.append(Problem("parameterJSON", f"an object, got {excerpt(values)}."))
        return {}
    if len(values) > _MOST_VALUES:
        problems.append(Problem("parameterJSON", f"{len(values)} fields; at most {_MOST_VALUES} are allowed."))
        return {}
    if ENGINE_ID in values:
        problems.append(Problem(f"parameterJSON.{ENGINE_ID}", "is the engine of the path; leave it out."))
    for name, value in values.items():
        if (size := len(_text(value))) > _LONGEST_VALUE:
            allowed = f"at most {_LONGEST_VALUE} characters"
            problems.append(Problem(f"parameterJSON.{name}", f"{allowed}, got {size}.", None, allowed))
    return {name: value for name, value in values.items() if value is not None and name != ENGINE_ID}


def _text(value: Any) -> str:
    """Returns the value as a text of a template: a text as it is, false as not set, anything else as JSON."""
    match value:
        case str():
            return value
        case None | False:
            return ""
        case _:
            return msgspec.json.encode(value).decode()
