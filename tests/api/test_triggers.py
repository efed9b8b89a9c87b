"""Triggers, and the jobs that events create: what follows an event, exactly once, and what is refused."""

import asyncio
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH
from tests.api.test_event_subscriptions import HOOK, Receiver, complete, graphql, subscribe
from tests.api.verbs import document
from tests.thorough import mostly_on_sqlite

from enginehouse.domain.webhooks.job_action import LONGEST_CHAIN
from enginehouse.operations import event_jobs, outbox

CREATE = document("createTriggers", "id event eventType target consumerParams createdBy updatedBy endedDateTime")
TEMPLATE = (
    "id name organizationId ownerApplicationId inputType inputValidation actionType actionDestination actionAttributes"
)
NEW_TEMPLATE = document("createEventActionTemplate", TEMPLATE)
CHANGE_TEMPLATE = document("updateEventActionTemplate", TEMPLATE)
EMIT = document("emitSystemEvent", "id topic payload timestamp subscriptions")
JOBS = "{ jobs(limit: 100) { records { id name targetId eventSubscriptionId tasks { records { payload } } } } }"
DELIVERIES = "GET /api/v1/webhooks/deliveries"


def webhook(url: str = HOOK) -> dict[str, Any]:
    return {"name": "Webhook", "params": {"url": url}}


def job(payload: Any = None, **fields: Any) -> dict[str, Any]:
    return {"name": "CreateJob", "params": {"tasks": [{"engineId": BATCH, "payload": payload}], **fields}}


async def triggers(api: Api, *targets: dict[str, Any], **fields: Any) -> Any:
    return await graphql(api, CREATE, **{"in": {"targets": list(targets), **fields}})


async def created_by_events(api: Api) -> list[dict[str, Any]]:
    """The jobs that events have created, the oldest first."""
    found = await graphql(api, JOBS)
    return [one for one in reversed(found) if one["eventSubscriptionId"]]


async def answers(api: Api) -> list[str]:
    """What came of each delivery, the oldest first."""
    found = (await api.ask(DELIVERIES)).result["deliveries"]
    return [one["sentence"] for one in reversed(found)]


async def test_there_is_a_trigger_for_each_type_event_and_target(api: Api) -> None:
    made = await triggers(api, webhook(), job(), types="job, task", events="JobFailed,TaskFailed,JobFailed")
    assert [(one["eventType"], one["event"], one["target"]) for one in made] == [
        (type_, name, target)
        for type_ in ("job", "task")
        for name in ("JobFailed", "TaskFailed")
        for target in ("Webhook", "CreateJob")
    ]
    assert made[0]["consumerParams"] == {"url": HOOK}
    assert await graphql(api, "{ triggers { id } }") == [{"id": one["id"]} for one in made]
    first = made[0]["id"]
    assert await graphql(api, f'{{ trigger(id: "{first}") {{ event }} }}') == {"event": "JobFailed"}
    gone = await graphql(api, f'mutation {{ deleteTrigger(id: "{first}") {{ id message }} }}')
    assert gone == {"id": first, "message": f"Trigger {first} was deleted."}
    assert len(await graphql(api, "{ triggers { id } }")) == 7


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["TaskCompleted", "JobCompleted"]),
        ({"events": "*", "types": "job"}, ["JobCompleted"]),
        ({"events": "TaskCompleted"}, ["TaskCompleted"]),
        ({"types": "task", "events": "JobCompleted"}, []),
        ({"types": "topic"}, []),
    ],
    ids=str,
)
async def test_a_trigger_sends_the_events_that_it_names(api: Api, fields: dict[str, Any], expected: list[str]) -> None:
    await triggers(api, webhook(), **fields)
    await complete(api)
    assert await Receiver().drain(api) == expected


async def test_triggers_and_subscriptions_are_two_things(api: Api) -> None:
    subscription = await subscribe(api)
    [made] = await triggers(api, webhook())
    assert await graphql(api, "{ eventSubscriptions { records { id } } }") == [{"id": subscription}]
    for query in (
        f'mutation {{ unsubscribeEvent(id: "{made["id"]}") {{ id }} }}',
        f'{{ eventSubscription(id: "{made["id"]}") {{ id }} }}',
        f'mutation {{ deleteTrigger(id: "{subscription}") {{ id }} }}',
        f'{{ trigger(id: "{subscription}") {{ id }} }}',
    ):
        assert (await api.ask(query)).error == "not_found"
    rotated = await api.ask(f"POST /api/v1/webhooks/subscriptions/{made['id']}/secret/rotate")
    assert rotated.result["secret"].startswith("whsec_")


@pytest.mark.parametrize("by", ["subscription", "trigger"])
async def test_an_event_creates_a_job_with_its_data_on_its_target(api: Api, by: str) -> None:
    wish = job({"after": "{{jobId}}", "text": 'said "{{{status}}}" {{nothing}}'}, name="<&> {{eventName}}")
    if by == "trigger":
        [made] = await triggers(api, wish, events="JobCompleted")
        subscription = made["id"]
    else:
        subscription = await subscribe(api, eventType="job", eventName="JobCompleted", delivery=wish)
    await complete(api)
    [first] = await graphql(api, JOBS)
    receiver = Receiver()
    await receiver.drain(api)
    [new] = await created_by_events(api)
    assert new["eventSubscriptionId"] == subscription
    assert (new["name"], new["targetId"]) == ("<&> JobCompleted", first["targetId"])
    [task] = new["tasks"]["records"]
    assert task["payload"] == {"after": first["id"], "text": 'said "complete" '}
    assert receiver.got == []
    assert await answers(api) == [f"Job {new['id']} was created."]


async def test_a_job_is_created_once_however_often_its_delivery_is_begun(api: Api) -> None:
    await subscribe(api, eventName="JobCompleted", delivery=job())
    await complete(api)
    [attempt] = await outbox.claim(api.house, limit=16)
    both = await asyncio.gather(*(event_jobs.create(api.house, attempt.leased) for _ in range(2)))
    assert sorted(answer.status or 0 for answer in both) == [0, 201]
    await Receiver().drain(api)
    assert len(await created_by_events(api)) == 1
    [delivery] = (await api.ask(DELIVERIES)).result["deliveries"]
    again = await api.ask(f"POST /api/v1/webhooks/deliveries/{delivery['id']}/redeliver")
    assert again.error == "invalid_input"
    assert again.message.startswith("id: This event has created its job, once. Job ")


async def test_a_stale_attempt_creates_nothing(api: Api) -> None:
    made = await subscribe(api, eventName="JobCompleted", delivery=job())
    await complete(api)
    [attempt] = await outbox.claim(api.house, limit=16)
    stale = attempt.leased._replace(attempts=0)
    assert (await event_jobs.create(api.house, stale)).status is None
    assert await created_by_events(api) == []
    await graphql(api, f'mutation {{ unsubscribeEvent(id: "{made}") {{ id }} }}')
    assert (await event_jobs.create(api.house, attempt.leased)).is_final
    assert await created_by_events(api) == []


async def run_all(api: Api) -> None:
    """Every job has run, and every delivery has ended."""
    for _ in range(20):
        await Receiver().drain(api)
        open_ = await graphql(api, "{ jobs(status: [pending, queued], limit: 100) { records { id } } }")
        if not open_:
            return
        for _ in open_:
            await api.edge.run_one(("a.txt", "text/plain", b"x"))
    raise AssertionError("events and jobs cause each other for ever")


async def test_a_job_that_an_event_created_does_not_create_itself_again(api: Api) -> None:
    made = await subscribe(api, eventName="JobCompleted", delivery=job())
    await complete(api)
    await run_all(api)
    [new] = await created_by_events(api)
    said = "No job: the job of this event was itself created by this subscription, directly or through others."
    assert await answers(api) == [
        f"Job {new['id']} was created.", said,
    ]  # fmt: skip
    by_event = [row for row in await api.audit() if row.event == "createJobByEvent"]
    assert [(row.success, row.detail) for row in by_event] == [
        (True, f"JobCompleted, by subscription {made}"),
        (False, f"JobCompleted, by subscription {made}: {said}"),
    ]


async def test_a_chain_of_jobs_has_an_end(api: Api) -> None:
    named = {"field": "jobName", "operator": "contains", "value": "j"}
    first = {"operator": "not", "conditions": [named]}
    for n in range(LONGEST_CHAIN + 2):
        conditions = named | {"operator": "eq", "value": f"j{n - 1}"} if n else first
        await subscribe(api, eventName="JobCompleted", delivery=job(name=f"j{n}"), conditions=conditions)
    await complete(api)
    await run_all(api)
    assert [one["name"] for one in await created_by_events(api)] == [f"j{n}" for n in range(LONGEST_CHAIN)]
    told = (await answers(api))[-1]
    assert told == ("No job: 5 jobs have created each other by events already, which is the most.")


async def test_what_gives_no_job_is_told_and_ends_there(api: Api) -> None:
    await subscribe(api, eventName="JobCompleted", delivery=job(targetId="{{jobId}}"))
    await complete(api)
    await Receiver().drain(api)
    [told] = await answers(api)
    assert told.startswith("No job: ")
    assert await created_by_events(api) == []


async def test_a_template_says_what_follows_and_its_change_counts_at_once(api: Api) -> None:
    fields = {
        "name": "t", "inputType": "event", "actionType": "job", "actionDestination": BATCH,
        "actionAttributes": {"n": 1}, "inputValidation": {"type": "object"},
    }  # fmt: skip
    made = await graphql(api, NEW_TEMPLATE, **{"in": fields})
    assert made == made | fields | {"organizationId": "1", "ownerApplicationId": None}
    by_template = {"name": "CreateJob", "params": {"eventActionTemplateId": made["id"]}}
    await triggers(api, by_template, events="TaskCompleted")
    changed = await graphql(api, CHANGE_TEMPLATE, **{"in": {"id": made["id"], "actionAttributes": {"n": "{{status}}"}}})
    assert changed == made | {"actionAttributes": {"n": "{{status}}"}}
    await complete(api)
    await Receiver().drain(api)
    [new] = await created_by_events(api)
    assert [task["payload"] for task in new["tasks"]["records"]] == [{"n": "complete"}]
    listed = "{ eventActionTemplates(actionType: %s) { records { id } } }"
    assert await graphql(api, listed % "job") == [{"id": made["id"]}]
    assert await graphql(api, listed % "webhook") == []


async def test_a_topic_is_an_event_of_the_system(api: Api) -> None:
    await subscribe(api, eventType="topic", eventName="weather")
    await triggers(api, webhook(HOOK + "/2"), types="topic")
    await subscribe(api, eventType="job")
    emitted = await graphql(api, EMIT, **{"in": {"topic": "weather", "payload": {"rain": True}}})
    assert emitted == emitted | {"topic": "weather", "payload": {"rain": True}, "subscriptions": 2}
    receiver = Receiver()
    assert await receiver.drain(api) == ["weather", "weather"]
    assert sorted(receiver.urls) == [HOOK, HOOK + "/2"]
    assert receiver.got[0] == receiver.got[0] | {"application": "system", "eventType": "topic", "data": {"rain": True}}


# ruff: noqa: E501
WRONG: list[tuple[str, dict[str, Any], str]] = [
    (CREATE, {"targets": []}, "targets: at least 1 target is needed."),
    (CREATE, {"targets": [{"name": "Email", "params": {"address": "a@b"}}]},
     'targets[0].name: this server delivers by Webhook and CreateJob, not by "Email".'),
    (CREATE, {"events": "JobDone", "types": "jobs", "targets": [webhook("http://127.0.0.1/")]},
     ('types: one of *, job, task, topic, got "jobs".\n'
      'events: one of *, JobAborted, JobCompleted, JobFailed, TaskAborted, TaskCompleted, TaskFailed, got "JobDone".\n'
      "targets[0].params.url: address 127.0.0.1 is not allowed.")),
    (CREATE, {"targets": [{"name": "Webhook", "params": {"eventActionTemplateId": "x", "url": HOOK}}]},
     ("targets[0].params.url: is not given together with eventActionTemplateId.\n"
      "targets[0].params.eventActionTemplateId: there is no such template.")),
    (CREATE, {"targets": [job(target={"sourceData": {"sourceId": "987654"}})]},
     'targets[0].params.target.sourceData.sourceId: "987654" was not found.'),
    (CREATE, {"targets": [job(targetId="987654")]}, 'targets[0].params.targetId: TemporalDataObject "987654" was not found.'),
    (CREATE, {"targets": [job("{{#if x}}")]}, "targets[0].params: the placeholders give no job:"),
    (CREATE, {"targets": [job(scheduledJobId="1")]}, "targets[0].params.scheduledJobId: is not for jobs that events create."),
    (NEW_TEMPLATE, {"name": " ", "inputType": "event", "actionType": "email", "actionDestination": "a@b"},
     'name: must be given.\nactionType: this server runs the actions job and webhook, not "email".'),
    (NEW_TEMPLATE, {"name": "n", "inputType": "event", "actionType": "job", "actionDestination": "nothing"},
     "actionAttributes.tasks[0].engineId"),
    (EMIT, {"topic": "JobCompleted", "payload": {}}, "topic: the server alone emits this event."),
    (EMIT, {"topic": "", "payload": {}}, "topic: must be given."),
    (EMIT, {"topic": "t", "payload": "x" * 262_143}, "payload: 262145 bytes, at most 262144."),
]  # fmt: skip


@pytest.mark.parametrize(("query", "fields", "message"), WRONG, ids=lambda value: str(value)[:40])
@mostly_on_sqlite
async def test_what_is_wrong_is_refused_and_nothing_changes(
    api: Api, query: str, fields: dict[str, Any], message: str
) -> None:
    answer = await api.ask(query, {"in": fields})
    assert answer.error in ("invalid_input", "not_found")
    assert answer.message.startswith(message)
    assert await graphql(api, "{ triggers { id } }") == []
    assert await graphql(api, "{ eventActionTemplates { records { id } } }") == []
