"""The same mistake in GraphQL and in REST: the same words, paths in each one's own spelling, and nothing created.

The rows are those of the table of bad inputs (reliability §5).
"""

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.api.clients import TOKEN, Rest
from tests.api.samples import BATCH, FFMPEG, WEBSTREAM
from tests.api.samples import folder as rest_folder

from enginehouse.api.asgi import application
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database

Count = Callable[[], Awaitable[dict[str, int]]]
Job = dict[str, Any]
CREATE = "mutation ($in: CreateJob) { createJob(input: $in) { id } }"
TABLES = ("job", "job_document", "task", "work_item", "job_count", "event", "target", "asset")
DATE = "not a valid date-time (ISO 8601, Unix seconds or milliseconds)."
INT32 = "integer from -2147483648 to 2147483647"


@dataclass(frozen=True)
class Said:
    """A refusal as a client reads it: its HTTP status, the contract's name for it, and the sentence."""

    status: int
    name: str
    text: str


@dataclass(frozen=True)
class Both:
    """One client of each interface, on one house."""

    client: httpx.AsyncClient

    async def rest(self, job: Job) -> Said:
        return said_by_rest(await self.client.post("/edge/v1/proc/job/create", json={"jobs": [job]}))

    async def graphql(self, given: Job) -> Said:
        return await self.ask(CREATE, {"in": given})

    async def ask(self, query: str, variables: Any = None) -> Said:
        return said_by_graphql(await self.client.post("/v3/graphql", json={"query": query, "variables": variables}))


def said_by_rest(answer: httpx.Response) -> Said:
    body = answer.json()
    return Said(answer.status_code, body["id"], body["detail"])


def said_by_graphql(answer: httpx.Response) -> Said:
    [error] = answer.json()["errors"]
    return Said(answer.status_code, error["name"], error["message"])


@pytest.fixture
async def both(house: House) -> AsyncIterator[Both]:
    transport = httpx.ASGITransport(app=application(house))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield Both(client)


@pytest.fixture
def count(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Count:
    """How many rows each table has, asked beside the server."""

    async def on_sqlite() -> dict[str, int]:
        with closing(sqlite3.connect(tmp_path / "test.db")) as connection:
            return {name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in TABLES}

    async def on_postgres() -> dict[str, int]:
        connection = await asyncpg.connect(dsn)
        try:
            return {name: await connection.fetchval(f"SELECT COUNT(*) FROM {name}") for name in TABLES}
        finally:
            await connection.close()

    if database.dialect == "sqlite":
        return on_sqlite
    dsn = request.getfixturevalue("postgres_dsn")
    return on_postgres


# -- creating ------------------------------------------------------------------------------------------------


def rest_one(**fields: Any) -> Job:
    return {"tasks": [{"engineId": BATCH, **fields}]}


def graphql_one(**fields: Any) -> Job:
    return {"tasks": [{"engineId": BATCH, **fields}]}


def preferring(**fields: Any) -> Job:
    return graphql_one(executionPreferences=fields)


def graphql_folder(reference: str, mode: str, kind: str) -> Job:
    return {"referenceId": reference, "mode": mode, "type": kind}


Folder = tuple[str, str, str]


def graph(tasks: dict[str, list[Folder]], *routes: tuple[str, str]) -> tuple[Job, Job]:
    """The same graph for both: tasks with their folders, routes from folder to folder."""
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
    """One mistake in both spellings: the job, where it is wrong, and what is said about it."""

    jobs: tuple[Job, Job]
    paths: tuple[str, str]
    text: str
    status: int = 400
    name: str = "invalid_input"


def at_task(rest: Job, graphql: Job, text: str, field: str, other: str | None = None, **more: Any) -> Row:
    return Row((rest, graphql), (f"jobs[0].tasks[0].{field}", f"tasks[0].{other or field}"), text, **more)


def preference(field: str, value: Any, text: str) -> Row:
    jobs = (rest_one(**{field: value}), preferring(**{field: value}))
    return Row(jobs, (f"jobs[0].tasks[0].{field}", f"tasks[0].executionPreferences.{field}"), text)


def reference(value: str, text: str) -> Row:
    return at_task(
        rest_one(ioFolders=[rest_folder(value, "stream", "output")]),
        graphql_one(ioFolders=[graphql_folder(value, "stream", "output")]),
        text,
        "ioFolders[0].correlationID",
        "ioFolders[0].referenceId",
    )


def target(value: Any, text: str, **more: Any) -> Row:
    jobs = (rest_one() | {"coreRecordingID": value}, graphql_one() | {"targetId": value})
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
        rest_one(taskPayloadJSON=json.dumps("x" * (5 << 20))),
        graphql_one(payloadString=json.dumps("x" * (5 << 20))),
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
        rest_one(engineId="abc"),
        graphql_one(engineId="abc"),
        'engine "abc" does not exist or is not available to your organization.',
        "engineId",
        name="not_found",
    ),
    "B9 no engine": Row(
        ({"tasks": [{}]}, {"tasks": [{}]}), ("jobs[0].tasks[0]", "tasks[0]"), "give engineId or taskType."
    ),
    "B11 text that is no JSON": at_task(
        rest_one(taskPayloadJSON='{"a": 1 "b": 2}'),
        graphql_one(payloadString='{"a": 1 "b": 2}'),
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
        rest_one(ioFolders=[rest_folder("a", "strem", "output")]),
        graphql_one(ioFolders=[graphql_folder("a", "strem", "output")]),
        'stream or chunk, got "strem".',
        "ioFolders[0].mode",
    ),
    "a first status that is none": Row(
        (rest_one() | {"jobStatus": "complete"}, graphql_one() | {"status": "complete"}),
        ("jobs[0].jobStatus", "status"),
        'one of pending, queued, scheduled, got "complete".',
    ),
}


@pytest.mark.parametrize("name", ROWS)
async def test_a_wrong_job_is_told_in_the_same_words_and_not_created(both: Both, count: Count, name: str) -> None:
    row = ROWS[name]
    before = await count()
    rest, graphql = await both.rest(row.jobs[0]), await both.graphql(row.jobs[1])
    assert (rest.status, rest.name) == (row.status, row.name)
    assert graphql.status in {200, 400}
    assert graphql.name == row.name
    for said, path in ((rest.text, row.paths[0]), (graphql.text, row.paths[1])):
        [line] = [line for line in said.splitlines() if _same(line) == f"{_same(path)}: {row.text}"] or [said]
        assert _same(line) == f"{_same(path)}: {row.text}"
    assert len(rest.text.splitlines()) == len(graphql.text.splitlines())
    assert await count() == before


async def test_b21_target_and_target_id_are_one_too_many(both: Both, count: Count) -> None:
    # REST has no words for a target to make.
    before = await count()
    said = await both.graphql(graphql_one() | {"targetId": "1", "target": {"startDateTime": 1, "stopDateTime": 2}})
    assert (said.name, said.text) == ("invalid_input", "Give target or targetId, not both.")
    assert await count() == before


async def test_b22_a_foreign_target_is_like_an_unknown_one(both: Both, house: House, count: Count) -> None:
    theirs = await Rest(both.client, house, TOKEN).another_organization()
    made = await both.client.post(
        "/v3/graphql",
        json={"query": "mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"},
        headers={"Authorization": f"Bearer {theirs.token}"},
    )
    foreign = made.json()["data"]["createTDO"]["id"]
    before = await count()
    for spoken in (lambda word: both.rest(rest_one() | {"coreRecordingID": word}), _with_target(both)):
        assert _without(await spoken(foreign), foreign) == _without(await spoken("987654321"), "987654321")
    assert await count() == before


async def test_all_mistakes_of_a_job_are_told_together_by_both(both: Both) -> None:
    rest = await both.rest({"tasks": [{"engineId": "a", "maxRetries": -1}, {"engineId": "b"}]})
    graphql = await both.graphql(
        {"tasks": [{"engineId": "a", "executionPreferences": {"maxRetries": -1}}, {"engineId": "b"}]}
    )
    assert len(rest.text.splitlines()) == 3
    assert [_last(line) for line in rest.text.splitlines()] == [_last(line) for line in graphql.text.splitlines()]


async def test_b70_one_wrong_job_of_several_creates_none(both: Both, count: Count) -> None:
    before = await count()
    answer = await both.client.post("/edge/v1/proc/job/create", json={"jobs": [rest_one(), rest_one(engineId="abc")]})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == "jobs[1].tasks[0].engineId"
    assert await count() == before


# -- cancelling, retrying ------------------------------------------------------------------------------------


async def test_b44_a_cancel_without_an_id_changes_nothing(both: Both, count: Count) -> None:
    await both.client.post("/edge/v1/proc/job/create", json={"jobs": [rest_one()]})
    before = await count()
    with_id = "mutation ($id: ID!) { cancelJob(id: $id) { id } }"
    assert (await both.ask(with_id, {"id": ""})).text == "id: required."
    assert (await both.ask(with_id, {})).text == "id: required."
    assert (await both.ask(with_id, {"id": None})).text == "id: required."
    assert (await both.ask(with_id, {"id": {"a": 1}})).text == "id: string, got an object."
    assert (await both.ask("mutation { cancelJob { id } }")).name == "invalid_input"
    for body in ({}, {"jobID": ""}, {"jobID": None}):
        said = said_by_rest(await both.client.post("/edge/v1/proc/jobs/cancel", json=body))
        assert (said.status, said.text) == (400, _ONE_SELECTOR)
    said = said_by_rest(await both.client.post("/edge/v1/proc/jobs/cancel", json={"jobID": {"a": 1}}))
    assert said.text == "jobID: string, got an object."
    assert await count() == before


@pytest.mark.parametrize("job_id", ["x", "23041407_RORjiJw7te", "00000000-0000-8000-8000-000000000000", "\u017e", "-1"])
async def test_b45_an_unknown_job_is_not_found(both: Both, job_id: str) -> None:
    text = f'Job "{job_id}" was not found.'
    for verb in ("cancelJob", "retryJob"):
        graphql = await both.ask(f"mutation ($id: ID!) {{ {verb}(id: $id) {{ id }} }}", {"id": job_id})
        assert (graphql.name, graphql.text) == ("not_found", text)
    rest = said_by_rest(await both.client.post("/edge/v1/proc/jobs/cancel", json={"jobID": job_id}))
    assert rest == Said(404, "not_found", text)


async def test_b46_past_cancelling_is_told_with_the_status(both: Both, house: House) -> None:
    rest = Rest(both.client, house, TOKEN)
    for end in (rest.start_one, rest.run_one):
        created = await both.client.post("/edge/v1/proc/job/create", json={"jobs": [rest_one()]})
        [job_id] = created.json()["internalJobIds"]
        await end()
        by_rest = said_by_rest(await both.client.post("/edge/v1/proc/jobs/cancel", json={"jobID": job_id}))
        by_graphql = await both.ask("mutation ($id: ID!) { cancelJob(id: $id) { id } }", {"id": job_id})
        assert by_rest.status == 400
        assert by_graphql.name == "invalid_input"
        assert by_rest.text == by_graphql.text
        assert re.fullmatch(
            r"Job is (running and|already complete \(finished ).* nothing was cancelled\.", by_rest.text
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
async def test_b57_a_page_out_of_bounds_is_refused(both: Both, field: str, value: int, allowed: str) -> None:
    rest = said_by_rest(await both.client.get("/edge/v1/proc/jobs", params={field: value}))
    graphql = await both.ask(f"{{ jobs({field}: {value}) {{ records {{ id }} }} }}")
    assert rest == Said(400, "invalid_input", f"{field}: {allowed}, got {value}.")
    assert (graphql.name, graphql.text) == ("invalid_input", rest.text)


# -- bodies --------------------------------------------------------------------------------------------------

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
async def test_a_body_that_is_no_json_is_told_in_the_same_words(both: Both, count: Count, name: str) -> None:
    raw, text = BODIES[name]
    before = await count()
    for path, key, read in (
        ("/edge/v1/proc/job/create", "jobs", said_by_rest),
        ("/v3/graphql", "query", said_by_graphql),
    ):
        body = raw.replace("KEY", key).encode()
        places = {"END": len(body), "VALUE": len(key) + 4, "SECOND": len(key) + 6}
        expected = text.replace("KEY", key)
        for word, place in places.items():
            expected = expected.replace(word, str(place))
        said = read(await both.client.post(path, content=body, headers={"Content-Type": "application/json"}))
        assert said == Said(400, "invalid_input", expected)
    assert await count() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
async def test_b63_a_content_type_that_is_not_understood_is_named(both: Both, kind: str) -> None:
    headers = {"Content-Type": kind}
    rest = said_by_rest(await both.client.post("/edge/v1/proc/job/create", content=b"{}", headers=headers))
    graphql = said_by_graphql(await both.client.post("/v3/graphql", content=b"{}", headers=headers))
    beginning = f'Content-Type: "{kind}" is not understood; send application/json'
    assert rest == Said(400, "invalid_input", f"{beginning}.")
    assert graphql == Said(400, "invalid_input", f"{beginning} or multipart/form-data.")


async def test_b63_bytes_that_are_no_text_are_told_in_the_same_words(both: Both) -> None:
    headers = {"Content-Type": "application/json"}
    rest = await both.client.post("/edge/v1/proc/job/create", content=b'{"jobs":"\xff"}', headers=headers)
    graphql = await both.client.post("/v3/graphql", content=b'{"query":"\xff"}', headers=headers)
    assert said_by_rest(rest).text == "Body is not valid JSON: invalid UTF-8 at byte 9."
    assert said_by_graphql(graphql).text == "Body is not valid JSON: invalid UTF-8 at byte 10."


_ONE_SELECTOR = (
    "Give exactly one of jobID, scheduledJobID, or organizationID with createdAfterDateTime and createdBeforeDateTime."
)


def _with_target(both: Both) -> Callable[[str], Awaitable[Said]]:
    return lambda word: both.graphql(graphql_one() | {"targetId": word})


def _same(line: str) -> str:
    """What is left of a sentence without what belongs to one interface alone: prefixes of paths, names of tasks."""
    line = line.removeprefix("variables.in.").replace("jobs[0].", "")
    line = re.sub(r"cycle .* Routes", "cycle … Routes", line)
    return re.sub(r'task ".*" feeds', 'task "…" feeds', line)


def _without(said: Said, word: str) -> Said:
    return Said(said.status, said.name, said.text.replace(word, "ID"))


def _last(line: str) -> str:
    return line.partition(": ")[2]
