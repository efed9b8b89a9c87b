"""A call of every operation of the two REST interfaces, with {kinds} in place of ids in path, query and body.

The calls come from the tables that every new operation must be in, and from the parameters that handlers declare.
"""

import json
import re
from functools import cache
from typing import Any, Final, NamedTuple

from tests.api import declared, test_audit_rows, test_bad_input_foreign

from enginehouse.api.http.declaration import declaration

# What the parameters of queries name. None: no object of this server.
PARAMETERS: Final[dict[str, str | None]] = {
    "jobID": "job",
    "coreJobID": "job",
    "recordingID": "target",
    "scheduledJobID": "scheduled",
    "organizationID": "organization",
    "internalOrganizationID": "organizationUUID",
    "sourceID": "source",
    "engineCategoryID": "category",
    "engineIDs": "ownEngine",
    "engineID": "ownEngine",
    "taskID": "task",
    "coreTaskID": "task",
    "mediaSourceID": "source",
    "organizationIDs": "organizationUUID",
    "userID": "person",
    "tokenID": "key",
    "roleID": "role",
    "roleIDs": "role",
    "hostID": "host",
    "hostIDs": "host",
    "engineInstanceID": "instance",
    "engineInstanceIDs": "instance",
    "serverTypeID": None,  # a host has no type of server
    "workRequestIDs": None,  # an instance has no work request
    "coreID": None,  # another server, of which this one knows none
    "objectID": None,  # of the audit, which also names what is gone
    "correlationID": None,
}
# The other calls with ids, above all in bodies.
MORE: Final = [
    'POST /api/v1/bulk-acts/plan {"act": "pause", "rule": {"statuses": ["failed"]}}',
    "GET /edge/v1/admin/engine/{ownEngine}/detail",
    'POST /edge/v1/admin/auth {"auth": {"token": "no-such-token", "permissionID": "job.create"}}',
    "GET /edge/v1/admin/users/role/{role}/detail",
    'POST /edge/v1/admin/users/role/create {"role": {}}',
    'POST /edge/v1/admin/users/role/{role}/update {"role": {}}',
    "POST /edge/v1/admin/users/role/{role}/delete",
    "GET /edge/v1/host/{host}/detail",
    "GET /edge/v1/host/{host}/status",
    "GET /edge/v1/engine/instance/{instance}/detail",
    "GET /edge/v1/engine/instance/{instance}/logs",
    "GET /edge/v1/engine/instance/{instance}/resources",
    'POST /edge/v1/admin/engine/create {"engine": {"internalOrganizationID": "{organizationUUID}"}}',
    'POST /edge/v1/admin/engine/{ownEngine}/update {"engine": {"engineCategoryID": "{category}"}}',
    'POST /edge/v1/admin/users/create {"user": {"userName": "m", "organizationIDs": ["{organizationUUID}"]}}',
    'POST /edge/v1/engine/BATCH/template/t {"template": {"tasks": [{"engineId": "{ownEngine}"}]}}',
    'POST /edge/v1/engine/BATCH/template/t {"template": {"coreSourceID": "{source}", "tasks": TASKS}}',
    'POST /edge/v1/engine/{ownEngine}/template/t {"template": {"coreRecordingID": "{target}", "tasks": TASKS}}',
    "POST /edge/v1/engine/{ownEngine}/createjob {}",  # the parts of a file have their own tests
    'POST /edge/v1/proc/job/create {"jobs": [{"tasks": [{"engineId": "{ownEngine}"}]}]}',
    'POST /edge/v1/proc/job/create {"jobs": [{"coreSourceID": "{source}", "tasks": TASKS}]}',
    'POST /edge/v1/proc/template/{template}/launch {"scheduledJobID": "{scheduled}"}',
    'POST /edge/v1/proc/template/{template}/launch {"sourceID": "{source}"}',
    "GET /api/v1/jobs/{job}",
    "GET /api/v1/tasks/{task}",
    'POST /api/v1/templates/{template}/launch {"scheduledJobID": "{scheduled}"}',
    'POST /api/v1/templates/{template}/launch {"sourceID": "{source}"}',
    'POST /api/v1/schedules/explain {"name": "n"}',
    'POST /api/v1/schedules/explain {"jobTemplateIds": ["{template}"]}',
    'POST /api/v1/schedules/explain {"jobPipelineIds": ["{pipeline}"]}',
    'POST /api/v1/schedules/explain {"primarySourceId": "{source}"}',
    'POST /api/v1/schedules {"name": "n", "jobTemplateIds": ["{template}"]}',
    'POST /api/v1/schedules {"name": "n", "jobPipelineIds": ["{pipeline}"]}',
    'POST /api/v1/schedules {"name": "n", "primarySourceId": "{source}"}',
    'PATCH /api/v1/schedules/{schedule} {"jobTemplateIds": ["{template}"]}',
    'PATCH /api/v1/schedules/{schedule} {"jobPipelineIds": ["{pipeline}"]}',
    'PATCH /api/v1/schedules/{schedule} {"primarySourceId": "{source}"}',
    'POST /api/v1/pipelines/chunk/plan {"targetId": "{target}"}',
    'POST /api/v1/pipelines/chunk/jobs {"targetId": "{target}"}',
    'POST /api/v1/schedules/{schedule}/run {"targetId": "{target}"}',
    'POST /api/v1/tokens {"organizationID": "{organization}"}',
    'POST /api/v1/tokens {"worker": {"organizationIDs": ["{organization}"]}}',
    'POST /api/v1/tokens {"worker": {"engineIDs": ["{ownEngine}"]}}',
    'POST /api/v1/tokens/revoke {"token": "{token}", "organizationID": "{organization}"}',
    'POST /api/v1/users {"name": "n", "password": "PASSWORD", "organizationID": "{organization}"}',
]
# A stream that has no end: only its head is asked for.
ENDLESS: Final = {"GET /api/v1/overview/stream"}
# Fields of bodies that end like an id and name no object of this server: texts of the client that are only shown
# again, references between the parts of one request, and what a token is not made for.
NO_OBJECT: Final = {
    "applicationId", "childIoFolderReferenceId", "clusterId", "coreID", "coreJobID", "coreTaskId", "correlationID",
    "correlationTaskId", "detailsSchemaId", "engineConfigId", "engineInstanceID", "executionLocationId", "hostID",
    "parentIoFolderReferenceId", "parentTaskId", "referenceId", "roleIDs", "taskChildId", "taskChildInputId",
    "taskParentId", "taskParentOutputId", "userID",
}  # fmt: skip
# Fields of templates inside the body of a schedule, as in GraphQL (tests/api/test_schedule_input.py).
OF_TEMPLATES: Final = {"engineId", "jobPipelineId", "jobTemplateId"}
# They may only repeat what is known, or are refused: the server chooses them, or has no such thing.
FIXED: Final = {
    "POST /edge/v1/admin/build/create buildID",
    "POST /edge/v1/admin/build/{BuildID}/update buildID",
    "POST /edge/v1/admin/build/{BuildID}/update engineID",
    "POST /edge/v1/admin/engine/create engineID",
    "POST /edge/v1/admin/engine/create replacementEngineID",
    "POST /edge/v1/admin/engine/{EngineID}/update engineID",
    "POST /edge/v1/admin/engine/{EngineID}/update internalOrganizationID",
    "POST /edge/v1/admin/engine/{EngineID}/update replacementEngineID",
    "POST /edge/v1/admin/organizations/create applicationID",
    "POST /edge/v1/admin/organizations/create coreOrganizationID",
    "POST /edge/v1/admin/token/{TokenID}/update organizationIDs",
    "POST /edge/v1/admin/user/{UserID}/update internalOrganizationID",
    "POST /edge/v1/admin/user/{UserID}/update organizationIDs",
    "POST /edge/v1/engine/{EngineID}/template/{EngineTemplateName} engineID",
    "POST /edge/v1/engine/{EngineID}/template/{EngineTemplateName} internalOrganizationID",
}
WHERE: Final = (
    "REST of tests/api/test_audit_rows.py (a change), EDGE or OWN of tests/api/test_bad_input_foreign.py (with the id "
    "of an object), or MORE of tests/api/rest_calls.py"
)


class Call(NamedTuple):
    """A request of an operation."""

    operation: str
    request: str

    @property
    def kinds(self) -> list[str]:
        """The kinds of ids in the request."""
        return re.findall(r"\{([a-z]\w*)\}", self.request)

    @property
    def method(self) -> str:
        return self.operation.partition(" ")[0]


@cache
def calls() -> list[Call]:
    """Returns every call."""
    tables = [*test_bad_input_foreign.EDGE, *test_bad_input_foreign.OWN, *MORE]
    tables += [
        request.replace('"organizationID": "1"', '"organizationID": "{organization}"')
        for request, _ in (*test_audit_rows.REST, *test_audit_rows.MORE)
        if request[0].isupper()
    ]
    found = [Call(one.name, each) for each in tables if (one := _operation(each)) is not None]
    plain = {call.operation: call.request for call in found if "?" not in call.request}
    for one in declared.served():
        method, path = one.name.split()
        if method == "GET" and "{" not in path:
            request = f"HEAD {path}" if one.name in ENDLESS else one.name
            found.append(Call(one.name, plain.setdefault(one.name, request)))
        elif one.name not in plain:
            continue
        declares = declaration(one.handler)
        named = (declares and declares.query) or {}
        found += [
            Call(one.name, _with(plain[one.name], name, kind)) for name in named if (kind := PARAMETERS.get(name))
        ]
    return list(dict.fromkeys(found))


def _operation(request: str) -> declared.Served | None:
    method, path, *_ = request.partition("?")[0].split(" ", 2)
    return declared.operation(method, path)


def _with(request: str, name: str, kind: str) -> str:
    """Returns the request with a parameter."""
    method, path, *body = request.split(" ", 2)
    return " ".join((method, f"{path}?{name}={{{kind}}}", *body))


def without_call() -> list[str]:
    """Returns the operations that no call reaches."""
    return [one.name for one in declared.served() if one.name not in {call.operation for call in calls()}]


def unknown_parameters() -> list[str]:
    """Returns the parameters that end like an id, of which nobody has said what they name."""
    found = [
        f"{one.name}?{name}"
        for one in declared.served()
        if (declares := declaration(one.handler)) is not None
        for name in declares.query
        if re.search("I[Dd]s?$", name) and name not in PARAMETERS
    ]
    return sorted(found)


def unknown_fields() -> list[str]:
    """Returns the fields of bodies that end like an id and are in no call."""
    found = {f"{one.name} {name}" for one in declared.served() for name in _missing(one)}
    return sorted(found - FIXED)


def _missing(one: declared.Served) -> set[str]:
    schemas = json.loads(one.schemas)["components"]["schemas"]
    sent = " ".join(call.request for call in calls() if call.operation == one.name)
    elsewhere = NO_OBJECT | (OF_TEMPLATES if "schedules" in one.name else set())
    return {name for name in _ids(one.described.get("requestBody"), schemas) - elsewhere if f'"{name}"' not in sent}


def _ids(value: Any, schemas: dict[str, Any]) -> set[str]:
    """Returns the fields of a request that end like an id."""
    match value:
        case {"$ref": str(reference)}:
            return _ids(schemas[reference.rpartition("/")[2]], schemas)
        case dict():
            named = {name for name in value.get("properties", {}) if re.search("I[Dd]s?$", name)}
            return named.union(*(_ids(each, schemas) for each in value.values()))
        case list():
            return set().union(*(_ids(each, schemas) for each in value))
        case _:
            return set()
