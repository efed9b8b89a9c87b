"""The engines that the tests of the interfaces name, and jobs, templates and schedules with them."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from enginehouse.domain import ids
from enginehouse.domain.bulk_acts import Act
from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.domain.engine import CategoryRequest, EngineCategory, EngineKind, EngineMode, EngineRequest, EngineSpec
from enginehouse.domain.engine_builds import BuildDocument
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import FolderRequest, JobFilter, JobRequest, RouteRequest, TargetRequest, TaskRequest
from enginehouse.domain.pipelines import Pipeline, PipelineInput
from enginehouse.domain.refs import UuidRef
from enginehouse.domain.schedules.request import ScheduleRequest
from enginehouse.domain.sources import Source
from enginehouse.domain.spelling import REST
from enginehouse.domain.webhooks.message import EventName
from enginehouse.domain.webhooks.subscription import (
    ActionTemplateRequest,
    EventRequest,
    SubscriptionRequest,
    TriggersRequest,
    Wish,
)
from enginehouse.operations import (
    accounts,
    action_templates,
    bulk_acts,
    content_templates,
    engine_builds,
    engine_categories,
    engine_changes,
    engine_templates,
    event_definitions,
    event_subscriptions,
    exports,
    identity,
    job_pipelines,
    jobs,
    pipelines,
    sources,
    targets,
    templates,
    triggers,
    webhooks,
)
from enginehouse.operations.engine_templates import TemplateRequest
from enginehouse.operations.exports import ExportWish
from enginehouse.operations.house import House
from enginehouse.operations.schedules import schedules
from enginehouse.operations.schedules.launchables import LaunchSelection

WEBSTREAM = "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255"
FFMPEG = "8bdb0e3b-ff28-4f6e-a3ba-887bd06e6440"
TRANSCRIBE = "c0e55cde-340b-44d7-bb42-2e0d65e98255"
WRITER = "8eccf9cc-6b6d-4d7d-8cb3-7ebf4950c5f3"
BATCH = "f1c1bb0e-8a7a-4f6e-9a0b-0d5b1b5d2c11"

CATEGORIES = [
    EngineCategory(id="67cd4dd0-2f75-445d-a6f0-2f297d6cd182", name="Transcription", type="Cognition"),
    EngineCategory(id="4be1a1b2-653d-4eaa-ba18-747a265305d8", name="Intake", type="Ingestion"),
]


def _spec(engine_id: str, name: str, mode: EngineMode, category: int = 1, **more: Any) -> EngineSpec:
    return EngineSpec(
        id=engine_id, name=name, mode=mode, kind=EngineKind.NATIVE, category_id=CATEGORIES[category].id, **more
    )


ENGINES = [
    _spec(
        WEBSTREAM,
        "Webstream Adapter",
        EngineMode.STREAM,
        ingests=True,
        aliases=("9e611ad7-2d3b-48f6-a51b-0a1ba40feab4",),
    ),
    _spec(FFMPEG, "SI2 FFmpeg", EngineMode.STREAM),
    _spec(TRANSCRIBE, "Speech", EngineMode.CHUNK, 0, slug="transcription"),
    _spec(WRITER, "Output Writer", EngineMode.CHUNK, 0, gathers=True),
    _spec(BATCH, "Batch", EngineMode.BATCH, ingests=True),
]

PIPELINE: Final = Pipeline(name="own-pieces", input=PipelineInput.CHUNKS)

TEMPLATE: dict[str, Any] = {
    "clusterId": "rt-1",
    "taskTemplates": [{"engineId": BATCH, "payload": {"url": "https://h.example/a.mp4", "keep": 1}}],
}
"""The template that a schedule launches: a job of one task."""

DAILY: dict[str, Any] = {
    "runMode": "Recurring",
    "recurringScheduleParts": [{"repeatInterval": 1, "repeatIntervalUnit": "Days", "startTime": "21:30"}],
}
WEEKLY = [{"scheduledDay": "Monday", "startTime": "08:00", "stopTime": "09:30"}]

DAG: dict[str, Any] = {
    "target": {"startDateTime": 1574311000, "stopDateTime": 1574315000},
    "clusterId": "rt-1cdc1d6d-a500-467a-bc46-d3c5bf3d6901",
    "tasks": [
        {
            "engineId": WEBSTREAM,
            "payload": {"url": "https://h.example/a.mp4"},
            "ioFolders": [{"referenceId": "a", "mode": "stream", "type": "output"}],
        },
        {
            "engineId": FFMPEG,
            "payload": {"ffmpegTemplate": "audio", "customFFMPEGProperties": {"chunkSizeInSeconds": "20"}},
            "ioFolders": [
                {"referenceId": "b", "mode": "stream", "type": "input"},
                {"referenceId": "c", "mode": "chunk", "type": "output"},
            ],
            "executionPreferences": {"parentCompleteBeforeStarting": True},
        },
        {
            "engineId": TRANSCRIBE,
            "ioFolders": [
                {"referenceId": "d", "mode": "chunk", "type": "input"},
                {"referenceId": "f", "mode": "chunk", "type": "output"},
            ],
        },
        {"engineId": WRITER, "ioFolders": [{"referenceId": "g", "mode": "chunk", "type": "input"}]},
    ],
    "routes": [
        {"parentIoFolderReferenceId": "a", "childIoFolderReferenceId": "b", "options": {}},
        {"parentIoFolderReferenceId": "c", "childIoFolderReferenceId": "d", "options": {}},
        {"parentIoFolderReferenceId": "f", "childIoFolderReferenceId": "g"},
    ],
}
"""The same four tasks in the form of GraphQL."""


PASSWORD = "correct horse"
_WORDS = {
    "TASKS": f'[{{"engineId": "{BATCH}"}}]',
    "BATCH": BATCH,
    "URL": "https://h.example/a",
    "RANGE": '"createdAfterDateTime": 1, "createdBeforeDateTime": 2',
    "PASSWORD": PASSWORD,
}


def fill(request: str, known: Mapping[str, str]) -> str:
    """Returns the request with the ids in place of {their kinds}, and with its words in capitals replaced."""
    for word, text in (_WORDS | {f"{{{kind}}}": value for kind, value in known.items()}).items():
        request = request.replace(word, text)
    return request


def operation_of(request: str) -> str:
    """Returns the method and the path of a request, without the names of the variable parts."""
    return re.sub(r"\{\w+\}", "{}", " ".join(request.partition("?")[0].split(" ", 2)[:2]))


def single(**fields: Any) -> dict[str, Any]:
    """Returns a job of one batch task."""
    return {"tasks": [{"engineId": BATCH, **fields}]}


def folder(reference: str, mode: str, kind: str) -> dict[str, Any]:
    return {"correlationID": reference, "mode": mode, "type": kind}


def transcription(**fields: Any) -> dict[str, Any]:
    """Returns the published sample of four tasks: adapter, chunker, engine, output writer, and a route into each."""
    payload = '{"url":"https://example.com/audio.mp3"}'
    return {
        "jobStatus": "queued",
        "tasks": [
            {
                "correlationTaskId": "wsa",
                "engineId": WEBSTREAM,
                "taskStatus": "pending",
                "ioFolders": [folder("wsa-out", "stream", "output")],
                "payloadJSON": payload,
                "taskPayloadJSON": payload,
                "maxEngines": 1,
            },
            {
                "correlationTaskId": "chunk",
                "engineId": FFMPEG,
                "ioFolders": [folder("chunk-in", "stream", "input"), folder("chunk-out", "chunk", "output")],
                "taskPayloadJSON": '{"ffmpegTemplate":"audio","chunkOverlap":15}',
            },
            {
                "correlationTaskId": "engine",
                "engineId": TRANSCRIBE,
                "ioFolders": [folder("engine-in", "chunk", "input"), folder("engine-out", "chunk", "output")],
                "parallelProcessing": True,
                "maxEngines": 10,
                "maxRetries": 10,
                "numChunksPerWorkItem": 5,
                "priority": -5,
            },
            {
                "correlationTaskId": "ow",
                "engineId": WRITER,
                "ioFolders": [folder("ow-in", "chunk", "input")],
                "parentMustBeCompleteBeforeStarting": True,
            },
        ],
        "taskRoutes": [
            {"taskChildId": "wsa", "taskParentId": ""},
            {
                "taskParentId": "wsa",
                "taskParentOutputId": "wsa-out",
                "taskChildId": "chunk",
                "taskChildInputId": "chunk-in",
            },
            {
                "taskParentId": "chunk",
                "taskParentOutputId": "chunk-out",
                "taskChildId": "engine",
                "taskChildInputId": "engine-in",
            },
            {
                "taskParentId": "engine",
                "taskParentOutputId": "engine-out",
                "taskChildId": "ow",
                "taskChildInputId": "ow-in",
            },
        ],
        **fields,
    }


PREPARED = "prepared-job"


def prepared() -> TemplateRequest:
    """Returns a template of an engine: a job of one task."""
    return TemplateRequest(
        name=PREPARED,
        document={"tasks": [{"engineId": BATCH}]},
        read=lambda _, __: JobRequest(tasks=(TaskRequest(engine_id=BATCH),)),
        problems=[],
    )


async def deployed_build(house: House, principal: Principal, engine_id: str) -> str:
    """Creates a build of the engine and deploys it, in place of the one before. Returns its id."""
    build = await engine_builds.create(house, principal, engine_id, BuildDocument())
    for action in ("submit", "deploy"):
        await engine_builds.update(house, principal, UuidRef(build.id, build.id), engine_id, action)
    return build.id


async def push_endpoint(house: House, principal: Principal) -> str:
    """Returns an endpoint at which a new job waits."""
    endpoint = str(uuid4())
    task = TaskRequest(engine_id=TRANSCRIBE, folders=(FolderRequest(reference="pushed", mode="chunk", type="input"),))
    route = RouteRequest(child_folder="pushed", endpoint=endpoint)
    await jobs.create(house, principal, [JobRequest(tasks=(task,), routes=(route,), spelling=REST)])
    return endpoint


async def one_of_each(house: House, principal: Principal) -> dict[str, str]:
    """Creates one object of each kind that scheduled jobs use. Returns the ids by kind.

    The schedule has its own template and pipeline.
    """
    task = TaskRequest(engine_id=BATCH)
    template = await templates.create(house, principal, templates.new(principal, tasks=[task, task]))
    member = await templates.create(house, principal, templates.new(principal, tasks=[task]))
    launched = LaunchSelection(
        pipeline_ids=[(await job_pipelines.create(house, principal, [])).id],
        fresh=[templates.new(principal, tasks=[task])],
        content=[ContentTemplate(schema_id="s", sdo_id="o")],
    )
    scheduled = await schedules.create(house, principal, ScheduleRequest(name="s"), launched)
    content = await content_templates.of_schedules(house, principal, [scheduled.id])
    target = await targets.create(house, principal, TargetRequest(name="t"))
    export = await exports.create(house, principal, ExportWish((str(target.id),)))
    source = Source(organization_id=principal.organization_id, source_type_id=1, name="s")
    category = await engine_categories.create(house, principal, CategoryRequest(name="c", type="Cognition"))
    definition = await event_definitions.create(
        house, principal, EventRequest(application="a", event_type="t", event_name="n")
    )
    wish = Wish(delivery="Webhook", params={"url": "https://h.example/a"})
    subscription = await event_subscriptions.subscribe(
        house, principal, SubscriptionRequest(application="a", wish=wish)
    )
    wished = TriggersRequest(names=("JobFailed",), types=("*",), wishes=(wish,))
    [trigger] = await triggers.create(house, principal, wished)
    action = ActionTemplateRequest(name="a", action="webhook", destination="https://h.example/a")
    action_template = await action_templates.create(house, principal, action)
    await event_definitions.emit(house, principal, EventName("a", "t", "n"), "{}")
    [delivery] = (await webhooks.list_(house, principal, limit=1)).deliveries
    used = await engine_categories.create(house, principal, CategoryRequest(name="used", type="Cognition"))
    person = await accounts.create_user(house, principal, name=f"p-{uuid4()}", password=None)
    engine = EngineRequest(name="own", category_id=used.id, deployment_model="HumanReview")
    own = await engine_changes.create(house, principal, engine)
    await engine_templates.put(house, principal, own.id, prepared())
    build = await engine_builds.create(house, principal, own.id, BuildDocument())
    paused, deployed = [await deployed_build(house, principal, own.id) for _ in range(2)]  # the second pauses the first
    endpoint = await push_endpoint(house, principal)
    # Several, for an id that is in no answer by chance.
    rule = JobFilter(created_to=1)
    [*_, act] = [await bulk_acts.start(house, principal, Act.PAUSE, rule) for _ in range(7)]
    return {
        "act": str(act.id),
        "endpoint": endpoint,
        "event": definition.id,
        "export": export.id,
        "subscription": subscription.id,
        "trigger": trigger.id,
        "actionTemplate": action_template.id,
        "delivery": delivery.id,
        "person": person.id,
        "ownEngine": own.id,
        "engineTemplate": PREPARED,
        "ownPipeline": (await pipelines.put(house, principal, PIPELINE)).name,
        "key": (await identity.create_token(house, principal)).token.id,
        "build": build.id,
        "paused": paused,
        "deployed": deployed,
        "category": category.id,
        "template": ids.job_graphql(template.id),
        "templateTask": ids.task_graphql(template.id, 0),
        "pipeline": ids.pipeline_uuid((await job_pipelines.create(house, principal, [member.id])).id),
        "source": str((await sources.create(house, principal, source)).id),
        "scheduled": str(scheduled.id),
        "scheduledUUID": ids.schedule_uuid(scheduled.id),
        "content": content[scheduled.id][0].id,
    }
