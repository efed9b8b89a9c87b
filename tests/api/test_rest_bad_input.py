"""Wrong requests: each gets its status and exact text, and creates nothing (reliability §5)."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.api.clients import Rest, warnings
from tests.api.samples import folder, single, transcription
from tests.thorough import mostly_on_sqlite

from enginehouse.api.edge.jobs import STATUSES

Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> dict[str, Any]:
    job = copy.deepcopy(transcription())
    change(job)
    return job


def task(number: int, **fields: Any) -> Change:
    return lambda job: job["tasks"][number].update(fields)


def route(number: int, **fields: Any) -> Change:
    return lambda job: job["taskRoutes"][number].update(fields)


def in_folder(number: int, position: int, **fields: Any) -> Change:
    return lambda job: job["tasks"][number]["ioFolders"][position].update(fields)


WRONG_JOBS: dict[str, tuple[Change, str]] = {
    "B1 no tasks": (lambda job: job.update(tasks=[], taskRoutes=[]), "jobs[0].tasks: at least 1 task is required."),
    "B1 tasks missing": (lambda job: job.pop("tasks"), "jobs[0].tasks: at least 1 task is required."),
    "B4 payload too large": (
        task(3, taskPayloadJSON='"' + "x" * (5 << 20) + '"'),
        "jobs[0].tasks[3].taskPayloadJSON: 5.0 MiB, at most 1 MiB.",
    ),
    "B7 unknown engine": (
        task(2, engineId="abc"),
        'jobs[0].tasks[2].engineId: engine "abc" does not exist or is not available to your organization.',
    ),
    "B11 text that is no JSON": (
        task(1, taskPayloadJSON='{"a": 1 "b": 2}'),
        "jobs[0].tasks[1].taskPayloadJSON: not valid JSON at line 1 column 9 (expected a comma).",
    ),
    "B11 the other payload field": (
        task(1, taskPayloadJSON=None, payloadJSON="{'a'}"),
        "jobs[0].tasks[1].payloadJSON: not valid JSON at line 1 column 2 (expected a name in double quotes).",
    ),
    "B12 dangling folder": (
        route(3, taskChildInputId="ow-inn"),
        'jobs[0].taskRoutes[3].taskChildInputId: "ow-inn" matches no ioFolder. Did you mean "ow-in"?',
    ),
    "B14 modes differ": (
        in_folder(3, 0, mode="stream"),
        'jobs[0].taskRoutes[3]: "engine-out" is chunk but "ow-in" is stream.',
    ),
    "B17 duplicate task reference": (
        task(3, correlationTaskId="wsa"),
        "jobs[0].tasks[3].correlationTaskId: duplicate of jobs[0].tasks[0].",
    ),
    "B23 a status that is no beginning": (
        lambda job: job.update(jobStatus="complete"),
        'jobs[0].jobStatus: one of pending, queued, scheduled, got "complete".',
    ),
    "B25 priority too large": (
        task(0, priority=3_000_000_000),
        "jobs[0].tasks[0].priority: integer from -2147483648 to 2147483647, got 3000000000.",
    ),
    "B25 priority a word": (
        task(0, priority="high"),
        'jobs[0].tasks[0].priority: integer from -2147483648 to 2147483647, got "high".',
    ),
    "B25 priority a fraction": (
        task(0, priority=1.5),
        "jobs[0].tasks[0].priority: integer from -2147483648 to 2147483647, got 1.5.",
    ),
    "B25 priority a truth": (
        task(0, priority=True),
        "jobs[0].tasks[0].priority: integer from -2147483648 to 2147483647, got true.",
    ),
    "B26 retries below": (task(0, maxRetries=-1), "jobs[0].tasks[0].maxRetries: 0–100, got -1."),
    "B26 retries above": (task(0, maxRetries=1_000_000), "jobs[0].tasks[0].maxRetries: 0–100, got 1000000."),
    "B29 no such day": (
        lambda job: job.update(dueDateTime="2026-02-30"),
        "jobs[0].dueDateTime: not a valid date-time (ISO 8601, Unix seconds or milliseconds).",
    ),
    "B29 a negative epoch": (
        task(1, dueDateTime=-5),
        "jobs[0].tasks[1].dueDateTime: not a valid date-time (ISO 8601, Unix seconds or milliseconds).",
    ),
    "B61 a control character": (
        task(1, correlationTaskId="abc\x07"),
        "jobs[0].tasks[1].correlationTaskId: character U+0007 at position 4 is not allowed.",
    ),
    "B61 NUL": (
        task(1, correlationTaskId="abc\0"),
        "jobs[0].tasks[1].correlationTaskId: character U+0000 at position 4 is not allowed.",
    ),
    "B61 only spaces": (task(1, correlationTaskId="  "), "jobs[0].tasks[1].correlationTaskId: only spaces."),
    "B62 a number as an id": (task(1, engineId=7), "jobs[0].tasks[1].engineId: string, got 7."),
    "B62 a target id beyond 63 bits": (
        lambda job: job.update(coreRecordingID=str(1 << 63)),
        "jobs[0].coreRecordingID: malformed.",
    ),
    "tasks that are no list": (lambda job: job.update(tasks={"a": 1}), "jobs[0].tasks: list, got an object."),
    "a folder that is no object": (
        lambda job: job["tasks"][0].update(ioFolders=["x"]),
        'jobs[0].tasks[0].ioFolders[0]: object, got "x".',
    ),
    "a mode that is none": (
        in_folder(0, 0, mode="strem"),
        'jobs[0].tasks[0].ioFolders[0].mode: stream or chunk, got "strem".',
    ),
}


NAMED = {"B4 payload too large": ("invalid_input", 413), "B7 unknown engine": ("not_found", 400)}


@pytest.mark.parametrize("name", WRONG_JOBS)
@mostly_on_sqlite
async def test_a_wrong_job_is_refused_in_these_words_and_not_created(rest: Rest, name: str) -> None:
    change, expected = WRONG_JOBS[name]
    answer = await rest.post("/proc/job/create", {"jobs": [changed(change)]})
    named, status = NAMED.get(name, ("invalid_input", 400))
    assert answer.status_code == status
    assert expected in answer.json()["detail"].splitlines()
    assert answer.json()["id"] == named
    assert (await rest.get("/proc/jobs")).json()["count"] == 0


async def test_a_cycle_is_named(rest: Rest) -> None:
    def loop(job: dict[str, Any]) -> None:
        job["tasks"][1]["ioFolders"].append(folder("back-in", "chunk", "input"))
        job["tasks"][2]["ioFolders"].append(folder("back-out", "chunk", "output"))
        job["taskRoutes"].append(
            {
                "taskParentId": "engine",
                "taskParentOutputId": "back-out",
                "taskChildId": "chunk",
                "taskChildInputId": "back-in",
            }
        )

    answer = await rest.post("/proc/job/create", {"jobs": [changed(loop)]})
    assert answer.status_code == 400
    assert "cycle chunk → engine → chunk. Routes must form a DAG." in answer.json()["detail"]


async def test_all_problems_of_a_request_are_listed_with_their_paths(rest: Rest) -> None:
    job = changed(lambda job: [task(0, priority="a")(job), task(2, maxEngines="b", ioFolders=3)(job)])
    answer = (await rest.post("/proc/job/create", {"jobs": [job]})).json()
    assert [problem["path"] for problem in answer["errors"]] == [
        "jobs[0].tasks[0].priority",
        "jobs[0].tasks[2].ioFolders",
        "jobs[0].tasks[2].maxEngines",
    ]
    assert answer["errors"][1]["value"] == "3"
    assert answer["description"] == answer["errors"][0]["message"]


async def test_at_most_fifty_problems_are_listed(rest: Rest) -> None:
    job = {"tasks": [{"engineId": 1} for _ in range(200)]}
    assert len((await rest.post("/proc/job/create", {"jobs": [job]})).json()["errors"]) == 50


async def test_a_past_due_date_is_a_warning(rest: Rest) -> None:
    answer = await rest.post("/proc/job/create", {"jobs": [single() | {"dueDateTime": "2020-01-01T00:00:00"}]})
    assert answer.status_code == 200
    [warning] = warnings(answer)
    assert warning.startswith("jobs[0].dueDateTime: 2020-01-01T00:00:00Z is in the past (server time ")


async def test_an_unknown_target_is_not_found(rest: Rest) -> None:
    answer = await rest.post("/proc/job/create", {"jobs": [single() | {"coreRecordingID": 123}]})
    assert answer.status_code == 404
    assert '"123" was not found.' in answer.json()["detail"]


BODIES: dict[str, tuple[bytes, str]] = {
    "B63 cut short": (b'{"jobs":[', "Body is not valid JSON: unexpected end at byte 9."),
    "B63 empty": (b"", "Body is not valid JSON: unexpected end at byte 0."),
    "B63 not UTF-8": (b'{"jobs":"\xff"}', "Body is not valid JSON: invalid UTF-8 at byte 9."),
    "B63 missing jobs": (b"{}", "jobs: required."),
    "B63 no jobs": (b'{"jobs":[]}', "jobs: at least 1 required."),
    "B63 a list": (b"[]", "object, got a list."),
    "B64 too deep": (b"[" * 10_001, "JSON nested deeper than 64 at byte 64."),
    "B64 a long number": (b'{"jobs":' + b"9" * 5000 + b"}", "number too large at byte 8."),
    "B64 NaN": (b'{"jobs":NaN}', "NaN is not JSON (byte 8)."),
    "B65 duplicate key": (b'{"jobs":[{"tasks":[],"tasks":[]}]}', 'duplicate key "tasks" at byte 21.'),
    "byte order mark": (
        b'\xef\xbb\xbf{"jobs":[]}',
        "Body is not valid JSON: it starts with a byte order mark; send plain UTF-8.",
    ),
    "UTF-16": ('{"jobs":[]}'.encode("utf-16"), "Body is not valid JSON: it is UTF-16 or UTF-32; send UTF-8."),
}


@pytest.mark.parametrize("name", BODIES)
@mostly_on_sqlite
async def test_a_wrong_body_is_refused_in_these_words(rest: Rest, name: str) -> None:
    raw, expected = BODIES[name]
    answer = await rest.post("/proc/job/create", raw=raw)
    assert (answer.status_code, answer.json()["detail"]) == (400, expected)


LISTS: dict[str, tuple[dict[str, str], str]] = {
    "B57 limit 0": ({"limit": "0"}, "limit: 1–1000, got 0."),
    "B57 limit above": ({"limit": "1000000000"}, "limit: 1–1000, got 1000000000."),
    "B57 limit below": ({"limit": "-1"}, "limit: 1–1000, got -1."),
    "B57 limit a word": ({"limit": "ten"}, "limit: 1–1000, got ten."),
    "B57 offset": ({"offset": "99999999999999"}, "offset: 0–2147483647, got 99999999999999."),
    "B58 order": ({"orderBy": "id; DROP TABLE job"}, "orderBy: one of createdDateTime, modifiedDateTime."),
    "direction": ({"direction": "up"}, 'direction: one of ASC, DESC, got "up".'),
    "status": (
        {"status": "bogus"},
        "status: one of " + ", ".join(STATUSES) + ', got "bogus".',
    ),
    "date": (
        {"CreatedAfter": "yesterday"},
        "CreatedAfter: not a valid date-time (ISO 8601, Unix seconds or milliseconds).",
    ),
    "two at once": (
        {"limit": "0", "orderBy": "x"},
        "limit: 1–1000, got 0.\norderBy: one of createdDateTime, modifiedDateTime.",
    ),
}


@pytest.mark.parametrize("name", LISTS)
@mostly_on_sqlite
async def test_a_wrong_list_parameter_is_refused_in_these_words(rest: Rest, name: str) -> None:
    parameters, expected = LISTS[name]
    answer = await rest.get("/proc/jobs", params=parameters)
    assert (answer.status_code, answer.json()["detail"]) == (400, expected)


async def test_a_text_without_the_form_of_an_id_is_refused_with_its_forms_and_an_unknown_id_is_not_found(
    rest: Rest,
) -> None:
    malformed = ("x", "0", "%00", "a" * 300, "ž", "24112424_AAAAAAAAA-")
    unknown = ("00000000-0000-8000-8000-000000000000", "24112424_AAAAAAAAAA")
    for text in malformed + unknown:
        for path in (f"/proc/job/{text}/status", f"/proc/job/{text}/detail", f"/proc/job/{text}/outputs"):
            answer = await rest.get(path)
            assert answer.status_code == (404 if text in unknown else 400), path
            forms = 'Its id is a UUID, or 8 digits, "_" and 10 letters or digits.'
            assert answer.json()["detail"].endswith("was not found." if text in unknown else forms)
    for text in ("x", unknown[1]):
        assert (await rest.get(f"/proc/task/{text}/detail")).status_code == 400
    assert (await rest.get(f"/proc/task/{unknown[0]}/detail")).status_code == 404
    assert (await rest.get(f"/proc/job/{await rest.create()}/output/x")).status_code == 404
