"""The job that an event creates: what stands for the data of the event, and where a chain of jobs ends."""

from typing import Any

import pytest

from enginehouse.domain.job import JobRequest, TargetRequest, TaskRequest
from enginehouse.domain.webhooks import job_action
from enginehouse.domain.webhooks.job_action import LONGEST_CHAIN

MESSAGE = {
    "eventName": "JobFailed",
    "status": "of the message",
    "data": {"targetId": "7", "status": 'it said "no" & {{jobId}}', "count": 3, "ok": True, "list": [1]},
}


def rendered(payload: Any, **fields: Any) -> JobRequest:
    request = JobRequest(tasks=(TaskRequest(engine_id="e", payload=payload),), **fields)
    return job_action.request(job_action.document(request), MESSAGE, ("s",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{eventName}}", "JobFailed"),
        ("{{status}}", 'it said "no" & {{jobId}}'),
        ("{{count}} {{ok}}", "3 true"),
        ("[{{list}}{{nothing}}]", "[]"),
        ("{{#if nothing}}a{{else}}b{{/if}}", "b"),
        ('"quoted" <&>', '"quoted" <&>'),
    ],
)
def test_texts_stand_for_the_data_of_the_event(text: str, expected: str) -> None:
    assert rendered({"deep": [text], "number": 1}).tasks[0].payload == {"deep": [expected], "number": 1}


def test_it_works_on_the_target_of_the_event_unless_it_names_one() -> None:
    assert rendered(None).target_id == "7"
    assert rendered(None, target_id="{{count}}").target_id == "3"
    described = rendered(None, target=TargetRequest(name="{{eventName}}", start_at=5))
    assert (described.target_id, described.target) == (None, TargetRequest(name="JobFailed", start_at=5))
    assert described.echo == {job_action.CHAIN: ["s"]}


def test_an_event_without_an_object_has_no_data() -> None:
    document = job_action.document(JobRequest(tasks=(TaskRequest(engine_id="e", payload="{{data}}"),)))
    request = job_action.request(document, {"data": "text"})
    assert (request.tasks[0].payload, request.target_id) == ("text", None)


def test_a_chain_has_each_subscription_once_and_an_end() -> None:
    assert job_action.loop("s", ()) is None
    assert job_action.loop("s", ("a", "b")) is None
    assert "itself created by this subscription" in (job_action.loop("s", ("a", "s", "b")) or "")
    full = tuple(f"{n}" for n in range(LONGEST_CHAIN))
    assert job_action.loop("s", full[1:]) is None
    assert "5 jobs have created each other" in (job_action.loop("s", full) or "")
