"""The outbox: a message for every end that somebody wants to hear of, delivered in order, at least once."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests import make

from enginehouse.domain import ids
from enginehouse.domain.job import JobRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.webhooks.retry import Answer
from enginehouse.domain.work import Done, Failed, Lease, Report
from enginehouse.operations import bulk_cancels, jobs, outbox, webhooks, work
from enginehouse.operations.house import House
from enginehouse.operations.outbox import DeliveryAttempt
from enginehouse.storage import clock_reset
from enginehouse.storage.database.database import Database, Tx

CALLER = make.principal()
JOB_URI, TASK_URI = "https://h.example/job", "https://t.example/task"
OK, DOWN, GONE = Answer(200, "200 OK"), Answer(None, "The connection was refused."), Answer(410, "410 Gone")

pytestmark = pytest.mark.usefixtures("own_statements")


def notifying(request: JobRequest, *, job: str | None = JOB_URI, task: str | None = TASK_URI) -> JobRequest:
    """The request with the addresses that an entrance would have given it: the job's are those of the tasks too."""
    uris = [uri for uri in (task, job) if uri]
    tasks = tuple(structs.replace(each, echo={"notificationUris": uris} if uris else {}) for each in request.tasks)
    return structs.replace(request, tasks=tasks, echo={"notificationUris": [job]} if job else {})


async def rows(house: House, statement: str) -> list[tuple[Any, ...]]:
    return await house.database.read(lambda tx: tx.all(statement))


async def run(house: House, statement: str) -> None:
    await house.database.write(lambda tx: tx.run(statement))


async def written(house: House) -> list[tuple[Any, ...]]:
    """(event, ordinal, address) of each message, in order."""
    return [(event, ordinal, url) for _, _, event, _, ordinal, url, *_ in await rows(house, "test.messages")]


async def create(house: House, request: JobRequest) -> int:
    [created] = await jobs.create(house, CALLER, [request])
    return created.job_id


async def finish(house: House, lease: Lease, outcome: Done | Failed | None = None) -> None:
    await work.finish(house, Report(lease.key, lease.token, outcome or Done(())))


async def claim(house: House) -> list[Lease]:
    return await work.claim(house, pool="native", limit=100, worker="w")


NO = Failed(FailureKind.INVALID_DATA, "no such thing", is_final=True)


@dataclass(slots=True)
class Receiver:
    """A receiver that answers as told, and keeps what it got."""

    answers: list[Answer] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    async def send(self, url: str, headers: dict[str, str], body: bytes | Path) -> Answer:
        assert isinstance(body, bytes)
        self.got.append((url, headers, msgspec.json.decode(body)))
        return self.answers.pop(0) if self.answers else OK

    async def turn(self, house: House) -> list[DeliveryAttempt]:
        """Everything that is due is sent."""
        attempts = await outbox.claim(house, limit=16)
        for attempt in attempts:
            await outbox.deliver(house, attempt, self.send)
        return attempts

    async def drain(self, house: House) -> None:
        while await self.turn(house):
            pass

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(url, body["eventName"]) for url, _, body in self.got]


# -- what is written ----------------------------------------------------------------------------------------


async def test_every_task_and_then_the_job_is_told_when_it_completes(ready: House) -> None:
    await create(ready, notifying(make.independent(2)))
    for lease in await claim(ready):
        assert not [row for row in await written(ready) if row[1] == lease.key.ordinal]
        await finish(ready, lease)
    assert await written(ready) == [
        ("TaskCompleted", 0, TASK_URI),
        ("TaskCompleted", 0, JOB_URI),
        ("TaskCompleted", 1, TASK_URI),
        ("TaskCompleted", 1, JOB_URI),
        ("JobCompleted", None, JOB_URI),
    ]


async def test_a_failure_tells_the_failed_task_the_aborted_ones_and_the_job(ready: House) -> None:
    await create(ready, notifying(make.chain(2), job=None))
    [lease] = await claim(ready)
    await finish(ready, lease, NO)
    assert await written(ready) == [("TaskFailed", 0, TASK_URI), ("TaskAborted", 1, TASK_URI)]


async def test_an_attempt_that_is_made_again_tells_nothing(ready: House) -> None:
    await create(ready, notifying(make.independent(1, max_retries=1)))
    [lease] = await claim(ready)
    await finish(ready, lease, Failed(FailureKind.INTERNAL_ERROR, "again"))
    assert await written(ready) == []


async def test_a_cancel_is_told_once_to_each_address(ready: House) -> None:
    job = await create(ready, notifying(make.independent(3)))
    await jobs.cancel(ready, CALLER, Ref.of(job))
    assert await written(ready) == [("JobAborted", None, JOB_URI), ("JobAborted", None, TASK_URI)]
    await jobs.cancel(ready, CALLER, Ref.of(job))
    assert len(await written(ready)) == 2


async def test_a_stop_of_running_work_is_told_when_it_has_stopped(ready: House) -> None:
    job = await create(ready, notifying(make.independent(2)))
    [lease, _] = leases = await claim(ready)
    await jobs.cancel(ready, CALLER, Ref.of(job), include_running=True)
    assert await written(ready) == []
    for lease in leases:
        await finish(ready, lease, Failed(FailureKind.STOP_REQUESTED, "stopped"))
    assert await written(ready) == [("JobAborted", None, JOB_URI), ("JobAborted", None, TASK_URI)]


async def test_a_job_without_addresses_writes_nothing_and_costs_no_statement(
    ready: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(ready, make.independent(1))
    cancelled = await create(ready, make.independent(1))
    asked = list[str]()
    await _watch(ready, asked, monkeypatch)
    await jobs.cancel(ready, CALLER, Ref.of(cancelled))
    [lease] = await claim(ready)
    await finish(ready, lease)
    await create(ready, make.independent(1))
    assert [name for name in asked if name.startswith("outbox.")] == []
    assert "work.lock_jobs" in asked


async def _watch(house: House, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds the name of every statement of a write to `asked`."""

    async def kind(tx: Tx) -> type:
        return type(tx)

    transaction = await house.database.write(kind)
    for verb in ("all", "one", "run", "many", "each"):
        original = getattr(transaction, verb)

        def watched(self: Any, statement: str, *args: Any, _original: Any = original, **more: Any) -> Any:
            asked.append(statement)
            return _original(self, statement, *args, **more)

        monkeypatch.setattr(transaction, verb, watched)


async def test_the_body_names_the_job_the_task_and_how_it_ended(ready: House) -> None:
    request = notifying(make.independent(1, reference="mine", name="reader"), job=None)
    job = await create(ready, structs.replace(request, name="harbour"))
    [lease] = await claim(ready)
    await finish(ready, lease, NO)
    receiver = Receiver()
    await receiver.drain(ready)
    [(url, headers, body)] = receiver.got
    assert url == TASK_URI
    assert headers["content-type"] == "application/json"
    data = body.pop("data")
    assert body.pop("timestamp") == data["completedDateTime"]
    assert body == {"application": "system", "eventType": "task", "eventName": "TaskFailed"}
    for time in ("createdDateTime", "startedDateTime", "completedDateTime"):
        assert data.pop(time).endswith("Z")
    assert data == {
        "jobId": ids.job_graphql(job),
        "internalJobID": ids.job_uuid(job),
        "organizationId": "1",
        "jobName": "harbour",
        "status": "failed",
        "taskId": ids.task_graphql(job, 0),
        "internalTaskID": ids.task_uuid(job, 0),
        "taskName": "reader",
        "correlationTaskId": "mine",
        "engineId": "noop",
        "failureReason": "invalid_data",
        "failureMessage": "no such thing",
    }


# -- how it is delivered ------------------------------------------------------------------------------------


async def ended(house: House, count: int = 3) -> int:
    """A job that has ended, with one message for each of its tasks and one for itself, to one address."""
    job = await create(house, notifying(make.independent(count), task=None))
    for lease in await claim(house):
        await finish(house, lease)
    return job


async def test_the_messages_of_a_job_arrive_in_order_one_at_a_time(ready: House) -> None:
    await ended(ready)
    receiver = Receiver()
    for n in range(4):
        [attempt] = await receiver.turn(ready)
        assert receiver.got[n][1]["webhook-id"] == attempt.leased.message
    assert await receiver.turn(ready) == []
    assert [event for _, event in receiver.events] == ["TaskCompleted"] * 3 + ["JobCompleted"]
    assert [row[-3:] for row in await rows(ready, "test.messages")] == [("delivered", 1, 0)] * 4


async def test_a_failure_holds_back_what_comes_after_it_and_keeps_its_id(ready: House) -> None:
    await ended(ready, 1)
    receiver = Receiver([DOWN])
    await receiver.drain(ready)
    assert [row[-3:] for row in await rows(ready, "test.messages")] == [("pending", 1, 0), ("pending", 0, 0)]
    await run(ready, "test.messages_due")
    await receiver.drain(ready)
    first, again, job = receiver.got
    assert first[1]["webhook-id"] == again[1]["webhook-id"] != job[1]["webhook-id"]
    assert [event for _, event in receiver.events] == ["TaskCompleted", "TaskCompleted", "JobCompleted"]


async def test_other_jobs_do_not_wait_for_a_failure(ready: House) -> None:
    first, second = await ended(ready, 1), await ended(ready, 1)
    receiver = Receiver([DOWN])
    await receiver.drain(ready)
    assert [body["data"]["jobId"] for _, _, body in receiver.got] == [
        ids.job_graphql(job) for job in (first, second, second)
    ]


async def test_an_attempt_that_nobody_ends_is_made_again_and_its_late_end_changes_nothing(ready: House) -> None:
    await ended(ready, 1)
    [lost] = await outbox.claim(ready, limit=16)
    assert await outbox.claim(ready, limit=16) == []
    await run(ready, "test.leases_over")
    [again] = await outbox.claim(ready, limit=16)
    assert again.leased.message == lost.leased.message
    late = Receiver([GONE])
    await outbox.deliver(ready, lost, late.send)
    assert [row[-3:] for row in await rows(ready, "test.messages")] == [("pending", 2, 1), ("pending", 0, 0)]
    receiver = Receiver()
    await outbox.deliver(ready, again, receiver.send)
    await receiver.drain(ready)
    assert [event for _, event in receiver.events] == ["TaskCompleted", "JobCompleted"]


async def test_a_server_that_starts_alone_makes_open_attempts_again_at_once(ready: House) -> None:
    await ended(ready, 1)
    [lost] = await outbox.claim(ready, limit=16)
    assert await outbox.release_all(ready) == 1
    [again] = await outbox.claim(ready, limit=16)
    assert again.leased.message == lost.leased.message


async def test_the_last_failure_gives_up_and_lets_the_next_message_go(ready: House) -> None:
    await ended(ready, 1)
    await run(ready, "test.messages_expired")
    receiver = Receiver([DOWN])
    await receiver.drain(ready)
    assert [row[-3:] for row in await rows(ready, "test.messages")] == [("failed", 1, 0), ("delivered", 1, 0)]


async def test_a_destination_that_fails_is_left_alone_and_then_tried_with_one_message(ready: House) -> None:
    for _ in range(8):
        await ended(ready, 1)
    receiver = Receiver([DOWN] * 8)
    assert len(await receiver.turn(ready)) == 4
    await run(ready, "test.messages_due")
    assert len(await receiver.turn(ready)) == 4
    await run(ready, "test.messages_due")
    assert await receiver.turn(ready) == []  # the circuit is open
    await run(ready, "test.messages_due")
    await run(ready, "test.destinations_due")
    receiver.answers = [OK]
    assert len(await receiver.turn(ready)) == 1  # one message tries it
    for _ in range(8):
        await run(ready, "test.messages_due")
        await receiver.drain(ready)
    assert {row[-3] for row in await rows(ready, "test.messages")} == {"delivered"}


async def test_a_destination_gets_few_messages_at_a_time(ready: House) -> None:
    for _ in range(8):
        await ended(ready, 1)
    assert len(await outbox.claim(ready, limit=16)) == 4
    await run(ready, "test.messages_due")
    assert await outbox.claim(ready, limit=16) == []


async def test_two_servers_never_send_the_same_message(ready: House, database: Database) -> None:
    await ended(ready, 1)
    first = await outbox.claim(ready, limit=16)
    second = await outbox.claim(House.build(database, ready.store), limit=16)
    assert (len(first), second) == (1, [])


async def test_two_servers_with_one_key_sign_with_the_same_secrets(ready: House, database: Database) -> None:
    old = await webhooks.rotate_secret(ready, CALLER)
    other = House.build(database, ready.store, key=ready.secret_key)
    secret = await webhooks.rotate_secret(other, CALLER)
    await ended(ready, 1)
    [attempt] = await outbox.claim(ready, limit=1)
    signing = [webhooks.secret(ready, CALLER.organization_id, None, salt) for salt in attempt.salts]
    assert signing == [secret, old]
    assert secret != old
    assert signing == [webhooks.secret(other, CALLER.organization_id, None, salt) for salt in attempt.salts]
    stranger = House.build(database, ready.store)
    assert not {webhooks.secret(stranger, CALLER.organization_id, None, salt) for salt in attempt.salts} & {secret, old}
    assert secret not in repr(await rows(ready, "test.webhook_secrets"))


async def test_receivers_with_the_same_salt_have_different_secrets(ready: House) -> None:
    secrets = {webhooks.secret(ready, owner, of, "salt") for owner in (1, 11) for of in (None, "1", "11")}
    assert len(secrets) == 6


async def test_too_many_waiting_bytes_give_up_the_oldest(ready: House) -> None:
    await ended(ready, 3)
    object.__setattr__(ready, "limits", replace(ready.limits, outbox_bytes=1_200))
    while await outbox.bound(ready):
        pass
    kept = [row[-3] for row in await rows(ready, "test.messages")]
    assert kept == sorted(kept)  # failed before pending: the oldest went
    assert set(kept) == {"failed", "pending"}


async def test_deliveries_that_have_ended_are_deleted_after_the_retention(ready: House) -> None:
    await ended(ready, 1)
    receiver = Receiver()
    await receiver.turn(ready)
    [*_, (*_, status, _, _)] = await rows(ready, "test.messages")
    assert status == "pending"
    assert not await outbox.prune(ready, now=1 << 62)
    assert [row[2] for row in await rows(ready, "test.messages")] == ["JobCompleted"]


async def test_a_bulk_cancel_is_told_when_it_is_applied(ready: House) -> None:
    job = await create(ready, notifying(make.independent(2), task=None))
    await create(ready, make.independent(1))
    await bulk_cancels.cancel(ready, CALLER, created_from=0, created_to=1 << 52)
    while await bulk_cancels.apply(ready):
        pass
    assert [(event, job_id) for _, _, event, job_id, *_ in await rows(ready, "test.messages")] == [("JobAborted", job)]


async def test_after_a_reset_of_the_clock_what_waits_is_due_at_once(ready: House) -> None:
    await ended(ready, 1)
    await run(ready, "test.messages_of_the_future")
    assert await outbox.claim(ready, limit=16) == []
    await ready.database.write(clock_reset.reset)
    receiver = Receiver()
    await receiver.drain(ready)
    assert [event for _, event in receiver.events] == ["TaskCompleted", "JobCompleted"]
