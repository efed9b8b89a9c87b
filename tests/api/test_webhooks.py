"""Deliveries and secrets over our own REST interface, on both databases."""

from pathlib import Path
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH

from enginehouse.domain import ids
from enginehouse.domain.identity import Role
from enginehouse.domain.webhooks import signature
from enginehouse.domain.webhooks.retry import Answer
from enginehouse.operations import outbox

HOOK = "https://h.example/hook"
CREATE = (
    f"""mutation {{ createJob(input: {{notificationUris: ["{HOOK}"], tasks: [{{engineId: "{BATCH}"}}]}}) {{ id }} }}"""
)
PATH = "/api/v1/webhooks/deliveries"


async def ended(api: Api) -> str:
    """A job of one task has ended, with a message about the task and one about itself. Returns its id."""
    job: str = (await api.ask(CREATE)).result["id"]
    await api.edge.run_one(("a.txt", "text/plain", b"x"))
    return job


async def deliver(api: Api, *answers: Answer) -> list[dict[str, str]]:
    """The next messages get these answers. Returns their headers."""
    sent = list[dict[str, str]]()
    for answer in answers:
        [attempt] = await outbox.claim(api.house, limit=16)

        async def send(_: str, headers: dict[str, str], __: bytes | Path, answer: Answer = answer) -> Answer:
            sent.append(headers)
            return answer

        await outbox.deliver(api.house, attempt, send)
    return sent


async def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.ask(f"GET {PATH}{query}")).result["deliveries"]
    return found


async def test_the_owner_sees_every_delivery_and_how_it_stands(api: Api) -> None:
    job = await ended(api)
    about_job, about_task = await listed(api)
    assert about_task == about_task | {
        "kind": "notification", "eventName": "TaskCompleted", "url": HOOK, "status": "pending", "attempts": 0,
        "coreJobID": job, "sentence": "It waits for its turn, after the earlier messages of its job to this address.",
    }  # fmt: skip
    assert about_task["coreTaskID"].startswith(job)
    assert (about_job["eventName"], "coreTaskID" in about_job) == ("JobCompleted", False)
    await deliver(api, Answer(503, "503 Service Unavailable: busy"))
    [_, failed] = await listed(api)
    assert failed == failed | {
        "status": "pending", "attempts": 1, "answerStatus": 503, "answer": "503 Service Unavailable: busy",
        "sentence": "Failed after 1 attempt; it is tried again. The last answer: 503 Service Unavailable: busy",
    }  # fmt: skip
    assert failed["nextDateTime"] > failed["attemptedDateTime"]
    whole = (await api.ask(f"GET {PATH}/{failed['id']}")).result
    assert whole["message"]["data"]["jobId"] == job
    assert {name: value for name, value in whole.items() if name != "message"} == failed


async def test_a_list_is_filtered_and_paged(api: Api) -> None:
    first, second = await ended(api), await ended(api)
    assert [one["coreJobID"] for one in await listed(api)] == [second, second, first, first]
    assert {one["coreJobID"] for one in await listed(api, f"?jobID={first}")} == {first}
    await deliver_all(api)
    assert await listed(api, "?status=pending") == []
    assert len(await listed(api, "?status=delivered")) == 4
    seen, before = list[str](), ""
    while True:
        page = (await api.ask(f"GET {PATH}?limit=3{before}")).result
        seen += [one["id"] for one in page["deliveries"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == [one["id"] for one in await listed(api)]


async def deliver_all(api: Api) -> list[tuple[str, dict[str, str], bytes]]:
    sent = list[tuple[str, dict[str, str], bytes]]()

    async def send(url: str, headers: dict[str, str], body: bytes | Path) -> Answer:
        assert isinstance(body, bytes)
        sent.append((url, headers, body))
        return Answer(200, "200 OK")

    while attempts := await outbox.claim(api.house, limit=16):
        for attempt in attempts:
            await outbox.deliver(api.house, attempt, send)
    return sent


async def test_a_message_is_sent_again_with_the_same_id_and_body(api: Api) -> None:
    await ended(api)
    [(_, headers, body), *_] = await deliver_all(api)
    again = await api.ask(f"POST {PATH}/{headers['webhook-id']}/redeliver")
    assert (again.result["status"], again.result["id"]) == ("pending", headers["webhook-id"])
    [(_, repeated, same)] = await deliver_all(api)
    assert (repeated["webhook-id"], same) == (headers["webhook-id"], body)
    found = (await api.ask(f"GET {PATH}/{headers['webhook-id']}")).result
    assert (found["status"], found["attempts"], found["sentence"]) == ("delivered", 2, "Delivered after 2 attempts.")


async def test_a_message_under_way_is_not_sent_again(api: Api) -> None:
    await ended(api)
    [attempt] = await outbox.claim(api.house, limit=16)
    answer = await api.ask(f"POST {PATH}/{attempt.leased.message}/redeliver")
    assert (answer.status, answer.error) == (400, "invalid_input")
    assert "under way" in answer.message


@pytest.mark.parametrize(
    "request_", ["POST /api/v1/webhooks/secret/rotate", "mutation { rotateWebhookSecret { secret } }"]
)
async def test_a_new_secret_is_shown_once_and_the_old_one_signs_too_for_a_day(api: Api, request_: str) -> None:
    await ended(api)
    [first] = await deliver(api, Answer(200, "200 OK"))
    secret = (await api.ask(request_)).result["secret"]
    assert secret.startswith("whsec_")
    [(_, headers, body)] = await deliver_all(api)
    new, old = headers["webhook-signature"].split(" ")
    made = signature.headers([secret], headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert made["webhook-signature"] == new != old
    assert " " not in first["webhook-signature"]


async def test_who_may_do_what(api: Api, foreign: Api) -> None:
    await ended(api)
    [(_, headers, _), *_] = await deliver_all(api)
    user, reader = await api.in_role(Role.USER), await api.in_role(Role.READER)
    path = f"{PATH}/{headers['webhook-id']}"
    assert len(await listed(reader)) == 2
    assert (await reader.ask(f"POST {path}/redeliver")).status == 403
    assert (await user.ask("POST /api/v1/webhooks/secret/rotate")).status == 403
    assert await listed(foreign) == []
    assert (await foreign.ask(f"GET {path}")).status == 404
    assert (await user.ask(f"POST {path}/redeliver")).status == 200


@pytest.mark.parametrize("query", ["?status=lost", "?limit=0", "?before=x"])
async def test_a_wrong_filter_is_refused(api: Api, query: str) -> None:
    assert (await api.ask(f"GET {PATH}{query}")).error == "invalid_input"


async def test_wrong_addresses_are_refused_with_their_paths(api: Api) -> None:
    answer = await api.ask(
        f"""mutation {{ createJob(input: {{notificationUris: ["{HOOK}", "ftp://h.example/"], tasks: [
            {{engineId: "{BATCH}"}}, {{engineId: "{BATCH}", notificationUris: ["http://169.254.169.254/", "{HOOK}"]}}
        ]}}) {{ id }} }}"""
    )
    assert (answer.error, answer.message) == (
        "invalid_input",
        (
            'notificationUris[1]: scheme "ftp" is not allowed; use http or https.\n'
            "tasks[1].notificationUris[0]: address 169.254.169.254 is not allowed."
        ),
    )
    many = [HOOK] * 21
    answer = await api.ask(f'mutation($u: [String!]) {{ createJob(input: {{notificationUris: $u, tasks: [{{engineId: "{BATCH}"}}]}}) {{ id }} }}', {"u": many})  # fmt: skip # noqa: E501
    assert answer.message == "notificationUris: 21 addresses, at most 20."


UPDATE = "mutation($in: UpdateTask) { updateTask(input: $in) { id } }"


async def running(api: Api, *uris: str) -> str:
    """An engine outside runs the task of a job, and has asked for calls. Returns the id of the job."""
    job: str = (await api.ask(CREATE)).result["id"]
    for each in (("https://h.example/old",), uris):
        given = {"id": ids.task_graphql(ids.parse_job(job) or 0, 0), "status": "running", "notificationUris": each}
        assert (await api.ask(UPDATE, {"in": given})).error == ""
    return job


async def urls(api: Api) -> list[tuple[str, str]]:
    return sorted((one["eventName"], one["url"]) for one in await listed(api))


async def test_an_update_of_a_task_says_whom_to_call_at_its_end(api: Api) -> None:
    job = await running(api, "https://h.example/t", HOOK)
    assert await urls(api) == []
    task = ids.task_graphql(ids.parse_job(job) or 0, 0)
    await api.ask(UPDATE, {"in": {"id": task, "status": "complete"}})
    assert await urls(api) == [
        ("JobCompleted", HOOK), ("TaskCompleted", HOOK), ("TaskCompleted", "https://h.example/t")
    ]  # fmt: skip


async def test_an_update_that_ends_the_task_may_say_it_too(api: Api) -> None:
    job = await api.edge.create()
    task = ids.task_graphql(ids.parse_job(job) or 0, 0)
    given = {"id": task, "status": "failed", "notificationUris": ["https://h.example/t"]}
    assert (await api.ask(UPDATE, {"in": given})).error == ""
    assert await urls(api) == [("TaskFailed", "https://h.example/t")]


async def test_a_cancel_tells_them_too(api: Api) -> None:
    job = await running(api, "https://h.example/t")
    answer = await api.ask(f'mutation {{ cancelJob(id: "{job}", includeRunning: true) {{ id }} }}')
    assert answer.error == "", answer.message
    task = ids.task_graphql(ids.parse_job(job) or 0, 0)
    await api.ask(UPDATE, {"in": {"id": task, "status": "failed"}})
    assert {("JobAborted", HOOK), ("JobAborted", "https://h.example/t")} <= set(await urls(api))


async def test_an_address_that_cannot_be_called_is_refused_in_an_update(api: Api) -> None:
    task = ids.task_graphql(ids.parse_job(await api.edge.create()) or 0, 0)
    given = {"id": task, "status": "running", "notificationUris": [HOOK, "ftp://h.example/"]}
    answer = await api.ask(UPDATE, {"in": given})
    assert answer.message == 'notificationUris[1]: scheme "ftp" is not allowed; use http or https.'
    answer = await api.ask(UPDATE, {"in": given | {"notificationUris": [HOOK] * 21}})
    assert answer.message == "notificationUris: 21 addresses, at most 20."
    assert await api.house.database.read(lambda tx: tx.all("outbox.addresses", ids=[ids.parse_task(task)[0]])) == []  # type: ignore[index]
