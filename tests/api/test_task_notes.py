"""Warnings and logs that an engine adds to a task, jobs put back into the queue, and the check of a document."""

import json
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.verbs import GRAPHQL
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids, task_notes
from enginehouse.domain.refs import Ref
from enginehouse.operations import job_deletion

WARN = """mutation($t: ID, $r: String!, $m: String, $about: ID) {
    appendWarningToTask(taskId: $t, reason: $r, message: $m, referenceId: $about) }"""
SHOWN = "query($t: ID!) { task(id: $t) { warnings { id reason message referenceId } log { text } } }"
LOG = "mutation($t: ID!) { createTaskLog(input: {taskId: $t}) { uri text jsondata } }"


async def new_task(api: Api) -> str:
    return ids.task_graphql(ids.parse_job(await api.edge.create()) or 0, 0)


async def add_log(api: Api, task: str, content: bytes | None) -> dict[str, Any]:
    form = {"query": LOG, "variables": json.dumps({"t": task})}
    files = {} if content is None else {"file": ("engine.log", content, "text/plain")}
    response = await api.graphql.http.post(GRAPHQL, data=form, files=files or None, headers=api.graphql.headers())
    body: dict[str, Any] = response.json()
    return body


async def test_a_warning_is_shown_with_its_task_and_in_the_history_of_its_job(api: Api) -> None:
    task = await new_task(api)
    made = [
        await api.graphql.ask(WARN, {"t": task, "r": f"r{n}", "m": None if n else "m", "about": "x"}) for n in (0, 1)
    ]
    first, second = (each["appendWarningToTask"] for each in made)
    assert (await api.graphql.ask(SHOWN, {"t": task}))["task"]["warnings"] == [
        {"id": first, "reason": "r0", "message": "m", "referenceId": "x"},
        {"id": second, "reason": "r1", "message": None, "referenceId": "x"},
    ]
    history = await api.v1.result(f"jobs/{task[:-5]}/events")
    assert [one["detail"] for one in history if one["kind"] == "warned"] == [
        {"reason": "r0", "message": "m", "referenceID": "x"}, {"reason": "r1", "referenceID": "x"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"r": " "}, "reason: must be given."),
        ({"r": "r", "m": "x" * 5000}, "message: must have at most 4096 characters, has 5000."),
        ({"r": "r" * 300, "about": "a" * 300}, "reason: must have at most 255 characters, has 300."),
        ({"r": "r", "t": None}, "taskId: required."),
    ],
)
async def test_a_warning_that_cannot_be_kept_is_refused(api: Api, given: dict[str, Any], message: str) -> None:
    task = await new_task(api)
    refused = await api.graphql.refused(WARN, {"t": task} | given)
    assert (refused["name"], refused["message"].splitlines()[0]) == ("invalid_input", message)
    assert (await api.graphql.ask(SHOWN, {"t": task}))["task"]["warnings"] == []


async def test_a_task_takes_a_bounded_number_of_notes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enginehouse.operations.task_notes.MOST_NOTES", 1)
    assert task_notes.MOST_NOTES > 1
    task = await new_task(api)
    await api.graphql.ask(WARN, {"t": task, "r": "r"})
    assert (await api.graphql.refused(WARN, {"t": task, "r": "r"}))["name"] == "capacity_exceeded"
    await add_log(api, task, b"one\n")
    refused = await add_log(api, task, b"two\n")
    assert refused["errors"][0]["name"] == "capacity_exceeded"
    assert (await api.graphql.ask(SHOWN, {"t": task}))["task"]["log"]["text"] == "one\n"


async def test_an_added_log_follows_those_of_the_attempts_and_goes_with_the_job(api: Api) -> None:
    task = await new_task(api)
    await api.edge.start_one()
    job_id = ids.parse_job(task[:-5]) or 0
    await api.house.store.put(f"jobs/1/{job_id}/0/logs/000000-001.log", b"attempt")
    for content in (b"first\n", b"second\n"):
        answer = await add_log(api, task, content)
    assert answer["data"]["createTaskLog"]["text"] == "attempt\nfirst\nsecond\n"
    assert (await api.edge.get(f"/proc/task/{task}/logs")).status_code == 200
    [entry] = [row for row in await api.audit() if row.event == "createTaskLog"][-1:]
    assert (entry.success, entry.object_id) == (True, f"{job_id}/0")
    await job_deletion.delete(api.house, await api.principal(), Ref.of(job_id))
    assert await api.house.store.keys(f"jobs/1/{job_id}/0/logs") == []


async def test_a_log_without_a_file_is_refused(api: Api) -> None:
    task = await new_task(api)
    answer = await add_log(api, task, None)
    assert answer["errors"][0]["message"] == "file: must be uploaded: the part `file` of a multipart request."


@pytest.mark.parametrize(
    ("document", "is_valid"),
    [
        ({}, True),
        ({"validationContracts": ["transcript"], "series": [
            {"startTimeMs": 0, "stopTimeMs": 1, "words": [{"word": "a"}]}]}, True),
        ({"validationContracts": ["sentiment", "text"], "sentiment": {"positiveValue": 1}, "object": [
            {"type": "text", "text": "a"}]}, True),
        ({"validationContracts": ["transcript"]}, False),
        ({"validationContracts": ["nothing"]}, False),
        ({"validationContracts": [1]}, False),
        ({"series": [{"startTimeMs": 0}]}, False),
        ({"series": [{"startTimeMs": True, "stopTimeMs": 1}]}, False),
        ({"object": [{"vendor": {}}]}, False),
        ({"object": {}}, False),
        ([], False),
        ("text", False),
    ],
)  # fmt: skip
@mostly_on_sqlite
async def test_a_document_of_results_is_checked(api: Api, document: Any, is_valid: bool) -> None:
    query = "mutation($d: JSONData!) { validateEngineOutput(input: $d) }"
    assert await api.graphql.ask(query, {"d": document}) == {"validateEngineOutput": is_valid}


async def test_a_note_that_is_sent_twice_with_one_key_is_added_once(api: Api) -> None:
    task = await new_task(api)
    warning = f'mutation {{ appendWarningToTask(taskId: "{task}", reason: "REASON") }}'
    first, second = [await api.ask(warning, idempotency_key="k") for _ in range(2)]
    assert first.result == second.result
    assert ["idempotent-replayed" in each.response.headers for each in (first, second)] == [False, True]
    assert "different request" in (await api.ask(warning.replace("REASON", "another"), idempotency_key="k")).message

    async def log(content: bytes) -> dict[str, Any]:
        query = f'mutation {{ createTaskLog(input: {{taskId: "{task}"}}, idempotencyKey: "l") {{ text }} }}'
        response = await api.graphql.http.post(
            GRAPHQL, data={"query": query}, files={"file": ("a.log", content)}, headers=api.graphql.headers()
        )
        body: dict[str, Any] = response.json()
        return body

    logs = [await log(b"one") for _ in range(2)]
    assert logs[0] == logs[1]
    assert "different request" in (await log(b"two"))["errors"][0]["message"]
    shown = (await api.graphql.ask(SHOWN, {"t": task}))["task"]
    assert (len(shown["warnings"]), shown["log"]["text"].count("one"), "two" in shown["log"]["text"]) == (1, 1, False)
    kept = [path for path in api.house.store.kept.rglob("added-*") if path.is_file()]  # type: ignore[attr-defined]
    assert len(kept) == 1
