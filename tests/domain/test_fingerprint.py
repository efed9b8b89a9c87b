"""The same request has the same digest on both interfaces; requests that differ have different digests."""

from typing import Any

import msgspec
import pytest
from msgspec import structs

from enginehouse.api.edge import job_input
from enginehouse.api.edge.job_shapes import CreateJob
from enginehouse.api.input.jobs import job_request
from enginehouse.domain import fingerprint
from enginehouse.domain.job import FolderRequest, JobRequest, RouteRequest, TargetRequest, TaskRequest

TASK = TaskRequest(
    engine_id="e",
    payload={"a": 1, "b": [1.5, None]},
    folders=(FolderRequest(reference="out", mode="stream", type="output"),),
    echo={"buildId": "7"},
)
JOB = JobRequest(
    tasks=(TASK,), routes=(RouteRequest(parent_folder="out", child_folder="in"),), target=TargetRequest(name="t")
)


def digest(*requests: JobRequest) -> str:
    return fingerprint.digest(fingerprint.jobs(requests))


def test_both_interfaces_ask_the_same() -> None:
    payload = {"url": "https://h.example/a.mp4", "share": 0.5, "many": [1, 2], "none": None}
    rest: dict[str, Any] = {
        "coreRecordingID": "123",
        "tasks": [
            {
                "engineId": "e",
                "taskPayloadJSON": msgspec.json.encode(dict(reversed(payload.items()))).decode(),
                "priority": -5,
                "maxRetries": 2,
                "parallelProcessing": True,
                "ioFolders": [{"correlationID": "out", "mode": "stream", "type": "output"}],
            },
            {"engineId": "f", "ioFolders": [{"correlationID": "in", "mode": "stream", "type": "input"}]},
        ],
        "taskRoutes": [{"taskParentOutputId": "out", "taskChildInputId": "in"}],
    }
    graphql: dict[str, Any] = {
        "targetId": "123",
        "tasks": [
            {
                "engineId": "e",
                "payload": payload,
                "executionPreferences": {"priority": -5, "maxRetries": 2, "parallelProcessing": True},
                "ioFolders": [{"referenceId": "out", "mode": "stream", "type": "output"}],
            },
            {"engineId": "f", "ioFolders": [{"referenceId": "in", "mode": "stream", "type": "input"}]},
        ],
        "routes": [{"parentIoFolderReferenceId": "out", "childIoFolderReferenceId": "in"}],
    }
    ours = job_input.job(msgspec.convert(rest, CreateJob), "jobs[0].", [])
    assert digest(ours) == digest(job_request(graphql))
    only_json = {**rest["tasks"][0], "payloadJSON": rest["tasks"][0]["taskPayloadJSON"]}
    del only_json["taskPayloadJSON"]
    other = job_input.job(msgspec.convert({**rest, "tasks": [only_json, rest["tasks"][1]]}, CreateJob), "jobs[1].", [])
    assert digest(other) == digest(ours)


def test_the_order_of_keys_and_the_place_in_a_request_say_nothing() -> None:
    turned = structs.replace(TASK, payload={"b": [1.5, None], "a": 1})
    assert digest(structs.replace(JOB, tasks=(turned,), prefix="jobs[3].")) == digest(JOB)


@pytest.mark.parametrize("nothing", [0, False, "", None, []])
def test_a_kept_field_that_says_nothing_is_as_one_left_out(nothing: Any) -> None:
    task = structs.replace(TASK, echo={**TASK.echo, "isClone": nothing})
    assert digest(structs.replace(JOB, tasks=(task,), echo={"retries": nothing})) == digest(JOB)


def test_a_payload_as_text_is_the_json_in_it() -> None:
    text = structs.replace(TASK, payload=None, payload_text=' {"b": [1.5, null], "a": 1}')
    assert digest(structs.replace(JOB, tasks=(text,))) == digest(JOB)


DIFFERENT: dict[str, Any] = {
    "engine_id": "other", "task_type": "t", "payload": {"a": 2}, "payload_text": '{"a": 2}', "reference": "r",
    "folders": (), "priority": 1, "max_retries": 0, "max_engines": 1, "parallel": False, "parents_first": True,
    "due_at": 1, "timeout_seconds": 1, "status": "queued", "name": "n", "standby": TASK, "echo": {"buildId": "8"},
}  # fmt: skip


@pytest.mark.parametrize("field", TaskRequest.__struct_fields__)
def test_every_field_of_a_task_says_something(field: str) -> None:
    changed = structs.replace(TASK, **{field: DIFFERENT[field]})
    assert digest(structs.replace(JOB, tasks=(changed,))) != digest(JOB)
    standing_by = structs.replace(TASK, standby=TASK)
    other = structs.replace(TASK, standby=changed)
    assert digest(structs.replace(JOB, tasks=(standing_by,))) != digest(structs.replace(JOB, tasks=(other,)))


@pytest.mark.parametrize(
    "changed",
    [
        {"tasks": (TASK, TASK)},
        {"routes": ()},
        {"routes": (RouteRequest(parent_folder="out", child_folder="in", options={}),)},
        {"target": TargetRequest(name="u")},
        {"target": TargetRequest(name="t", echo={"assets": [{"uri": "https://h.example"}]})},
        {"target": None},
        {"target_id": "1"},
        {"status": "queued"},
        {"name": "n"},
        {"due_at": 1},
        {"echo": {"coreID": "1"}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_part_of_a_job_says_something(changed: dict[str, Any]) -> None:
    assert digest(structs.replace(JOB, **changed)) != digest(JOB)


def test_two_jobs_are_not_one() -> None:
    assert digest(JOB, JOB) != digest(JOB)


@pytest.mark.parametrize("wrong", ["\ud800", object()])
def test_what_json_cannot_hold_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        fingerprint.digest([wrong])
