"""Items, attempts of a whole job, parts of logs, and other payloads for a retry: the same over both interfaces."""

from tests.api.clients import Api
from tests.api.samples import BATCH

from enginehouse.domain import ids
from enginehouse.domain.artifact import log_key
from enginehouse.domain.retry import FailureKind

SEEN = """query ($id: ID!) { job(id: $id) { attempts { taskId item number outcome }
  tasks { records { items(limit: 10) { next counts { complete failed queued }
    records { item status number failureReason } }
    attemptLog(number: 1) { text offset next size isOver } } } } }"""
AFTER = "query ($id: ID!, $after: String) { job(id: $id) { attempts(after: $after) { number } } }"
NO_LIMIT = "query ($id: ID!) { job(id: $id) { attempts(after: null, limit: null) { number } } }"
AGAIN = """mutation ($id: ID!, $payloads: [PayloadOfTask!]) {
  retryJob(id: $id, payloads: $payloads) { retryOf tasks { records { payload } } } }"""
CREATED = {
    "tasks": [{"engineId": BATCH, "payloadJSON": '{"a": 1}', "maxRetries": 0}, {"engineId": BATCH, "maxRetries": 0}]
}


async def half_failed(api: Api) -> str:
    """A job of two tasks, of which the first is complete and the second failed; the first has printed something."""
    job = await api.edge.create(CREATED)
    number = ids.parse_job(job) or 0
    await api.house.store.append(log_key(1, number, 0, 0, 1), 0, b"one\ntwo\n")
    await api.edge.run_one(("a.txt", "text/plain", b"said"))
    await api.edge.fail_one(FailureKind.INVALID_DATA)
    return job


async def test_both_interfaces_show_the_same_items_attempts_and_logs(api: Api) -> None:
    job = await half_failed(api)
    seen = (await api.graphql.ask(SEEN, {"id": job}))["job"]
    first, second = seen["tasks"]["records"]
    assert first["items"]["counts"] == {"complete": 1, "failed": 0, "queued": 0}
    assert second["items"]["records"] == [{"item": 0, "status": "failed", "number": 1, "failureReason": "invalid_data"}]
    assert first["attemptLog"] == {"text": "one\ntwo\n", "offset": 0, "next": 8, "size": 8, "isOver": True}
    assert [(each["item"], each["number"], each["outcome"]) for each in seen["attempts"]] == [
        (0, 1, "complete"), (0, 1, "failed"),
    ]  # fmt: skip
    assert (await api.graphql.ask(NO_LIMIT, {"id": job}))["job"]["attempts"] == [{"number": 1}, {"number": 1}]

    async def own(path: str) -> object:
        return (await api.ask(f"GET /api/v1/jobs/{job}/{path}")).result

    attempts = (await api.ask(f"GET /api/v1/jobs/{job}/attempts")).result
    assert [(each["task"], each["outcome"]) for each in attempts] == [(0, "complete"), (1, "failed")]
    assert await own("attempts?after=0.0.1") == attempts[1:]
    items = (await api.ask(f"GET /api/v1/jobs/{job}/tasks/1/items?status=failed")).result
    assert items["counts"]["failed"] == len(items["items"]) == 1
    part = (await api.ask(f"GET /api/v1/jobs/{job}/tasks/0/attempts/0/1/log/part?offset=4")).result
    assert part == {"text": "two\n", "offset": 4, "next": 8, "size": 8, "isOver": True}


async def test_what_is_wrong_is_named_with_what_is_allowed(api: Api) -> None:
    job = await half_failed(api)
    for path, words in (
        ("attempts?after=x", "after"),
        ("tasks/0/items?status=done&limit=0", "status"),
        ("tasks/0/attempts/0/1/log/part?offset=9", "the log ends at 8, got 9"),
        ("tasks/0/attempts/0/1/log/part?limit=1", "limit"),
    ):
        answer = await api.ask(f"GET /api/v1/jobs/{job}/{path}")
        assert answer.status == 400
        assert words in answer.response.text
    refused = await api.graphql.refused(AFTER, {"id": job, "after": "1.2"})
    assert refused["name"] == "invalid_input"
    missing = await api.ask(f"GET /api/v1/jobs/{job}/tasks/0/attempts/0/2/log/part")
    assert missing.status == 404


async def test_a_retry_has_other_payloads_over_both_interfaces(api: Api) -> None:
    job = await half_failed(api)
    body = {"onlyFailed": True, "payloads": [{"task": 1, "payload": {"b": 2}}]}
    new = (await api.ask(f"POST /api/v1/jobs/{job}/retry", body)).result["internalJobID"]
    tasks = (await api.edge.own_detail(new))["tasks"]
    assert [task["taskStatus"] for task in tasks] == ["complete", "pending"]
    payloads = [{"task": "0", "payloadString": '{"a": 2}'}]
    made = (await api.graphql.ask(AGAIN, {"id": job, "payloads": payloads}))["retryJob"]
    assert [task["payload"] for task in made["tasks"]["records"]] == [{"a": 2}, None]
    wrong = await api.ask(f"POST /api/v1/jobs/{job}/retry", {"payloads": [{"task": 7, "payload": {}}, {"task": 1}]})
    assert wrong.status == 400
    assert "payloads[0].task" in wrong.response.text
    assert "payloads[1]" in wrong.response.text
