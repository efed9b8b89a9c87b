"""The fields of the content templates of scheduled jobs."""

from collections.abc import Sequence
from typing import Any, Final

from ariadne import MutationType, ObjectType

from enginehouse.api.graphql.context import Info
from enginehouse.api.input import refs
from enginehouse.api.input.jobs import Input
from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.domain.errors import Problem
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.times import graphql_millis
from enginehouse.operations import content_templates

mutation, schedule_type = MutationType(), ObjectType("ScheduledJob")
content_type = ObjectType("ScheduledJobContentTemplate")


def inline(inputs: Sequence[Input] | None, path: str) -> tuple[list[ContentTemplate] | None, list[Problem]]:
    """Returns the content templates in another request at `path`, None if it has none, and their problems."""
    if inputs is None:
        return None, []
    contents = [_content(each) for each in inputs]
    problems = [p for n, each in enumerate(contents) for p in content_templates.problems(each, f"{path}[{n}].")]
    return contents, problems


def _content(fields: Input) -> ContentTemplate:
    return ContentTemplate(
        schema_id=fields.get("schemaId") or "", sdo_id=fields.get("sdoId") or "", data=fields.get("data")
    )


@mutation.field("createScheduledJobContentTemplate")
async def create(_: object, info: Info, input: dict[str, Any]) -> ContentTemplate:
    """The scheduled job has one more content template."""
    schedule = refs.schedule(input["scheduledJobId"], path="scheduledJobId")
    content = await content_templates.create(info.context.house, info.context.principal, schedule, _content(input))
    info.context.content_templates.forget()
    return content


@mutation.field("deleteScheduledJobContentTemplate")
async def delete(_: object, info: Info, id: str) -> dict[str, Any]:
    """The content template is gone."""
    await content_templates.delete(info.context.house, info.context.principal, id)
    info.context.content_templates.forget()
    return {"id": id, "message": f"ScheduledJobContentTemplate {id} was deleted."}


@schedule_type.field("contentTemplates")
async def content_of(schedule: Schedule, info: Info) -> Sequence[ContentTemplate]:
    """Returns its content templates, oldest first."""
    return await info.context.content_templates.get(schedule.id) or []


content_type.set_field("scheduledJobId", lambda content, _: content.schedule_id)
content_type.set_field("sdoId", lambda content, _: content.sdo_id)
content_type.set_field("sdo", lambda content, _: {"id": content.sdo_id})
content_type.set_field("schemaId", lambda content, _: content.schema_id)
content_type.set_field("createdDateTime", lambda content, _: graphql_millis(content.created_at))
content_type.set_field("modifiedDateTime", lambda content, _: graphql_millis(content.modified_at))

BINDABLES: Final = [mutation, schedule_type, content_type]
