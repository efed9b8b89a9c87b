"""Webhooks: signatures, the schedule of attempts, and the conditions of subscriptions."""

import base64
import hashlib
import hmac
from itertools import pairwise
from typing import Any

import pytest

from enginehouse.domain.webhooks import conditions, delivery, retry, signature
from enginehouse.domain.webhooks.retry import SECOND, Answer

DOWN = Answer(None, "refused")


def attempts(answer: Answer, message: str = "m") -> list[int]:
    """The times of all attempts of a delivery that always gets this answer, from the first on (µs)."""
    at, made = 0, [0]
    while (following := retry.next_attempt(message, len(made), answer, now=at, expires_at=retry.WINDOW)) is not None:
        at = following
        made.append(at)
    return made


def test_the_signature_is_that_of_the_published_example() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = signature.headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_secret_is_replaced_both_sign() -> None:
    old, new = (signature.secret(b"key", 1, "", signature.new_salt()) for _ in range(2))
    assert old != new
    signatures = signature.headers([new, old], "id", 5, b"{}")["webhook-signature"].split(" ")
    for secret, given in zip((new, old), signatures, strict=True):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        assert len(key) == 32
        expected = base64.b64encode(hmac.new(key, b"id.5.{}", hashlib.sha256).digest()).decode()
        assert given == f"v1,{expected}"


def test_a_receiver_that_is_away_for_a_day_is_tried_afterwards() -> None:
    made = attempts(DOWN)
    assert made[-1] == retry.WINDOW >= 24 * 3_600 * SECOND
    assert len(made) in range(12, 18)
    pauses = [later - earlier for earlier, later in pairwise(made[:-1])]
    assert pauses[0] in range(4 * SECOND, 6 * SECOND + 1)
    assert pauses[:9] == sorted(pauses[:9])  # they grow, whatever the jitter


def test_the_jitter_depends_on_the_message_alone() -> None:
    assert attempts(DOWN, "m") == attempts(DOWN, "m")
    assert len({attempts(DOWN, f"m{n}")[1] for n in range(20)}) == 20


@pytest.mark.parametrize(
    ("wish", "seconds"), [(60.0, 60), (10.0**9, 3_600), (0.0, None)], ids=["obeyed", "within reason", "not shorter"]
)
def test_retry_after_is_obeyed_within_reason(wish: float, seconds: int | None) -> None:
    at = retry.next_attempt("m", 1, Answer(503, "busy", wish), now=0, expires_at=retry.WINDOW)
    plain = retry.next_attempt("m", 1, Answer(503, "busy"), now=0, expires_at=retry.WINDOW)
    assert at == (plain if seconds is None else seconds * SECOND)


def test_a_receiver_that_is_gone_is_not_tried_again() -> None:
    assert retry.next_attempt("m", 1, Answer(410, "gone"), now=0, expires_at=retry.WINDOW) is None


def test_a_destination_is_left_alone_after_failures_for_longer_and_longer() -> None:
    assert [retry.open_seconds(n) for n in (1, 4, 5, 6, 7, 50)] == [None, None, 30, 60, 120, 600]
    outages = [(None, True), (503, True), (429, True), (404, False), (302, False), (200, False), (410, False)]
    assert [Answer(status, "").is_outage for status, _ in outages] == [is_one for _, is_one in outages]


def test_a_destination_is_a_server_and_a_queue_is_one_receiver_of_one_job() -> None:
    assert delivery.destination("https://H.example:8443/a?b=c#d") == "https://h.example:8443"
    names = {
        delivery.queue(owner, subscription, job, url)
        for owner in (1, 2)
        for subscription in (None, "s")
        for job in (None, 7)
        for url in ("https://h/a", "https://h/b")
    }
    assert len(names) == 16


MESSAGE: dict[str, Any] = {
    "eventName": "JobFailed",
    "data": {"status": "failed", "jobId": "j", "count": 3, "flag": True, "tags": ["a", "b"], "deep": {"er": "x"}},
}


def leaf(field: str, operator: str, value: object) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


YES, NO = leaf("status", "eq", "failed"), leaf("status", "eq", "complete")
TREES: list[tuple[Any, bool]] = [
    (None, True),
    ({}, True),
    (YES, True),
    (NO, False),
    (leaf("data.status", "eq", "failed"), True),
    (leaf("eventName", "eq", "JobFailed"), True),
    (leaf("deep.er", "eq", "x"), True),
    (leaf("deep.er.er", "eq", "x"), False),
    (leaf("absent", "eq", None), True),
    (leaf("count", "gt", 2), True),
    (leaf("count", "gte", 3), True),
    (leaf("count", "lt", 3), False),
    (leaf("count", "lte", 3), True),
    (leaf("count", "gt", "2"), False),
    (leaf("count", "eq", 3.0), True),
    (leaf("flag", "eq", 1), False),
    (leaf("flag", "eq", True), True),
    (leaf("flag", "gt", 0), False),
    (leaf("status", "neq", "failed"), False),
    (leaf("status", "in", ["complete", "failed"]), True),
    (leaf("status", "in", []), False),
    (leaf("tags", "contains", "a"), True),
    (leaf("status", "contains", "ail"), True),
    (leaf("count", "contains", "3"), False),
    ({"operator": "and", "conditions": [YES, NO]}, False),
    ({"operator": "and", "conditions": [YES, YES]}, True),
    ({"operator": "or", "conditions": [NO, YES]}, True),
    ({"operator": "or", "conditions": [NO, NO]}, False),
    ({"operator": "not", "conditions": [NO]}, True),
    ({"operator": "and", "conditions": [YES, {"operator": "or", "conditions": [NO, YES]}]}, True),
]


@pytest.mark.parametrize(("tree", "expected"), TREES, ids=str)
def test_conditions_decide_from_the_message(tree: Any, *, expected: bool) -> None:
    assert conditions.problems(tree, "conditions") == []
    assert conditions.matches(tree, MESSAGE) is expected


def nested(depth: int) -> Any:
    return YES if depth == 1 else {"operator": "not", "conditions": [nested(depth - 1)]}


WRONG: list[tuple[Any, list[str]]] = [
    ("text", ["c"]),
    ([YES], ["c"]),
    ({"operator": "xor", "field": "a", "value": 1}, ["c.operator"]),
    ({"operator": ["eq"], "field": "a", "value": 1}, ["c.operator"]),
    ({"operator": "eq"}, ["c.field", "c.value"]),
    ({"operator": "in", "field": "a", "value": "b"}, ["c.value"]),
    ({"operator": "and", "conditions": []}, ["c.conditions"]),
    ({"operator": "not", "conditions": [YES, NO]}, ["c.conditions"]),
    ({"operator": "or", "conditions": [YES, {"operator": "eq", "field": "a"}, 5]},
     ["c.conditions[1].value", "c.conditions[2]"]),
    (nested(conditions.MOST_DEPTH + 1), ["c" + ".conditions[0]" * conditions.MOST_DEPTH]),
    ({"operator": "or", "conditions": [YES] * conditions.MOST_NODES}, ["c"]),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "paths"), WRONG, ids=lambda value: str(value)[:60])
def test_wrong_conditions_are_refused_with_the_paths_of_what_is_wrong(tree: Any, paths: list[str]) -> None:
    assert [problem.path for problem in conditions.problems(tree, "c")] == paths


def test_the_deepest_and_the_largest_conditions_are_allowed() -> None:
    assert conditions.problems(nested(conditions.MOST_DEPTH), "c") == []
    assert conditions.problems({"operator": "or", "conditions": [YES] * (conditions.MOST_NODES - 1)}, "c") == []
