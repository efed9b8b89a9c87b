"""The text of a REST job that comes again is not read again: nobody may notice, and no payload is kept."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.api.clients import Rest
from tests.api.samples import BATCH

from enginehouse.api.edge import job_input
from enginehouse.api.edge.job_cache import KnownJobs
from enginehouse.api.edge.job_shapes import CreateJobs
from enginehouse.api.http.json.decode import Body
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.job import JobRequest

BODY = Body(CreateJobs)
TEXT = st.sampled_from(
    ["", "1", '{"a":"b\\\\"}', '"taskPayloadJSON":"x"', "é\U0001f600", 'x"', "\\", "taskPayloadJSON"]
)
FOLDER = st.fixed_dictionaries({"type": st.just("input")}, optional={"correlationID": TEXT, "optionsJSON": TEXT})
TASK = st.fixed_dictionaries(
    {"engineId": st.sampled_from(["e", '"taskPayloadJSON":"x"'])},
    optional={
        "taskPayloadJSON": TEXT | st.none(),
        "payloadJSON": st.sampled_from(["", "1", "{"]),
        "ioFolders": st.lists(FOLDER, max_size=1),
        "TaskPayloadJSON": TEXT,
        "other": st.just({"taskPayloadJSON": "1"}),
    },
)
JOB = st.fixed_dictionaries(
    {"tasks": st.lists(TASK, max_size=3)},
    optional={
        "coreRecordingID": st.sampled_from(["t", 5, 0]),
        "coreSourceID": st.sampled_from(["s", ""]),
        "internalOrganizationID": st.sampled_from([1, ""]),
        "dueDateTime": st.sampled_from(["2026-01-01T00:00:00Z", "soon"]),
    },
)
PIECES = st.sampled_from(
    [
        b'"',
        b"\\",
        b",",
        b"}",
        b"]",
        b"\0",
        b"\\u0000",
        b'"taskPayloadJSON":',
        b'"jobs":[],',
        b'"tasks":[],',
        b" ",
        b"\xff",
    ]
)


def read(raw: bytes) -> tuple[CreateJobs, list[JobRequest], list[Problem]]:
    """Returns the body, the requests for its jobs and their problems as the server reads a new body."""
    body, problems = BODY.judged(raw)
    return body, [job_input.job(job, f"jobs[{n}].", problems) for n, job in enumerate(body.jobs)], problems


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_body_is_read_as_if_it_were_the_first(data: st.DataObject) -> None:
    known, found = KnownJobs(), 0
    jobs = data.draw(st.lists(JOB, min_size=1, max_size=3))
    for _ in range(8):
        separators = data.draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", ":")]))
        body = {"jobs": data.draw(st.lists(st.sampled_from(jobs), max_size=3))}
        for job in (again := json.loads(json.dumps(body)))["jobs"]:
            for task in job["tasks"]:
                if task.get("taskPayloadJSON"):
                    task["taskPayloadJSON"] = data.draw(TEXT)
        raw = json.dumps(again, separators=separators, ensure_ascii=data.draw(st.booleans())).encode()
        for each in (raw, _changed(data, raw)):
            before = known.find(each)
            try:
                whole, requests, problems = read(each)
            except InvalidInput:
                assert before is None
                continue
            if before is not None:
                assert (before, []) == (requests, problems)
                assert not any(job.core_source_id or job.internal_organization_id for job in whole.jobs)
                found += 1
            if not problems:
                known.learn(each, whole.jobs, requests)


def _changed(data: st.DataObject, raw: bytes) -> bytes:
    at = data.draw(st.integers(0, len(raw)))
    return raw[:at] + data.draw(PIECES) + raw[at + data.draw(st.sampled_from([0, 1, 10])) :]


def body(payload: str, engine: str = "e", **fields: Any) -> bytes:
    tasks = [{"engineId": engine, "taskPayloadJSON": payload}, {"engineId": engine}]
    return json.dumps({"jobs": [{"tasks": tasks, **fields}]}).encode()


def learnt(*bodies: bytes) -> KnownJobs:
    known = KnownJobs()
    for raw in bodies:
        whole, requests, problems = read(raw)
        assert not problems
        known.learn(raw, whole.jobs, requests)
    return known


def test_a_text_that_came_twice_is_known_with_another_payload_and_none_is_kept() -> None:
    assert learnt(body("secret")).find(body("secret")) is None
    known = learnt(body("secret"), body("other"))
    assert [request.tasks[0].payload_text for request in known.find(body("third")) or ()] == ["third"]
    assert "secret" not in repr(known._kept)
    assert "other" not in repr(known._kept)


@pytest.mark.parametrize(
    "raw",
    [
        body("1", coreJobID="a"),
        body("1").replace(b'"1"', b'"\\u0000"'),
        body("1").replace(b'"1"', b'"\\x"'),
        body("1").replace(b'"1"', b"1"),
        body("1").replace(b'"1"', b"\0"),
        body("1").replace(b'"1"', b'"1", "taskPayloadJSON": "2"'),
        body("1").replace(b'{"jobs"', b'{"jobs": [], "jobs"'),
        body("1").replace(b'{"jobs"', b'{"other": 1, "jobs"'),
        b'{"jobs": []}',
    ],
)
def test_what_differs_in_more_than_its_payloads_is_not_known(raw: bytes) -> None:
    known = learnt(body("1"), body("2"))
    assert known.find(body("1")) is not None
    assert known.find(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        body("1", coreSourceID="5"),
        body("1", internalOrganizationID=1),
        body("1").replace(b'"taskPayloadJSON"', b'"payloadJSON"'),
        body("1").replace(b': "1"', b':  "1"'),
        body("1").replace(b'"taskPayloadJSON":', b'"other": {"taskPayloadJSON": "1"}, "taskPayloadJSON": '),
    ],
    ids=["source", "organization", "other payload", "two spaces", "other fields"],
)
def test_what_more_is_to_be_found_out_about_is_not_kept(raw: bytes) -> None:
    assert learnt(raw, raw, raw).find(raw) is None


def test_the_texts_used_last_are_kept() -> None:
    known = learnt(*[body("1", "first")] * 2)
    for n in range(200):
        whole, requests, _ = read(body("1", f"e{n}"))
        for _ in range(2):
            known.learn(body("1", f"e{n}"), whole.jobs, requests)
        assert known.find(body("2", "first")) is not None
    assert len(known._kept) == 128


async def test_a_request_that_comes_again_creates_the_same_jobs(rest: Rest) -> None:
    """Also with other payloads, and with problems that only the plan finds."""
    folders = [{"correlationID": "in", "mode": "stream", "type": "input"}]
    stored = []
    for payload in ('{"n":1}', '{"n":2}', '{"n":3}', "", "{", '{"n":4}'):
        task = {"engineId": BATCH, "taskPayloadJSON": payload, "ioFolders": folders}
        headers = {"Authorization": f"Bearer {rest.token}"}
        answer = await rest.client.post("/proc/job/create", json={"jobs": [{"tasks": [task]}] * 2}, headers=headers)
        if payload == "{":
            paths = [problem["path"] for problem in answer.json()["errors"]]
            assert paths == [f"jobs[{n}].tasks[0].taskPayloadJSON" for n in range(2)]
            continue
        assert answer.status_code == 200, answer.text
        for job_id in answer.json()["internalJobIds"]:
            shown = (await rest.client.get(f"/proc/job/{job_id}/detail", headers=headers)).json()["job"]
            stored.append(shown["tasks"][0].get("taskPayloadJSON"))
    assert stored == ['{"n":1}'] * 2 + ['{"n":2}'] * 2 + ['{"n":3}'] * 2 + [None] * 2 + ['{"n":4}'] * 2
