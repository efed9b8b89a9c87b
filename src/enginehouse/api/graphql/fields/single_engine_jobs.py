"""`launchSingleEngineJob`, and the templates of an engine that it uses (graphql-contract §3.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from ariadne import MutationType, ObjectType
from graphql import GraphQLInputObjectType, GraphQLSchema
from graphql.utilities import coerce_input_value

from enginehouse.api.graphql import idempotency
from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.execution.variables import value_problems
from enginehouse.api.graphql.fields import jobs as job_fields
from enginehouse.api.http.json import reader
from enginehouse.api.input.jobs import job_request
from enginehouse.api.input.references import references
from enginehouse.domain import handlebars
from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.job import Job
from enginehouse.domain.standalone_templates import StandaloneTemplate, TemplateUse, of_engine
from enginehouse.operations import bounds, engines, jobs

mutation, engine_type, template_type = MutationType(), ObjectType("Engine"), ObjectType("StandaloneJobTemplate")

_MOST_FIELDS: Final = 100
_LONGEST_VALUE: Final = 65_536


@dataclass(frozen=True, slots=True)
class SingleEngineLaunch:
    """A checked request: which template to use, and its values."""

    use: TemplateUse
    values: Mapping[str, str]


@mutation.field("launchSingleEngineJob")
async def launch(_: object, info: Info, input: dict[str, Any], **args: Any) -> Job | job_fields.UnreadJob:
    """A job of this engine is durable. Fields that the template does not name are in the payload of the engine."""
    context = info.context
    request = _launch(input)
    engine = await engines.get(context.house, context.principal, input["engineId"])
    template = next(one for one in of_engine(engine) if one.use is request.use)
    fields = _rendered(info.schema, template, {**request.values, "ENGINE_ID": engine.spec.id})
    key = idempotency.key(context, args.get("idempotencyKey"))
    named = references("CreateJob", fields)
    [created] = await jobs.create(context.house, context.principal, [job_request(fields)], key=key, references=named)
    return await job_fields.read_created(context, info, created)


@engine_type.field("standaloneJobTemplates")
def templates_of(engine: Engine, _: Info) -> tuple[StandaloneTemplate, ...]:
    """Returns the templates of the engine."""
    return of_engine(engine)


template_type.set_field("type", lambda template, _: template.use.value)
template_type.set_field("template", lambda template, _: template.text)
template_type.set_field("templateLanguage", lambda _, __: "Handlebars")


def _launch(fields: Mapping[str, Any]) -> SingleEngineLaunch:
    problems, values = list[Problem](), dict[str, str]()
    url, target = fields.get("uploadUrl"), fields.get("targetId")
    if (url is None) == (target is None):
        problems.append(Problem("uploadUrl", "give either uploadUrl or targetId."))
    given = fields.get("fields") or []
    if len(given) > _MOST_FIELDS:
        problems.append(Problem("fields", f"{len(given)} fields; at most {_MOST_FIELDS} are allowed."))
    for number, one in enumerate(given[:_MOST_FIELDS]):
        name, value = one["fieldName"], one["fieldValue"]
        if name in values:
            problems.append(Problem(f"fields[{number}].fieldName", f'"{name}" is given twice.', name))
        if len(value) > _LONGEST_VALUE:
            allowed = f"at most {_LONGEST_VALUE} characters"
            problems.append(Problem(f"fields[{number}].fieldValue", f"{allowed}, got {len(value)}.", None, allowed))
        values[name] = value
    bounds.refuse(problems)
    if fields.get("clusterId") is not None:
        values.setdefault("clusterId", fields["clusterId"])
    if url is not None:
        return SingleEngineLaunch(TemplateUse.UPLOAD, values | {"UPLOAD_URL": url})
    return SingleEngineLaunch(TemplateUse.REPROCESS, values | {"TARGET_ID": str(target)})


def _rendered(schema: GraphQLSchema, template: StandaloneTemplate, values: Mapping[str, str]) -> dict[str, Any]:
    """Returns the CreateJob input that the template gives. Raises InvalidInput with all that is wrong with it."""
    try:
        parts = handlebars.parse(template.text)
        fields = reader.read(handlebars.render(parts, values).encode())
    except (handlebars.BadTemplate, InvalidInput) as error:
        text = f"the {template.use} template of the engine gives no job: {error}"
        raise InvalidInput(text, "fields") from None
    _pass_on(fields, values, handlebars.names(parts) | {"ENGINE_ID", "UPLOAD_URL", "TARGET_ID"})
    kind = cast(GraphQLInputObjectType, schema.type_map["CreateJob"])
    said = f"the {template.use} template gives"
    bounds.refuse([
        replace(problem, path="fields", text=f"{said} {problem.path}: {problem.text}")
        for problem in value_problems(kind, fields)
    ])  # fmt: skip
    return cast(dict[str, Any], coerce_input_value(fields, kind))


def _pass_on(fields: Any, values: Mapping[str, str], used: set[str]) -> None:
    """The values that the template does not use are in the payload of the engine's task."""
    rest = {name: value for name, value in values.items() if name not in used}
    tasks = fields.get("tasks") if isinstance(fields, dict) else None
    for task in tasks if rest and isinstance(tasks, list) else ():
        if isinstance(task, dict) and task.get("engineId") == values["ENGINE_ID"]:
            task["payload"] = {**(task.get("payload") or {}), **rest}


BINDABLES: Final = [mutation, engine_type, template_type]
