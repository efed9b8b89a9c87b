"""Flows without a server: what is sent again and when, and what an answer means."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from enginehouse.client import RequestFailed, Retries, TaskSpec, job_flows
from enginehouse.client.calls import ClientCall, Flow, Lost, Pause, ServerInterface, ServerReply

RETRIES = Retries(tries=4, first=1.0, longest=3.0, patience=30.0, chance=lambda: 1.0)
HERE = ServerInterface("http://here", RETRIES)
AIWARE = ServerInterface("http://there", RETRIES, is_aiware=True)

CREATED = ServerReply(200, {}, b'{"internalJobIds": ["a"]}')
LOST = Lost("broken", is_sent=True)
REFUSED = Lost("nobody listens", is_sent=False)


def busy(status: int, code: str = "service_unavailable", after: int | None = None) -> ServerReply:
    headers = {} if after is None else {"retry-after": str(after)}
    return ServerReply(status, headers, json.dumps({"id": code, "description": "Later."}).encode())


def driven(flow: Flow[object], answers: Sequence[ServerReply | Lost]) -> tuple[list[ClientCall], list[float], object]:
    """Returns the calls and pauses of a flow that gets these answers, and its result or failure."""
    calls, pauses, left = list[ClientCall](), list[float](), list(answers)
    got: ServerReply | Lost | None = None
    try:
        while True:
            wanted = flow.send(got)
            got = None
            if isinstance(wanted, Pause):
                pauses.append(wanted.seconds)
            else:
                calls.append(wanted)
                got = left.pop(0)
    except StopIteration as end:
        assert left == []
        return calls, pauses, end.value
    except RequestFailed as failure:
        return calls, pauses, failure.code


def creation(to: ServerInterface = HERE, key: str | None = None) -> Flow[object]:
    return job_flows.create(to, [{"tasks": []}], key)


@pytest.mark.parametrize(
    ("make", "answers", "pauses", "ended"),
    [
        (creation, [CREATED], [], True),
        (creation, [LOST, REFUSED, busy(503), CREATED], [1.0, 2.0, 3.0], True),
        (creation, [busy(400, "idempotency_key_in_progress"), CREATED], [1.0], True),
        (creation, [busy(503, after=7), CREATED], [7.0], True),
        (creation, [busy(429, "rate_limit_exceeded", after=31)], [], "rate_limit_exceeded"),
        (creation, [LOST] * 4, [1.0, 2.0, 3.0], "unreachable"),
        (creation, [busy(400, "invalid_input")], [], "invalid_input"),
        (creation, [busy(500, "internal_error")], [], "internal_error"),
        # Without keys only what surely was not done is sent again.
        (lambda: creation(AIWARE), [REFUSED, busy(429, "rate_limit_exceeded"), CREATED], [1.0, 2.0], True),
        (lambda: creation(AIWARE), [LOST], [], "unreachable"),
        (lambda: creation(AIWARE), [busy(503)], [], "service_unavailable"),
    ],
)
def test_what_failed_for_a_while_is_sent_again(
    make: Callable[[], Flow[object]], answers: Sequence[ServerReply | Lost], pauses: Sequence[float], ended: object
) -> None:
    calls, waited, result = driven(make(), answers)
    assert len(calls) == len(answers)
    assert len(set(map(str, calls))) == 1, "each try is the same request, with the same key"
    assert waited == list(pauses)
    assert result == ended if isinstance(ended, str) else isinstance(result, list)


def test_each_creation_has_a_key_of_its_own_unless_one_is_given() -> None:
    keys = [driven(creation(), [CREATED])[0][0].key for _ in range(2)]
    assert None not in keys
    assert keys[0] != keys[1]
    assert driven(creation(key="mine"), [CREATED])[0][0].key == "mine"


def test_on_aiware_every_path_is_a_documented_one() -> None:
    job = ServerReply(200, {}, b'{"job": {"internalJobID": "a", "jobStatus": "complete"}}')
    page = ServerReply(200, {}, b'{"result": [], "count": 0}')
    count = ServerReply(200, {}, b'{"success": true, "count": 1}')
    pages = job_flows.JobPages(AIWARE, None, None, None)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    many = job_flows.cancel_many(
        AIWARE, now, now, organization="1", include_running=False, dry_run=False, confirm_count=None, key=None
    )
    for flow, answers in (
        (creation(AIWARE), [CREATED]),
        (job_flows.get(AIWARE, "a"), [job]),
        (job_flows.wait(AIWARE, "a", None), [job, job]),
        (job_flows.look(AIWARE, "a", {}), [job]),
        (pages.page(0, 10), [page]),
        (job_flows.cancel(AIWARE, "a", include_running=False), [count]),
        (many, [count]),
    ):
        calls, _, _ = driven(flow, answers)
        for call in calls:
            assert call.path.startswith("/edge/v1/proc/")
            assert call.key is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: job_flows.cancel(AIWARE, "a", include_running=True),
        lambda: job_flows.retry(AIWARE, "a", only_failed=True, key=None),
    ],
)
def test_what_aiware_has_not_is_refused_before_it_is_sent(make: Callable[[], Flow[object]]) -> None:
    with pytest.raises(NotImplementedError, match="aiWARE's interface has no operation to"):
        driven(make(), [])


def test_a_graph_is_sent_with_the_tasks_of_its_folders() -> None:
    tasks = [TaskSpec("a", {"x": 1}, outputs={"out": "chunk"}), TaskSpec("b", inputs={"in": "chunk"})]
    body = job_flows.body_of(tasks, [("out", "in")], "7", {"dueDateTime": 1})
    assert body["taskRoutes"] == [
        {"taskParentId": "0", "taskParentOutputId": "out", "taskChildId": "1", "taskChildInputId": "in"}
    ]
    assert (body["coreRecordingID"], body["dueDateTime"]) == ("7", 1)
    assert body["tasks"][0]["taskPayloadJSON"] == '{"x": 1}'
    with pytest.raises(ValueError, match="no output or input folder of a task is called 'in', 'out'"):
        job_flows.body_of(tasks, [("in", "out")], None, {})


def test_a_time_without_a_zone_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        job_flows.moment(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused


def test_an_answer_of_another_form_is_a_failure() -> None:
    for content in (b"<html>", b"[]", b'{"internalJobIds": 1}'):
        assert driven(creation(), [ServerReply(200, {}, content)])[2] == "error"
