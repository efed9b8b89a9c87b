"""One of each thing that scheduled jobs are made of, for tests that try every field with its ids."""

from tests.api.rest_client import BATCH

from enginehouse.domain import ids
from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.domain.engine import CategoryRequest
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import TaskRequest
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.domain.sources import Source
from enginehouse.operations import content_templates, engine_categories, pipelines, sources, templates
from enginehouse.operations.house import House
from enginehouse.operations.schedules import schedules
from enginehouse.operations.schedules.launchables import LaunchSelection


async def templated(house: House, principal: Principal) -> dict[str, str]:
    """The ids, each under the kind it is one of. A schedule launches a template and a pipeline of its own."""
    task = TaskRequest(engine_id=BATCH)
    template = await templates.create(house, principal, templates.new(principal, tasks=[task, task]))
    member = await templates.create(house, principal, templates.new(principal, tasks=[task]))
    launched = LaunchSelection(
        pipeline_ids=[(await pipelines.create(house, principal, [])).id],
        fresh=[templates.new(principal, tasks=[task])],
        content=[ContentTemplate(schema_id="s", sdo_id="o")],
    )
    scheduled = await schedules.create(house, principal, ScheduleRequest(name="s"), launched)
    content = await content_templates.of_schedules(house, principal, [scheduled.id])
    source = Source(organization_id=principal.organization_id, source_type_id=1, name="s")
    category = await engine_categories.create(house, principal, CategoryRequest(name="c", type="Cognition"))
    return {
        "category": category.id,
        "template": ids.job_graphql(template.id),
        "templateTask": ids.task_graphql(template.id, 0),
        "pipeline": ids.pipeline_uuid((await pipelines.create(house, principal, [member.id])).id),
        "source": str((await sources.create(house, principal, source)).id),
        "scheduled": str(scheduled.id),
        "scheduledUUID": ids.schedule_uuid(scheduled.id),
        "content": content[scheduled.id][0].id,
    }
