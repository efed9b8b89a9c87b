"""Every id inside every input: a foreign one gets the response of a missing one, and is refused with its path.

The inputs come from the GraphQL schema and from the structs of REST bodies, so that a new field is tested too.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from uuid import uuid4

import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_required_argument,
    is_required_input_field,
)
from tests.api.belongings import belongings, like_nothing
from tests.api.clients import Api
from tests.api.extremes import some
from tests.api.samples import BATCH, fill
from tests.thorough import mostly_on_sqlite

import enginehouse.api.edge
import enginehouse.api.v1
from enginehouse.api.graphql.schema import OPEN, schema
from enginehouse.api.http.json.decode import Body
from enginehouse.domain import ids

# What a mutation needs besides the id that is tried; {kinds} are the caller's own things.
SAMPLES: Final[dict[str, dict[str, Any]]] = {
    "createTDO": {"startDateTime": 1, "stopDateTime": 2},
    "createTDOWithAsset": {"startDateTime": 1, "uri": "https://h.example/a"},
    "createAsset": {"containerId": "{target}", "contentType": "text/plain", "uri": "https://h.example/a"},
    "updateTDO": {"id": "{target}"},
    "updateAsset": {"id": "{asset}"},
    "createJob": {"tasks": [{"engineId": BATCH}]},
    "launchSingleEngineJob": {"engineId": BATCH},
    "createScheduledJob": {"name": "n", "jobTemplates": [{"taskTemplates": [{"engineId": BATCH}]}]},
    "updateScheduledJob": {"id": "{scheduled}", "jobTemplates": [{"taskTemplates": [{"engineId": BATCH}]}]},
    "cloneScheduledJob": {"id": "{scheduled}"},
    "revertScheduledJob": {"id": "{scheduled}"},
    "launchScheduledJobs": {"scheduledJobId": "{scheduled}"},
    "createJobTemplate": {"taskTemplates": [{"engineId": BATCH}]},
    "updateJobTemplate": {"id": "{template}"},
    "createTaskTemplate": {"jobTemplateId": "{template}", "engineId": BATCH},
    "updateTaskTemplate": {"id": "{templateTask}"},
    "updateEngineCategory": {"id": "{category}", "name": "m"},
    "upsertPipeline": {"name": "p", "input": "chunks"},
    "createPipelineJob": {"pipeline": "chunk"},
    "createJobPipeline": {"jobTemplateIds": ["{template}"]},
    "updateJobPipeline": {"id": "{pipeline}"},
    "createScheduledJobContentTemplate": {"scheduledJobId": "{scheduled}", "schemaId": "s", "sdoId": "o"},
    "launchJobTemplates": {"ids": ["{template}"]},
    "createNextPipelineJobs": {"jobPipelineId": "{pipeline}"},
    "createEngine": {"name": "n", "categoryId": "{category}", "deploymentModel": "HumanReview"},
    "updateEngine": {"id": "{ownEngine}", "name": "n"},
    "engineWorkflow": {"id": "{ownEngine}", "action": "enable"},
    "createEngineBuild": {"engineId": "{ownEngine}"},
    "updateEngineBuild": {"id": "{build}", "engineId": "{ownEngine}", "action": "submit"},
    "deleteEngineBuild": {"id": "{build}", "engineId": "{ownEngine}"},
    "createOrganization": {"name": "n"},
    "updateOrganization": {"id": "{organization}", "name": "n"},
    "createUser": {"name": "n"},
    "updateUser": {"id": "{person}", "lastName": "n"},
    "updateUserStatus": {"id": "{person}", "status": "active"},
    "createSource": {"name": "s", "sourceTypeId": "1"},
    "updateSource": {"id": "{source}"},
    "createExportRequest": {"tdoData": [{"tdoId": "{target}"}]},
    "updateExportRequest": {"id": "{export}", "status": "failed"},
    "updateJobs": {"status": "queued"},
    "uploadEngineResult": {"taskId": "{task}", "output": {}},
    "getEngineJWT": {"engineId": BATCH, "resource": {"jobId": "{job}", "taskId": "{task}"}},
    "addTasksToJobs": {
        "tasks": [
            {
                "id": "{fresh}",
                "jobId": "{openJob}",
                "engineId": BATCH,
                "buildId": "b",
                "status": "pending",
                "createdDateTime": 1,
            }
        ]
    },
    "pollTask": {"id": "{openTask}", "jobId": "{openJob}"},
    "updateTask": {"id": "{task}", "status": "running"},
    "createEventActionTemplate": {
        "name": "n",
        "inputType": "event",
        "actionType": "job",
        "actionDestination": BATCH,
    },
    "updateEventActionTemplate": {"id": "{actionTemplate}"},
}
# What the caller names and refers to in the same request.
CHUNK: Final = '"chunk"'  # the name of a pipeline
NAMES: Final = {"referenceId", "parentIoFolderReferenceId", "childIoFolderReferenceId"}
# Ids of kinds of things that this server does not have. They are stored and shown.
STORED: Final = {
    "applicationId", "clusterId", "detailsSchemaId", "engineConfigId", "executionLocationId", "ownerApplicationId",
    "parentFolderId",
    "schemaId", "sdoId",
    "endpoint",  # the caller's choice, and what others have chosen does not matter
}  # fmt: skip
# The contract: "platform only, ignored". What is created belongs to the caller's organization.
# The server chooses the id of an engine, and refuses any other. A client gives the id of an added task. The engines of
# the server have no builds.
IGNORED: Final = {
    "createJob.organizationId", "createScheduledJob.organizationId", "createEngine.id", "addTasksToJobs.tasks[0].id",
    "addTasksToJobs.tasks[0].buildId",
}  # fmt: skip
# The response has its own list of errors.
PER_ITEM: Final = {"addTasksToJobs"}
# What every organization may name, and the caller's own things in which a field takes an id.
THINGS_OF_ALL: Final = {"engine": BATCH, "sourceType": "1", "role": "reader"}
OWN: Final = {
    "Engine": ['engine(id: "BATCH")'],
    "Job": ['job(id: "{job}")'],
    "JobTemplate": ['jobTemplate(id: "{template}")'],
    "Organization": ["me", "organization"],
    "ScheduledJob": ['scheduledJob(id: "{scheduled}")'],
    "TemporalDataObject": ['temporalDataObject(id: "{target}")'],
}
NEW: Final = re.compile(r'(?<="errorId":")[0-9a-f-]{36}|(?<="time_thrown":")[^"]+')
KINDS: Final = (
    "job", "task", "target", "asset", "template", "templateTask", "category", "pipeline", "source",
    "scheduled", "scheduledUUID", "content", "organization", "person", "ownEngine",
    "build", "actionTemplate",
)  # fmt: skip

# A request for every id in a body of REST, by its struct and its name there.
REST: Final = {
    "CreateJob.coreRecordingID": (
        'POST /edge/v1/proc/job/create {"jobs": [{"coreRecordingID": "{target}", "tasks": TASKS}]}'
    ),
    "CreateJob.coreSourceID": 'POST /edge/v1/proc/job/create {"jobs": [{"coreSourceID": "{source}", "tasks": TASKS}]}',
    "CreateJob.internalOrganizationID": (
        'POST /edge/v1/proc/job/create {"jobs": [{"internalOrganizationID": "{organization}", "tasks": TASKS}]}'
    ),
    "CreateTask.engineId": 'POST /edge/v1/proc/job/create {"jobs": [{"tasks": [{"engineId": "{source}"}]}]}',
    "CancelJobs.jobID": 'POST /edge/v1/proc/jobs/cancel {"jobID": "{job}"}',
    "CancelJobs.scheduledJobID": 'POST /edge/v1/proc/jobs/cancel {"scheduledJobID": "{scheduled}"}',
    "CancelJobs.organizationID": 'POST /edge/v1/proc/jobs/cancel {"organizationID": "{organization}", RANGE}',
    "EngineToWrite.engineCategoryID": (
        'POST /edge/v1/admin/engine/create {"engine": {"engineName": "n", "engineCategoryID": "{category}"}}'
    ),
    "EngineToWrite.internalOrganizationID": (
        'POST /edge/v1/admin/engine/create {"engine": {"internalOrganizationID": "{organizationUUID}"}}'
    ),
    "BuildToWrite.engineID": 'POST /edge/v1/admin/build/create {"build": {"engineID": "{ownEngine}"}}',
    "UpdateStatuses.taskIDs": (
        'POST /edge/v1/proc/tasks/update_status {"taskIDs": ["{task}"], "taskStatus": "pending"}'
    ),
    "LaunchTemplate.scheduledJobID": (
        'POST /edge/v1/proc/template/{own_template}/launch {"scheduledJobID": "{scheduled}"}'
    ),
    "LaunchTemplate.sourceID": 'POST /edge/v1/proc/template/{own_template}/launch {"sourceID": "{source}"}',
    "NewToken.organizationIDs": (
        'POST /edge/v1/admin/tokens/create {"token": {"organizationIDs": ["{organizationUUID}"]}}'
    ),
    "NewToken.userID": 'POST /edge/v1/admin/tokens/create {"token": {"userID": "{user}"}}',
    "NewToken.hostID": 'POST /edge/v1/admin/tokens/create {"token": {"hostID": "{user}"}}',
    "NewToken.engineInstanceID": 'POST /edge/v1/admin/tokens/create {"token": {"engineInstanceID": "{user}"}}',
    "NewToken.roleIDs": 'POST /edge/v1/admin/tokens/create {"token": {"roleIDs": ["{user}"]}}',
    "NewUser.organizationID": (
        'POST /api/v1/users {"name": "u", "password": "correct horse", "organizationID": "{organization}"}'
    ),
    "NewKey.organizationID": 'POST /api/v1/tokens {"organizationID": "{organization}"}',
    "WorkerScopeView.organizationIDs": 'POST /api/v1/tokens {"worker": {"organizationIDs": ["{organization}"]}}',
    "WorkerScopeView.engineIDs": 'POST /api/v1/tokens {"worker": {"engineIDs": ["{ownEngine}"]}}',
    "RevokeToken.organizationID": (
        'POST /api/v1/tokens/revoke {"token": "abcdefgh", "organizationID": "{organization}"}'
    ),
    "CancelRange.organizationID": 'POST /api/v1/jobs/cancel {"organizationID": "{organization}", RANGE}',
    "PipelineInputBody.targetId": 'POST /api/v1/pipelines/chunk/jobs {"targetId": "{target}"}',
    "PipelinePlanBody.targetId": 'POST /api/v1/pipelines/chunk/plan {"targetId": "{target}"}',
    "Run.targetId": 'POST /api/v1/schedules/{own_scheduled}/run {"targetId": "{target}"}',
    "UpdateScheduledJob.primarySourceId": 'PATCH /api/v1/schedules/{own_scheduled} {"primarySourceId": "{source}"}',
    "UpdateScheduledJob.jobTemplateIds": 'PATCH /api/v1/schedules/{own_scheduled} {"jobTemplateIds": ["{template}"]}',
    "UpdateScheduledJob.jobPipelineIds": 'PATCH /api/v1/schedules/{own_scheduled} {"jobPipelineIds": ["{pipeline}"]}',
    "CreateJobTemplate.jobPipelineId": (
        'POST /api/v1/schedules {"name": "n", "jobTemplates":'
        ' [{"jobPipelineId": "{pipeline}", "taskTemplates": TASKS}]}'
    ),
    "CreateTaskTemplate.engineId": (
        'POST /api/v1/schedules {"name": "n", "jobTemplates": [{"taskTemplates": [{"engineId": "{source}"}]}]}'
    ),
    "CreateTaskTemplate.jobTemplateId": (
        'POST /api/v1/schedules {"name": "n", "jobTemplates": [{"taskTemplates":'
        ' [{"engineId": "BATCH", "jobTemplateId": "{template}"}]}]}'
    ),
    "CreateTaskTemplate.parentTaskId": (
        'POST /api/v1/schedules {"name": "n", "jobTemplates": [{"taskTemplates":'
        ' [{"engineId": "BATCH", "parentTaskId": "{task}"}]}]}'
    ),
}
# The same as STORED. An id of a core names a thing of another system, a correlation id one of the same request.
STORED_BY_REST: Final = {
    "CreateJob.coreID", "CreateJob.coreJobID", "CreateTask.coreTaskId", "CreateTask.correlationTaskId",
    "CreateFolder.correlationID", "TaskRoute.taskParentId", "TaskRoute.taskParentOutputId", "TaskRoute.taskChildId",
    "TaskRoute.taskChildInputId", "NewOrganization.applicationID", "OrganizationToCreate.applicationID",
    "OrganizationToCreate.coreOrganizationID",
    # The server chooses them, or they may only repeat what the path says (FIXED in rest_calls).
    "EngineToWrite.engineID", "EngineToWrite.replacementEngineID", "BuildToWrite.buildID", "NewTemplate.engineID",
    "UserChange.internalOrganizationID", "UserChange.organizationIDs", "UserChange.userID",
    # Rights and roles are those of the server, for all organizations.
    "Question.permissionID", "UserChange.roleIDs",
    # Of workers, which need a token of their own (tests/api/test_instances.py, tests/operations/test_instances.py).
    "EngineDeclaration.categoryID", "EngineDeclaration.id", "InstanceStatusBody.engineInstanceID",
    "InstanceStatusBody.workRequestID", "NewInstance.additionalEngineIDs", "NewInstance.engineID",
    "TaskStatusBody.internalJobID", "TaskStatusBody.internalTaskID", "TaskStatusBody.workRequestID",
    "WorkRequestBody.engineInstanceID", "WorkRequestBody.requestWorkForEngineIDs", "WorkRequestBody.workRequestID",
}  # fmt: skip


SUBJECTS: Final = {"CancelJobs.jobID", "CancelJobs.scheduledJobID"}  # the only id of the request; it needs no path


class Step(NamedTuple):
    name: str
    is_list: bool


Path = tuple[Step, ...]


class Leaf(NamedTuple):
    """An id inside the input of a mutation."""

    mutation: str
    path: Path

    @property
    def text(self) -> str:
        return ".".join(step.name + "[0]" * step.is_list for step in self.path)


def leaves() -> Iterator[Leaf]:
    """Yields every id inside an input of a mutation."""
    root = schema().type_map["Mutation"]
    assert isinstance(root, GraphQLObjectType)
    for name, field in root.fields.items():
        if name not in OPEN and "input" in field.args:
            yield from (Leaf(name, path) for path in ids_in(field.args["input"].type, frozenset()))


def ids_in(type_: GraphQLInputType, seen: frozenset[str]) -> Iterator[Path]:
    inside = get_named_type(type_)
    if isinstance(inside, GraphQLInputObjectType) and inside.name not in seen:
        for name, field in inside.fields.items():
            step = Step(name, isinstance(get_nullable_type(field.type), GraphQLList))
            if get_named_type(field.type).name == "ID" and name not in NAMES:
                yield (step,)
            yield from ((step, *rest) for rest in ids_in(field.type, seen | {inside.name}))


def with_id(type_: GraphQLInputType, sample: dict[str, Any], path: Path, value: str) -> dict[str, Any]:
    """Returns the sample with the id at the path, and with all that the objects on the way need."""
    inside, (step, *rest) = get_named_type(type_), path
    assert isinstance(inside, GraphQLInputObjectType)
    needed = {
        name: plain_value(name, field.type)
        for name, field in inside.fields.items()
        if is_required_input_field(field) and name not in sample
    }
    before = sample.get(step.name)
    if rest:
        item = before[0] if isinstance(before, list) else before or {}
        new: Any = with_id(inside.fields[step.name].type, item, tuple(rest), value)
    else:
        new = value
    return {**needed, **sample, step.name: [new] if step.is_list else new}


def plain_value(name: str, type_: GraphQLInputType) -> Any:
    kind = get_named_type(type_)
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    values = {"Int": 1, "DateTime": 1, "Time": "08:00", "JSONData": {}, "Boolean": True}
    return {"uri": "https://h.example/a", "assetType": "media"}.get(name) or values.get(kind.name, "x")


async def answer(api: Api, leaf: Leaf, own: dict[str, str], value: str) -> list[tuple[str, str, str]]:
    """Returns the errors: their names, paths and messages, without the id."""
    root = schema().type_map["Mutation"]
    assert isinstance(root, GraphQLObjectType)
    argument = root.fields[leaf.mutation].args["input"]
    sample = msgspec.json.decode(
        fill(msgspec.json.encode(SAMPLES.get(leaf.mutation, {})).decode(), {**own, "fresh": str(uuid4())})
    )
    given = with_id(argument.type, sample, leaf.path, value)
    shown = "errors { message }" if leaf.mutation in PER_ITEM else "__typename"
    document = f"mutation($in: {argument.type}) {{ {leaf.mutation}(input: $in) {{ {shown} }} }}"
    body = (await api.graphql.post(document, {"in": given})).json()
    if leaf.mutation in PER_ITEM and "errors" not in body:
        texts = [each["message"] for each in body["data"][leaf.mutation]["errors"]]
        return [("", text.partition(":")[0], text.replace(value, "<id>")) for text in texts]
    return [
        (
            each["name"],
            problem.get("field", ""),
            re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", "<id>", each["message"]),
        )
        for each in body.get("errors", ())
        for problem in (each.get("data") or {}).get("all") or [each.get("data") or {}]
    ]


def kinds(api: Api, place: int) -> list[str]:
    """Returns the kinds to try at a place: some, others at the next one, and fewer on PostgreSQL."""
    return list(some(KINDS, place, 8 if api.house.database.dialect == "sqlite" else 4))


@mostly_on_sqlite
async def test_every_id_inside_an_input_of_graphql(foreign: Api, stranger: Api) -> None:
    theirs, own = await belongings(foreign), await belongings(stranger)
    missing, wrong = like_nothing(theirs), list[str]()
    own |= await open_job(stranger)
    for place, leaf in enumerate(leaves()):
        where = f"{leaf.mutation} {leaf.text}"
        if leaf.mutation in PER_ITEM:
            own |= await open_job(stranger)  # without the tasks that the leaf before has added
        subject = leaf.text == "id"  # the only id that the mutation must have; it needs no path
        stored = leaf.path[-1].name in STORED or f"{leaf.mutation}.{leaf.text}" in IGNORED
        for kind in kinds(stranger, place):
            if kind == "organization" and leaf.path[-1].name != "organizationId":
                continue  # its small number is also the id of a source type, which is everybody's
            refusal = await answer(stranger, leaf, own, theirs[kind])
            if refusal != await answer(stranger, leaf, own, missing[kind]):
                wrong.append(f"{where} tells a foreign {kind}: {refusal}")
            if not (stored or (subject and refusal) or any(path.endswith(leaf.text) for _, path, _ in refusal)):
                wrong.append(f"{where} takes a foreign {kind}: {refusal}")
        # The id is what is wrong: one of the caller's own gets another answer.
        known = [value for kind, value in (own | THINGS_OF_ALL).items() if kind not in {"user", "output"}]
        if not stored and not await any_other_answer(stranger, leaf, own, known, refusal):
            wrong.append(f"{where} takes nothing of the caller's own: {refusal}")
    assert not wrong, "\n".join(wrong)
    await all_can_be_deleted(foreign, theirs)


async def open_job(api: Api) -> dict[str, str]:
    """Returns the ids of a new job, which still takes tasks, and of its task."""
    job_id = ids.parse_job(await api.edge.create()) or 0
    return {"openJob": ids.job_graphql(job_id), "openTask": ids.task_graphql(job_id, 0)}


async def any_other_answer(api: Api, leaf: Leaf, own: dict[str, str], values: list[str], refusal: object) -> bool:
    for value in values:
        if await answer(api, leaf, own, value) != refusal:
            return True
    return False


async def all_can_be_deleted(owner: Api, theirs: dict[str, str]) -> None:
    """Nobody else holds on to a thing of the owner's."""
    deletes = [
        "ScheduledJobContentTemplate content", "ScheduledJob scheduled", "JobPipeline pipeline",
        "TaskTemplate templateTask", "JobTemplate template", "Source source", "EngineCategory category",
    ]  # fmt: skip
    for each in deletes:
        name, kind = each.split()
        await owner.graphql.ask(f'mutation {{ delete{name}(id: "{theirs[kind]}") {{ id }} }}')


def questions() -> Iterator[str]:
    """Yields a query for every argument that is an id, of a root field and of a field inside: {id} stands for it."""
    types = (each for each in schema().type_map.values() if isinstance(each, GraphQLObjectType))
    for type_ in types:
        if type_.name == "Mutation" or type_.name.startswith("__"):
            continue
        for name, field in type_.fields.items():
            result = get_named_type(field.type)
            shown = "records { __typename }" if "records" in getattr(result, "fields", {}) else "__typename"
            for argument, each in field.args.items():
                if get_named_type(each.type).name == "ID":
                    value = '["{id}"]' if isinstance(get_nullable_type(each.type), GraphQLList) else '"{id}"'
                    outside = ["", *OWN.get(type_.name, [])]
                    needed = [
                        f"{other}: {CHUNK if get_named_type(more.type).name == 'String' else 1}"  # but no Boolean
                        for other, more in field.args.items()
                        if other != argument and is_required_argument(more)
                    ]
                    arguments = ", ".join([f"{argument}: {value}", *needed])
                    opened = " { ".join([*outside, f"{name}({arguments}) {{ {shown} }}"])
                    yield opened + " }" * len(outside)


@mostly_on_sqlite
async def test_every_id_that_a_query_takes(foreign: Api, stranger: Api) -> None:
    theirs, own = await belongings(foreign), await belongings(stranger)
    missing = like_nothing(theirs)

    async def text(document: str, value: str) -> str:
        response = await stranger.graphql.post(fill(document.replace("{id}", value), own))
        assert response.status_code == 200, response.text
        return NEW.sub("<new>", re.sub(rf'(?<="){re.escape(value)}(?=["\\])', "<id>", response.text))

    asked = list(questions())
    assert len(asked) > 50
    told = [
        (document, kind)
        for place, document in enumerate(asked)
        for kind in kinds(stranger, place)
        if not ("sourceType" in document and kind == "organization")  # a small number is a source type of everybody's
        if await text(document, theirs[kind]) != await text(document, missing[kind])
    ]
    assert not told, "\n".join(map(str, told))


def bodies() -> Iterator[type[msgspec.Struct]]:
    """Yields the struct of every body that an interface reads, and the structs inside."""
    for package in (enginehouse.api.edge, enginehouse.api.v1):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(found.name)).values():
                if isinstance(value, Body):
                    yield from structs_in(msgspec.inspect.type_info(value.wanted))


def structs_in(info: Any) -> Iterator[type[msgspec.Struct]]:
    match info:
        case msgspec.inspect.StructType():
            yield info.cls
            for field in info.fields:
                yield from structs_in(field.type)
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            yield from structs_in(info.item_type)
        case msgspec.inspect.UnionType():
            for each in info.types:
                yield from structs_in(each)
        case _:
            pass


def test_every_id_in_a_body_of_rest_is_in_the_table() -> None:
    is_id = re.compile(r"(I[dD]s?|^ids?)$")
    known = {
        f"{body.__name__}.{name}" for body in bodies() for name in body.__struct_encode_fields__ if is_id.search(name)
    }
    assert known == set(REST) | {
        name for name in known if name in STORED_BY_REST or name.partition(".")[2] in STORED | NAMES
    }


@mostly_on_sqlite
async def test_every_id_in_a_body_of_rest(foreign: Api, stranger: Api) -> None:
    theirs, own = await belongings(foreign), await belongings(stranger) | await open_job(stranger)
    mine, wrong = {f"own_{kind}": value for kind, value in own.items()}, list[str]()
    for field, request in REST.items():
        texts = []
        for named in (theirs, like_nothing(theirs)):
            response = await stranger.ask(fill(request, mine | named))
            text = NEW.sub("<new>", response.response.text)
            for value in named.values():
                text = re.sub(rf"(?<![\w-]){value}(?![\w-])", "<id>", text)
            texts.append(text)
            if response.status not in {400, 403, 404, 501}:
                wrong.append(f"{field} takes a foreign id: {text}")
        if texts[0] != texts[1]:
            wrong.append(f"{field} tells a foreign id: {texts}")
        if field not in SUBJECTS and field.partition(".")[2] not in texts[0]:
            wrong.append(f"{field} is refused without its path: {texts[0]}")
    assert not wrong, "\n".join(wrong)
    await all_can_be_deleted(foreign, theirs)
