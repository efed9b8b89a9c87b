"""Every sample of the contract (graphql-contract §5), in its documented shape, and others of the same kind."""

import re
from typing import Any, Final, NamedTuple

import pytest
from tests.api.clients import Api
from tests.api.root_calls import own_things
from tests.api.samples import BATCH, DAG, FFMPEG, PASSWORD, TRANSCRIBE, WEBSTREAM, fill
from tests.api.verbs import GRAPHQL

from enginehouse.domain.identity import Role
from enginehouse.domain.status import JobStatus

JOB: Final = re.compile(r"\d{8}_[0-9A-Za-z]{10}")
TASK: Final = re.compile(r"\d{8}_[0-9A-Za-z]{15}")
ASSET: Final = re.compile(r"\d+_[0-9A-Za-z]{10}")
DIGITS: Final = re.compile(r"\d+")
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
STATUS: Final = re.compile("|".join(JobStatus))
ANY: Final = object()
TEXT: Final = (str, type(None))


class Many(list[Any]):
    """A list of items of this shape."""


class Some(Many):
    """The same, with at least one item."""


class Sample(NamedTuple):
    """A document with {kinds} for ids, the shape of its data, and the names of its errors.

    A shape is a value, a type, a pattern, ANY, a tuple of such, a dict with exactly these keys, `Many` or `Some`.
    """

    code: str
    document: str
    data: Any
    variables: Any = None
    errors: tuple[str, ...] = ()
    caller: str = "admin"


V3F: Final = "id targetId clusterId tasks { records { id engineId payload taskPayload status output ioFolders { referenceId type mode } } } routes { parentIoFolderReferenceId childIoFolderReferenceId }"  # noqa: E501
V3F_JOB: Final = {
    "id": JOB, "targetId": DIGITS, "clusterId": DAG["clusterId"],
    "tasks": {"records": Some([{
        "id": TASK, "engineId": UUID, "payload": (dict, type(None)), "taskPayload": (dict, type(None)),
        "status": STATUS, "output": ANY,
        "ioFolders": Some([{"referenceId": str, "type": re.compile(".*put"), "mode": re.compile("stream|chunk")}]),
    }])},
    "routes": [
        {"parentIoFolderReferenceId": route["parentIoFolderReferenceId"],
         "childIoFolderReferenceId": route["childIoFolderReferenceId"]}
        for route in DAG["routes"]
    ],
}  # fmt: skip
SUBSCRIPTION: Final = (
    "mutation { subscribeEvent(input: {application: \"system\", eventName: \"JobCompleted\", eventType: \"job\", "
    "delivery: {name: Webhook, params: {%s: \"https://h.example\"}}}) }"
)  # fmt: skip
DAILY: Final = (
    'mutation { createScheduledJob(input: {name: "n", runMode: Recurring, jobTemplateIds: ["{template}"], '
    "recurringScheduleParts: [%s]}) { id } }"
)
INLINE: Final = (
    f'mutation {{ createScheduledJob(input: {{name: "n", runMode: %s, jobTemplates: [{{clusterId: "c", routes: ['
    f'{{parentIoFolderReferenceId: "o", childIoFolderReferenceId: "i", options: {{}}}}], taskTemplates: ['
    f'{{engineId: "{WEBSTREAM}", ioFolders: [{{referenceId: "o", mode: stream, type: output}}], '
    f"executionPreferences: {{priority: -99}}}}, "
    f'{{engineId: "{FFMPEG}", ioFolders: [{{referenceId: "i", mode: stream, type: input}}]}}]}}]}}) {{ id }} }}'
)
TEMPLATE: Final = (
    "mutation { createJobTemplate(input: {clusterId: \"c\", jobConfig: {createTDOOnLaunch: false, sourceData: "
    "{sourceId: {source}}}, taskTemplates: [{engineId: \"" + WEBSTREAM + "\", payload: {sourceId: \"{source}\"}, "
    "ioFolders: [{referenceId: \"o\", mode: stream, type: output}]}, {engineId: \"" + FFMPEG + "\", "
    "ioFolders: [{referenceId: \"i\", mode: stream, type: input}]}], routes: [{parentIoFolderReferenceId: \"o\", "
    "childIoFolderReferenceId: \"i\", options: {}}]}) { id } }"
)  # fmt: skip
POLLED: Final = {
    "status": STATUS, "createdDateTime": TIME, "targetId": (DIGITS, None),
    "tasks": {"records": Some([{
        "id": TASK, "status": STATUS, "createdDateTime": TIME, "modifiedDateTime": TIME, "taskOutput": ANY,
        "log": ({"uri": str, "text": TEXT}, None), "engine": {"id": UUID, "name": str, "category": {"name": str}},
    }])},
}  # fmt: skip
ORDERED: Final = (
    "query { jobs(orderBy: %s, limit: 10) { records { id status target { id streams { uri protocol } assets { records "
    "{ id assetType uri details } } } tasks { records { queuedDateTime completedDateTime payload } } } } }"
)
ORDERED_JOBS: Final = {"jobs": {"records": Some([{
    "id": JOB, "status": STATUS,
    "target": ({
        "id": DIGITS, "streams": [],
        "assets": {"records": Many([{"id": ASSET, "assetType": TEXT, "uri": TEXT, "details": (dict, type(None))}])},
    }, None),
    "tasks": {"records": Some([{
        "queuedDateTime": (TIME, None), "completedDateTime": (TIME, None), "payload": (dict, type(None)),
    }])},
}])}}  # fmt: skip
LAUNCHED: Final = {"id": JOB, "targetId": DIGITS, "status": "pending"}
RESULTS: Final = "{ records { tdoId engineId startOffsetMs stopOffsetMs jsondata assetId userEdited } }"
LOGIN: Final = "mutation L($u: String!, $p: String!) { userLogin(input: {userName: $u, password: $p}) { token } }"

SAMPLES: Final = [
    Sample("C01", LOGIN, {"userLogin": {"token": UUID}}, {"u": "{user}", "p": PASSWORD}, caller="nobody"),
    Sample("C01", LOGIN, {"userLogin": None}, {"u": "{user}", "p": "wrong"}, ("not_found",), "nobody"),
    Sample(
        "C03", 'mutation { validateToken(token: "{session}") { token } }',
        {"validateToken": {"token": "{session}"}}, caller="nobody",
    ),
    Sample("C03", 'mutation { refreshToken(token: "{session}") { token } }', {"refreshToken": {"token": UUID}}),
    Sample("C03", 'mutation { userLogout(token: "{session}") }', {"userLogout": True}, caller="nobody"),
    Sample(
        "C05", 'mutation { createEngine(input: {name: "n", categoryId: "c", deploymentModel: HumanReview}) { id } }',
        {"createEngine": None}, errors=("not_allowed",), caller="reader",
    ),
    Sample("C05", 'mutation { deleteTDO(id: "{target}") { id } }', {"deleteTDO": None}, None, ("not_allowed",),
           "reader"),
    Sample(
        "C07",
        'mutation { a: createAsset(input: {containerId: 123}) { id } b: createAsset(input: {containerId: "{target}", '
        'type: "media", contentType: "video/mp4"}) { id } c: createAsset(input: {containerId: "{target}", '
        'type: "media", contentType: "video/mp4", uri: "http://h.example/v.mp4"}) { id } }',
        {"a": None, "b": None, "c": {"id": ASSET}}, errors=("not_found", "invalid_input"),
    ),
    Sample(
        "C09", "query q($id: ID!) { asset(id: $id) { id assetType } }",
        {"asset": {"id": "{asset}", "assetType": TEXT}}, '{"id": "{asset}"}',
    ),
    Sample(
        "C09", "query q($id: ID!) { asset(id: $id) { id assetType } }",
        {"asset": {"id": "{asset}", "assetType": TEXT}}, {"id": "{asset}"},
    ),
    Sample(
        "C13",
        'mutation { createTDO(input: {startDateTime: "2018-01-01T10:00:00", stopDateTime: "2018-01-01T11:00:00"}) '
        "{ id startDateTime stopDateTime } }",
        {"createTDO": {
            "id": DIGITS, "startDateTime": "2018-01-01T10:00:00.000Z", "stopDateTime": "2018-01-01T11:00:00.000Z",
        }},
    ),
    Sample(
        "C13", "mutation { createTDO(input: {startDateTime: 1574311000, stopDateTime: 1574315000000}) "
        "{ startDateTime stopDateTime } }",
        {"createTDO": {"startDateTime": "2019-11-21T04:36:40.000Z", "stopDateTime": "2019-11-21T05:43:20.000Z"}},
    ),
    Sample(
        "C15",
        f'mutation {{ createJob(input: {{targetId: "{{target}}", tasks: [{{engineId: "{WEBSTREAM}", payload: '
        f'{{url: "https://h.example/a.mp4"}}}}, {{engineId: "{TRANSCRIBE}"}}]}}) {{ id }} }}',
        {"createJob": {"id": JOB}},
    ),
    Sample(
        "C15",
        f'mutation {{ createJob(input: {{targetId: {{target}}, tasks: {{engineId: "{BATCH}"}}}}) {{ id targetId }} }}',
        {"createJob": {"id": JOB, "targetId": "{target}"}},
    ),
    Sample(
        "C17", f"mutation J($in: CreateJob) {{ createJob(input: $in) {{ {V3F} }} }}",
        {"createJob": V3F_JOB}, {"in": DAG},
    ),
    Sample(
        "C19",
        f'mutation {{ createJob(input: {{target: {{status: "downloaded"}} notificationUris: ["https://h.example/hook"] '
        f'clusterId: "c" tasks: [{{engineId: "{TRANSCRIBE}" notificationUris: ["https://h.example/t"]}}]}}) '
        "{ id targetId } }",
        {"createJob": {"id": JOB, "targetId": DIGITS}},
    ),
    Sample(
        "C21",
        'query { job(id: "{ended}") { status createdDateTime targetId tasks { records { id status createdDateTime '
        "modifiedDateTime taskOutput log { uri text } engine { id name category { name } } } } } }",
        {"job": POLLED},
    ),
    Sample(
        "C21",
        'query { job(id: "{jobUUID}") { status createdDateTime targetId tasks { records { id status createdDateTime '
        "modifiedDateTime taskOutput log { uri text } engine { id name category { name } } } } } }",
        {"job": POLLED},
    ),
    Sample(
        "C23", "query { jobs(status: running, limit: 50) { count records { id targetId createdDateTime tasks { records "
        "{ id payload } } } } }",
        {"jobs": {"count": 0, "records": []}},
    ),
    Sample(
        "C23", "query { jobs(status: [complete, cancelled], limit: 1000) { count records { id status } } }",
        {"jobs": {"count": int, "records": Some([{"id": JOB, "status": re.compile("complete|aborted")}])}},
    ),
    Sample("C25", ORDERED % "{field: createdDateTime, direction: desc}", ORDERED_JOBS),
    Sample("C25", ORDERED % "[{field: modifiedDateTime, direction: asc}]", ORDERED_JOBS),
    Sample(
        "C27", 'query { task(id: "{task}") { id status name engine { id name displayName } engineId } }',
        {"task": {
            "id": "{task}", "status": STATUS, "name": TEXT, "engine": {"id": BATCH, "name": str, "displayName": TEXT},
            "engineId": BATCH,
        }},
    ),
    Sample("C31", f"""mutation {{ launchSingleEngineJob(input: {{uploadUrl: "https://h.example/a.mp4",
        engineId: "{BATCH}", fields: [{{fieldName: "priority", fieldValue: "-2"}}]}}) {{ id targetId status }} }}""",
        {"launchSingleEngineJob": LAUNCHED}),
    Sample("C33", f"""mutation {{ launchSingleEngineJob(input: {{targetId: "{{target}}", engineId: "{BATCH}"}}) {{
        id targetId status }} }}""", {"launchSingleEngineJob": LAUNCHED | {"targetId": "{target}"}}),
    Sample("C35", TEMPLATE, {"createJobTemplate": {"id": JOB}}),
    Sample(
        "C37", DAILY % '{repeatInterval: 1, repeatIntervalUnit: Days, startTime: "21:30"}',
        {"createScheduledJob": {"id": DIGITS}},
    ),
    Sample("C37", DAILY % "{repeatInterval: 1, repeatIntervalUnit: Days}", None, None, ("invalid_input",)),
    Sample("C37", DAILY % "{repeatInterval: 2, repeatIntervalUnit: Hours}", {"createScheduledJob": {"id": DIGITS}}),
    Sample("C39", INLINE % "Once", {"createScheduledJob": {"id": DIGITS}}),
    Sample(
        "C41",
        'mutation { launchScheduledJobs(input: {scheduledJobId: "{scheduled}", payload: {recordDuration: "15m"}}) '
        "{ id targetId } }",
        {"launchScheduledJobs": Some([{"id": JOB, "targetId": (DIGITS, None)}])},
    ),
    Sample("C43", 'mutation { updateTask(input: {id: "{task}", jobId: "{job}", status: running}) { id status } }',
           {"updateTask": {"id": "{task}", "status": "running"}}),
    Sample(
        "C43", 'mutation { updateTask(input: {id: "{task}", status: running, failureReason: invalid_data, '
        'failureMessage: "m"}) { id } }', {"updateTask": None}, None, ("invalid_input",),
    ),
    Sample(
        "C43", 'mutation { updateTask(input: {id: "{task}", status: failed, failureReason: invalid_data, '
        'failureMessage: "m"}) { id status failureReason failureMessage } }',
        {"updateTask": {"id": "{task}", "status": "failed", "failureReason": "invalid_data", "failureMessage": "m"}},
    ),
    Sample("C43", 'query { job(id: "{job}") { status } }', {"job": {"status": "failed"}}),
    Sample("C45", f'query {{ engineResults(jobId: "{{ended}}") {RESULTS} }}', {"engineResults": {"records": Some([{
        "tdoId": DIGITS, "engineId": UUID, "startOffsetMs": ANY, "stopOffsetMs": ANY, "jsondata": ANY, "assetId": None,
        "userEdited": None,
    }])}}),
    Sample("C49", SUBSCRIPTION % "uri", {"subscribeEvent": UUID}),
    Sample("C49", SUBSCRIPTION % "url", {"subscribeEvent": UUID}),
    Sample(
        "C49",
        'query { eventSubscriptions(eventType: "job") { records { id organizationId eventName eventType '
        "targetName consumerParams conditions } } }",
        {"eventSubscriptions": {"records": Some([{
            "id": UUID, "organizationId": DIGITS, "eventName": "JobCompleted", "eventType": "job", "targetName": TEXT,
            "consumerParams": ANY, "conditions": ANY,
        }])}},
    ),
    Sample("C29", 'mutation { cancelJob(id: "{waiting}") { id message } }',
           {"cancelJob": {"id": "{waiting}", "message": "Job cancelled"}}),
    Sample("C29", 'query { job(id: "{waiting}") { status } }', {"job": {"status": "aborted"}}),
    Sample("C29", 'mutation { cancelJob(id: "{job}") { id message } }', {"cancelJob": None}, None, ("invalid_input",)),
]  # fmt: skip
# A document that is not valid, and what its only error says.
INVALID: Final = {
    "C45": ('query { engineResults(jobId: "x") { count } }', "Cannot query field 'count'"),
    "C43": ('mutation { updateTask(input: {id: "x", status: "running"}) { id } }', "running"),
    "C47": (
        "query { clusters { records { id name organizationId } } }",
        "Cannot query field 'clusters' on type 'Query'.",
    ),
    "C47 again": (
        'mutation { createCluster(input: {name: "n", allowedEngines: ["all"], type: RT}) { id } }',
        "Cannot query field 'createCluster' on type 'Mutation'.",
    ),
}
UPLOAD: Final = (
    'mutation { createAsset(input: {containerId: "{target}", contentType: "video/mp4", type: "media"}) { id } }'
)


def differences(shape: Any, value: Any, path: str = "") -> list[str]:
    """Returns where the value has another shape."""
    match shape:
        case _ if shape is ANY:
            return []
        case Many():
            if not isinstance(value, list) or (isinstance(shape, Some) and not value):
                return [f"{path}: a list of {shape[0]}, got {value!r}"]
            return [each for at, one in enumerate(value) for each in differences(shape[0], one, f"{path}[{at}]")]
        case tuple():
            return [] if any(not differences(one, value) for one in shape) else [f"{path}: got {value!r}"]
        case dict():
            if not isinstance(value, dict) or set(value) != set(shape):
                return [f"{path}: {set(shape)}, got {value!r}"]
            return [each for key, one in shape.items() for each in differences(one, value[key], f"{path}.{key}")]
        case re.Pattern():
            fits = isinstance(value, str) and shape.fullmatch(value) is not None
        case type():
            fits = isinstance(value, shape)
        case _:
            fits = value == shape
    return [] if fits else [f"{path}: {shape!r}, got {value!r}"]


def filled(shape: Any, known: dict[str, str]) -> Any:
    """Returns the shape, or the variables, with the ids in place of their kinds."""
    match shape:
        case str():
            return fill(shape, known)
        case dict():
            return {key: filled(one, known) for key, one in shape.items()}
        case list():
            return type(shape)([filled(one, known) for one in shape])
    return shape


async def test_every_sample_gets_its_documented_answer(api: Api) -> None:
    things = await own_things(api)
    things["waiting"] = await api.graphql.create_job(tasks=[{"engineId": BATCH}])
    callers = {"admin": api, "nobody": api.holding(None), "reader": await api.in_role(Role.READER)}
    wrong = list[str]()
    for sample in SAMPLES:
        response = await callers[sample.caller].graphql.post(
            fill(sample.document, things), filled(sample.variables, things)
        )
        assert response.status_code == 200, (sample.code, response.text)
        body = response.json()
        wrong += [f"{sample.code}{each}" for each in differences(filled(sample.data, things), body["data"])]
        names = tuple(error["name"] for error in body.get("errors", []))
        if names != sample.errors:
            wrong.append(f"{sample.code}: {body}")
    assert wrong == []


@pytest.mark.parametrize("code", INVALID)
async def test_what_the_schema_does_not_have_is_a_clear_400(sqlite_api: Api, code: str) -> None:
    document, text = INVALID[code]
    response = await sqlite_api.graphql.post(document)
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["name"] == "invalid_input"
    assert text in error["message"]
    assert error["locations"]


async def test_c11_a_file_above_the_limit_is_413(sqlite_api: Api) -> None:
    things = await own_things(sqlite_api)
    sqlite_api.limit(upload_bytes=1000)
    response = await sqlite_api.graphql.http.post(
        GRAPHQL, data={"query": fill(UPLOAD, things)}, files={"file": ("a.mp4", b"x" * 1001, "video/mp4")},
        headers=sqlite_api.graphql.headers(),
    )  # fmt: skip
    assert response.status_code == 413
    [error] = response.json()["errors"]
    assert (error["code"], error["field"], error["name"]) == ("LIMIT_FILE_SIZE", "file", "invalid_input")
    assert set(error["data"]) == {"limitInBytes", "requestSize", "errorId"}
    assert error["data"]["limitInBytes"] == 1000


def test_every_sample_of_the_contract_is_in_the_table() -> None:
    known = {sample.code for sample in SAMPLES} | {code.split()[0] for code in INVALID} | {"C11"}
    assert known == {f"C{number:02}" for number in range(1, 50, 2)}
