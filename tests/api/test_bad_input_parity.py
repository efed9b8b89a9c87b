"""The same mistake over GraphQL and REST: the same message, a path in the spelling of each, and no job.

The rows are those of the table of bad inputs (reliability §5).
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, FFMPEG, WEBSTREAM, single
from tests.api.samples import folder as rest_folder
from tests.api.verbs import Answer, Verb
from tests.thorough import mostly_on_sqlite

pytestmark = pytest.mark.usefixtures("own_statements")

Job = dict[str, Any]
CREATE = Verb("POST /edge/v1/proc/job/create", "mutation ($in: CreateJob) { createJob(input: $in) { id } }")
CANCEL = Verb("POST /edge/v1/proc/jobs/cancel", "mutation ($id: ID!) { cancelJob(id: $id) { id } }")
DATE = "not a valid date-time (ISO 8601, Unix seconds or milliseconds)."
INT32 = "integer from -2147483648 to 2147483647"
ONE_SELECTOR = (
    "Give exactly one of jobID, scheduledJobID, or organizationID with createdAfterDateTime and createdBeforeDateTime."
)


async def over_rest(api: Api, *jobs: Job) -> Answer:
    return await api.ask(CREATE.rest, {"jobs": jobs})


async def over_graphql(api: Api, job: Job) -> Answer:
    return await api.ask(CREATE.graphql, {"in": job})


async def counts(api: Api) -> Any:
    """Returns the number of rows of each table in which a request can create something."""
    return await api.house.database.read(lambda tx: tx.all("test.rows_of_tables"))


# -- creating ------------------------------------------------------------------------------------------------


def preferring(**fields: Any) -> Job:
    return single(executionPreferences=fields)


def graphql_folder(reference: str, mode: str, kind: str) -> Job:
    return {"referenceId": reference, "mode": mode, "type": kind}


Folder = tuple[str, str, str]


def graph(tasks: dict[str, list[Folder]], *routes: tuple[str, str]) -> tuple[Job, Job]:
    """Returns the same graph for REST and for GraphQL: tasks with their folders, routes from folder to folder."""
    owner = {one[0]: task for task, folders in tasks.items() for one in folders}
    engines = [WEBSTREAM, FFMPEG, FFMPEG]
    rest = {
        "tasks": [
            {"engineId": engine, "correlationTaskId": task, "ioFolders": [rest_folder(*one) for one in folders]}
            for engine, (task, folders) in zip(engines, tasks.items(), strict=False)
        ],
        "taskRoutes": [
            {
                "taskParentId": owner.get(parent, "a"),
                "taskParentOutputId": parent,
                "taskChildId": owner.get(child, "b"),
                "taskChildInputId": child,
            }
            for parent, child in routes
        ],
    }
    graphql = {
        "tasks": [
            {"engineId": engine, "ioFolders": [graphql_folder(*one) for one in folders]}
            for engine, folders in zip(engines, tasks.values(), strict=False)
        ],
        "routes": [
            {"parentIoFolderReferenceId": parent, "childIoFolderReferenceId": child} for parent, child in routes
        ],
    }
    return rest, graphql


def in_out(name: str) -> list[Folder]:
    return [(f"{name}-in", "stream", "input"), (f"{name}-out", "stream", "output")]


def out(name: str) -> list[Folder]:
    return [(f"{name}-out", "stream", "output")]


def into(name: str, mode: str = "stream") -> list[Folder]:
    return [(f"{name}-in", mode, "input")]


@dataclass(frozen=True)
class Row:
    """One mistake for REST and for GraphQL: the job, the path of the mistake, and the message."""

    jobs: tuple[Job, Job]
    paths: tuple[str, str]
    text: str
    status: int = 400
    name: str = "invalid_input"


def at_task(rest: Job, graphql: Job, text: str, field: str, other: str | None = None, **more: Any) -> Row:
    return Row((rest, graphql), (f"jobs[0].tasks[0].{field}", f"tasks[0].{other or field}"), text, **more)


def preference(field: str, value: Any, text: str) -> Row:
    jobs = (single(**{field: value}), preferring(**{field: value}))
    return Row(jobs, (f"jobs[0].tasks[0].{field}", f"tasks[0].executionPreferences.{field}"), text)


def reference(value: str, text: str) -> Row:
    return at_task(
        single(ioFolders=[rest_folder(value, "stream", "output")]),
        single(ioFolders=[graphql_folder(value, "stream", "output")]),
        text,
        "ioFolders[0].correlationID",
        "ioFolders[0].referenceId",
    )


def target(value: Any, text: str, **more: Any) -> Row:
    jobs = (single() | {"coreRecordingID": value}, single() | {"targetId": value})
    return Row(jobs, ("jobs[0].coreRecordingID", "targetId"), text, **more)


def routed(jobs: tuple[Job, Job], text: str, number: str = "", fields: tuple[str, str] = ("", "")) -> Row:
    return Row(jobs, (f"jobs[0].taskRoutes{number}{fields[0]}", f"routes{number}{fields[1]}"), text)


LINE = {"a": out("a"), "b": into("b")}
TEN_THOUSAND = [{"engineId": BATCH}] * 10_001
ROWS: dict[str, Row] = {
    "B1 no tasks": Row(({"tasks": []}, {"tasks": []}), ("jobs[0].tasks", "tasks"), "at least 1 task is required."),
    "B1 tasks missing": Row(({}, {}), ("jobs[0].tasks", "tasks"), "at least 1 task is required."),
    "B2 too many tasks": Row(
        ({"tasks": TEN_THOUSAND}, {"tasks": TEN_THOUSAND}),
        ("jobs[0].tasks", "tasks"),
        "10001 given, at most 10000 per job (setting limits.tasks_per_job). Split the job or raise the limit.",
        status=413,
    ),
    "B4 payload too large": at_task(
        single(taskPayloadJSON=json.dumps("x" * (5 << 20))),
        single(payloadString=json.dumps("x" * (5 << 20))),
        "5.0 MiB, at most 1 MiB.",
        "taskPayloadJSON",
        "payloadString",
        status=413,
    ),
    "B5 cycle": routed(
        graph(
            {"a": in_out("a"), "b": in_out("b"), "c": in_out("c")},
            ("a-out", "b-in"),
            ("b-out", "c-in"),
            ("c-out", "a-in"),
        ),
        "cycle … Routes must form a DAG.",
    ),
    "B6 a task that feeds itself": routed(
        graph({"a": in_out("a")}, ("a-out", "a-in")), 'task "…" feeds itself.', "[0]"
    ),
    "B7 unknown engine": at_task(
        single(engineId="abc"),
        single(engineId="abc"),
        'engine "abc" does not exist or is not available to your organization.',
        "engineId",
        name="not_found",
    ),
    "B9 no engine": Row(
        ({"tasks": [{}]}, {"tasks": [{}]}), ("jobs[0].tasks[0]", "tasks[0]"), "give engineId or taskType."
    ),
    "B11 text that is no JSON": at_task(
        single(taskPayloadJSON='{"a": 1 "b": 2}'),
        single(payloadString='{"a": 1 "b": 2}'),
        "not valid JSON at line 1 column 9 (expected a comma).",
        "taskPayloadJSON",
        "payloadString",
    ),
    "B12 dangling folder": routed(
        graph(LINE, ("a-out", "b-inn")),
        '"b-inn" matches no ioFolder. Did you mean "b-in"?',
        "[0]",
        (".taskChildInputId", ".childIoFolderReferenceId"),
    ),
    "B13 output to output": routed(
        graph({"a": out("a"), "b": out("b")}, ("a-out", "b-out")),
        'child folder "b-out" has type output; a route goes from an output to an input.',
        "[0]",
    ),
    "B14 modes differ": routed(
        graph({"a": out("a"), "b": into("b", "chunk")}, ("a-out", "b-in")),
        '"a-out" is stream but "b-in" is chunk.',
        "[0]",
    ),
    "B16 duplicate folder": Row(
        graph({"a": out("a") * 2, "b": into("b")}, ("a-out", "b-in")),
        ("jobs[0].tasks[0].ioFolders[1].correlationID", "tasks[0].ioFolders[1].referenceId"),
        '"a-out" already used by tasks[0].ioFolders[0].',
    ),
    "B22 unknown target": target("123", 'TemporalDataObject "123" was not found.', status=404, name="not_found"),
    "B22 a target that is no id": target("x", "malformed."),
    "B25 priority too large": preference("priority", 3_000_000_000, f"{INT32}, got 3000000000."),
    "B25 priority a word": preference("priority", "high", f'{INT32}, got "high".'),
    "B25 priority a fraction": preference("priority", 1.5, f"{INT32}, got 1.5."),
    "B25 priority a truth": preference("priority", True, f"{INT32}, got true."),
    "B26 retries below": preference("maxRetries", -1, "0–100, got -1."),
    "B26 retries above": preference("maxRetries", 1_000_000, "0–100, got 1000000."),
    "B29 no such day": preference("dueDateTime", "2026-02-30", DATE),
    "B29 second 60": preference("dueDateTime", "2026-02-03T00:00:60Z", DATE),
    "B29 year 10000": preference("dueDateTime", "10000-01-01T00:00:00Z", DATE),
    "B29 a negative epoch": preference("dueDateTime", -5, DATE),
    "B29 an epoch beyond time": preference("dueDateTime", 10**18, DATE),
    "B61 NUL": reference("abc\0", "character U+0000 at position 4 is not allowed."),
    "B61 a control character": reference("a\x07", "character U+0007 at position 2 is not allowed."),
    "B61 only spaces": reference("   ", "only spaces."),
    "B61 too long": reference("x" * 256, "256 bytes, at most 255."),
    "B62 an id beyond 63 bits": target(str(1 << 63), "malformed."),
    "a mode that is none": at_task(
        single(ioFolders=[rest_folder("a", "strem", "output")]),
        single(ioFolders=[graphql_folder("a", "strem", "output")]),
        'stream or chunk, got "strem".',
        "ioFolders[0].mode",
    ),
    "a first status that is none": Row(
        (single() | {"jobStatus": "complete"}, single() | {"status": "complete"}),
        ("jobs[0].jobStatus", "status"),
        'one of pending, queued, scheduled, got "complete".',
    ),
}


@pytest.mark.parametrize("name", ROWS)
@mostly_on_sqlite
async def test_a_wrong_job_is_refused_with_the_same_message_and_not_created(api: Api, name: str) -> None:
    row = ROWS[name]
    before = await counts(api)
    rest, graphql = await over_rest(api, row.jobs[0]), await over_graphql(api, row.jobs[1])
    assert (rest.status, rest.error) == (row.status, row.name)
    assert graphql.status in {200, 400}
    assert graphql.error == row.name
    for message, path in ((rest.message, row.paths[0]), (graphql.message, row.paths[1])):
        assert f"{_same(path)}: {row.text}" in [_same(line) for line in message.splitlines()]
    assert len(rest.message.splitlines()) == len(graphql.message.splitlines())
    assert await counts(api) == before


async def test_b21_target_and_target_id_exclude_each_other(api: Api) -> None:
    # REST cannot describe a new target.
    before = await counts(api)
    job = single() | {"targetId": "1", "target": {"startDateTime": 1, "stopDateTime": 2}}
    assert (await over_graphql(api, job)).outcome == ("invalid_input", "Give target or targetId, not both.")
    assert await counts(api) == before


async def test_b22_a_foreign_target_gets_the_response_of_an_unknown_one(api: Api, foreign: Api) -> None:
    made = await foreign.ask("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }")
    before = await counts(api)
    for create, field in ((over_rest, "coreRecordingID"), (over_graphql, "targetId")):
        refusals = set()
        for target in (made.result["id"], "987654321"):
            answer = await create(api, single() | {field: target})
            refusals.add((answer.status, answer.error, answer.message.replace(target, "ID")))
        assert len(refusals) == 1
    assert await counts(api) == before


async def test_both_name_all_mistakes_of_a_job_together(api: Api) -> None:
    rest = await over_rest(api, {"tasks": [{"engineId": "a", "maxRetries": -1}, {"engineId": "b"}]})
    graphql = await over_graphql(
        api, {"tasks": [{"engineId": "a", "executionPreferences": {"maxRetries": -1}}, {"engineId": "b"}]}
    )
    texts = [[line.partition(": ")[2] for line in answer.message.splitlines()] for answer in (rest, graphql)]
    assert len(texts[0]) == 3
    assert texts[0] == texts[1]


async def test_b70_one_wrong_job_of_several_creates_none(api: Api) -> None:
    before = await counts(api)
    answer = await over_rest(api, single(), single(engineId="abc"))
    assert answer.status == 400
    assert answer.body["errors"][0]["path"] == "jobs[1].tasks[0].engineId"
    assert await counts(api) == before


# -- cancelling, retrying ------------------------------------------------------------------------------------


async def test_b44_a_cancel_without_an_id_changes_nothing(api: Api) -> None:
    await api.edge.create()
    before = await counts(api)
    for variables, text in (
        ({"id": ""}, "id: required."), ({}, "id: required."), ({"id": None}, "id: required."),
        ({"id": {"a": 1}}, "id: string, got an object."),
    ):  # fmt: skip
        assert (await api.ask(CANCEL.graphql, variables)).message == text
    assert (await api.ask("mutation { cancelJob { id } }")).error == "invalid_input"
    for body, text in (
        ({}, ONE_SELECTOR), ({"jobID": ""}, ONE_SELECTOR), ({"jobID": None}, ONE_SELECTOR),
        ({"jobID": {"a": 1}}, "jobID: string, got an object."),
    ):  # fmt: skip
        answer = await api.ask(CANCEL.rest, body)
        assert (answer.status, answer.message) == (400, text)
    assert await counts(api) == before


@pytest.mark.parametrize("job_id", ["x", "23041407_RORjiJw7te", "00000000-0000-8000-8000-000000000000", "\u017e", "-1"])
async def test_b45_an_unknown_job_is_not_found(api: Api, job_id: str) -> None:
    unknown = ("not_found", f'Job "{job_id}" was not found.')
    for document in (CANCEL.graphql, "mutation ($id: ID!) { retryJob(id: $id) { id } }"):
        assert (await api.ask(document, {"id": job_id})).outcome == unknown
    rest = await api.ask(CANCEL.rest, {"jobID": job_id})
    if len(job_id) < 19:  # none of the forms of an id
        assert (rest.status, rest.error) == (400, "invalid_input")
        assert rest.message == f'{unknown[1]} Its id is a UUID, or 8 digits, "_" and 10 letters or digits.'
    else:
        assert (rest.status, rest.outcome) == (404, unknown)


async def test_b46_a_job_past_cancelling_is_refused_with_its_status(api: Api) -> None:
    for end in (api.edge.start_one, api.edge.run_one):
        job_id = await api.edge.create()
        await end()
        rest, graphql = await api.ask(CANCEL.rest, {"jobID": job_id}), await api.ask(CANCEL.graphql, {"id": job_id})
        assert (rest.status, graphql.outcome) == (400, ("invalid_input", rest.message))
        assert re.fullmatch(
            r"Job is (running and|already complete \(finished ).* nothing was cancelled\.", rest.message
        )


# -- listing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("limit", 0, "1–1000"),
        ("limit", -1, "1–1000"),
        ("limit", 1_000_000_000, "1–1000"),
        ("offset", -1, "0–2147483647"),
    ],
)
async def test_b57_a_page_out_of_bounds_is_refused(api: Api, field: str, value: int, allowed: str) -> None:
    rest = await api.ask(f"GET /edge/v1/proc/jobs?{field}={value}")
    graphql = await api.ask(f"{{ jobs({field}: {value}) {{ records {{ id }} }} }}")
    assert rest.status == 400
    assert rest.outcome == graphql.outcome == ("invalid_input", f"{field}: {allowed}, got {value}.")


# -- bodies --------------------------------------------------------------------------------------------------

POSTS = ((CREATE.rest, "jobs"), ("POST /v3/graphql", "query"))
BODIES: dict[str, tuple[str, str]] = {
    "B63 cut short": ('{"KEY":"{', "Body is not valid JSON: unexpected end at byte END."),
    "B63 empty": ("", "Body is not valid JSON: unexpected end at byte 0."),
    "B64 too deep": ("[" * 10_001, "JSON nested deeper than 64 at byte 64."),
    "B64 a long number": ('{"KEY":' + "9" * 5000 + "}", "number too large at byte VALUE."),
    "B64 NaN": ('{"KEY":NaN}', "NaN is not JSON (byte VALUE)."),
    "B64 infinity": ('{"KEY":Infinity}', "Infinity is not JSON (byte VALUE)."),
    "B65 duplicate key": ('{"KEY":1,"KEY":1}', 'duplicate key "KEY" at byte SECOND.'),
    "byte order mark": ("\ufeff{}", "Body is not valid JSON: it starts with a byte order mark; send plain UTF-8."),
}


@pytest.mark.parametrize("name", BODIES)
@mostly_on_sqlite
async def test_a_body_that_is_not_json_is_refused_with_the_same_message(api: Api, name: str) -> None:
    raw, text = BODIES[name]
    before = await counts(api)
    for post, key in POSTS:
        body = raw.replace("KEY", key).encode()
        expected = text.replace("KEY", key)
        for word, place in {"END": len(body), "VALUE": len(key) + 4, "SECOND": len(key) + 6}.items():
            expected = expected.replace(word, str(place))
        answer = await api.ask(post, body, content_type="application/json")
        assert (answer.status, *answer.outcome) == (400, "invalid_input", expected)
    assert await counts(api) == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
async def test_b63_json_is_read_under_any_label_and_what_is_not_json_is_refused(api: Api, kind: str) -> None:
    text = "Body is not valid JSON: unexpected end at byte 7."
    answer = await api.ask(CREATE.rest, b'{"query', content_type=kind)
    assert (answer.status, *answer.outcome) == (400, "invalid_input", text)
    answer = await api.ask("POST /v3/graphql", b'{"query', content_type=kind)
    advice = f' Content-Type is "{kind}"; send JSON like {{"query": "…"}}, a form, or multipart/form-data.'
    assert (answer.status, *answer.outcome) == (400, "invalid_input", text + advice)


async def test_b63_bytes_that_are_not_text_are_refused_with_the_same_message(api: Api) -> None:
    for post, key in POSTS:
        body = b'{"%b":"\xff"}' % key.encode()
        answer = await api.ask(post, body, content_type="application/json")
        assert answer.message == f"Body is not valid JSON: invalid UTF-8 at byte {body.index(255)}."


def _same(line: str) -> str:
    """Returns the line without what differs between the interfaces: prefixes of paths, names of tasks."""
    line = line.removeprefix("variables.in.").replace("jobs[0].", "")
    line = re.sub(r"cycle .* Routes", "cycle … Routes", line)
    return re.sub(r'task ".*" feeds', 'task "…" feeds', line)
