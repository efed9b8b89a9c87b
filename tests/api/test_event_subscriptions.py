"""Events and subscriptions over GraphQL, on both databases: which messages they lead to, and what is refused."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, single
from tests.api.verbs import document
from tests.thorough import mostly_on_sqlite

from enginehouse.domain.ids import job_graphql, parse_job
from enginehouse.domain.webhooks.retry import Answer
from enginehouse.operations import outbox

HOOK = "https://h.example/hook"
SUBSCRIBE = "mutation($in: SubscribeEvent!) { subscribeEvent(input: $in) }"
FIELDS = """id organizationId eventName eventType targetName consumerParams subscriptionHash createdDateTime conditions
    endedDateTime"""
LIST = f"""query($type: String, $name: String) {{
    eventSubscriptions(eventType: $type, eventName: $name) {{ count records {{ {FIELDS} }} }} }}"""
CREATE = document(
    "createEvent", "id eventName eventType application public description schemaData schemaHash createdBy"
)
UPDATE = document("updateEvent", "id eventName public description schemaData schemaHash")
EMIT = document("emitEvent", "id decoder subscriptions")


def wish(**fields: Any) -> dict[str, Any]:
    return {"application": "system", "delivery": {"name": "Webhook", "params": {"url": HOOK}}, **fields}


async def graphql(api: Api, query: str, **variables: Any) -> Any:
    answer = await api.ask(query, variables)
    assert answer.error == "", answer.message
    return answer.result


async def subscribe(api: Api, **fields: Any) -> str:
    made: str = await graphql(api, SUBSCRIBE, **{"in": wish(**fields)})
    return made


async def complete(api: Api) -> None:
    """A job of one task has run to its end."""
    await api.edge.create(single())
    await api.edge.run_one(("a.txt", "text/plain", b"x"))


class Receiver:
    """Takes everything that is due."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.got: list[dict[str, Any]] = []
        self.urls: list[str] = []

    async def send(self, url: str, headers: dict[str, str], body: bytes | Path) -> Answer:
        assert isinstance(body, bytes)
        assert headers["webhook-signature"].startswith("v1,")
        self.urls.append(url)
        self.got.append(msgspec.json.decode(body))
        return Answer(self.status, str(self.status))

    async def drain(self, api: Api) -> list[str]:
        """Returns the names of the events, in order."""
        while attempts := await outbox.claim(api.house, limit=16):
            for attempt in attempts:
                await outbox.deliver(api.house, attempt, self.send)
        return [message["eventName"] for message in self.got]


async def test_a_subscription_is_a_bare_id_and_is_listed(api: Api) -> None:
    conditions = {"operator": "eq", "field": "status", "value": "failed"}
    params = {"uri": HOOK, "note": 1}
    made = await subscribe(
        api,
        eventName="JobFailed",
        eventType="job",
        conditions=conditions,
        delivery={"name": "Webhook", "params": params},
    )
    other = await subscribe(api)
    [shown] = await graphql(api, LIST, type="job")
    assert shown == shown | {
        "id": made,
        "organizationId": "1",
        "eventName": "JobFailed",
        "eventType": "job",
        "targetName": "Webhook",
        "consumerParams": params,
        "conditions": conditions,
        "endedDateTime": None,
    }
    assert len(shown["subscriptionHash"]) == 64
    assert [one["id"] for one in await graphql(api, LIST)] == [made, other]
    assert await graphql(api, LIST, name="JobAborted") == []
    assert await graphql(api, f'{{ eventSubscription(id: "{made}") {{ id }} }}') == {"id": made}
    gone = await graphql(api, f'mutation {{ unsubscribeEvent(id: "{made}") {{ id message }} }}')
    assert gone == {"id": made, "message": f"EventSubscription {made} was deleted."}
    assert [one["id"] for one in await graphql(api, LIST)] == [other]


WISHES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["TaskCompleted", "JobCompleted", "JobAborted"]),
    ({"eventType": "job"}, ["JobCompleted", "JobAborted"]),
    ({"eventType": "task"}, ["TaskCompleted"]),
    ({"eventName": "JobAborted"}, ["JobAborted"]),
    ({"eventType": "job", "eventName": "JobFailed"}, []),
    ({"conditions": {"operator": "eq", "field": "status", "value": "aborted"}}, ["JobAborted"]),
    ({"conditions": {"operator": "eq", "field": "engineId", "value": BATCH}}, ["TaskCompleted"]),
    ({"application": "elsewhere"}, []),
]


@pytest.mark.parametrize(("fields", "expected"), WISHES, ids=str)
async def test_a_subscription_gets_the_ends_that_it_wants(
    api: Api, fields: dict[str, Any], expected: list[str]
) -> None:
    await subscribe(api, **fields)
    await complete(api)
    cancelled = parse_job(await api.edge.create(single()))
    assert cancelled is not None
    await graphql(api, f'mutation {{ cancelJob(id: "{job_graphql(cancelled)}") {{ id }} }}')
    receiver = Receiver()
    assert sorted(await receiver.drain(api)) == sorted(expected)
    assert set(receiver.urls) <= {HOOK}


@pytest.mark.usefixtures("own_statements")
async def test_the_organizations_own_application_names_its_jobs_too(api: Api) -> None:
    [(application,)] = await api.house.database.read(lambda tx: tx.all("test.applications"))
    await subscribe(api, application=application, eventType="job", eventName="JobCompleted")
    await complete(api)
    assert await Receiver().drain(api) == ["JobCompleted"]


async def test_another_organization_gets_nothing(api: Api, foreign: Api) -> None:
    await subscribe(foreign)
    await complete(api)
    assert await Receiver().drain(api) == []


async def test_a_receiver_that_is_gone_ends_its_subscription(api: Api) -> None:
    await subscribe(api)
    await complete(api)
    assert await Receiver(410).drain(api) == ["TaskCompleted"]
    [shown] = await graphql(api, LIST)
    assert shown["endedDateTime"] is not None
    await complete(api)
    assert await Receiver().drain(api) == []


async def test_what_waits_for_a_subscription_goes_with_it(api: Api) -> None:
    made = await subscribe(api)
    await complete(api)
    await graphql(api, f'mutation {{ unsubscribeEvent(id: "{made}") {{ id }} }}')
    assert await Receiver().drain(api) == []


# ruff: noqa: E501
# Fields of a subscription, and what is said about them.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"application": ""}, "application: must be given."),
    ({"eventType": "mention"}, 'eventType: one of job, task, topic, got "mention".'),
    ({"eventType": "job", "eventName": "TaskFailed"}, 'eventName: one of JobCompleted, JobFailed, JobAborted, got "TaskFailed".'),
    ({"delivery": {"name": "SMS", "params": {}}}, 'delivery.name: this server delivers by Webhook and CreateJob, not by "SMS".'),
    ({"delivery": {"name": "CreateJob", "params": {}}}, "delivery.params.tasks: at least 1 task is required."),
    ({"delivery": {"name": "CreateJob", "params": {"tasks": [{"engine": 1}]}}}, 'delivery.params.tasks[0].engine: unknown field. Did you mean "engineId"?'),
    ({"delivery": {"name": "CreateJob", "params": []}}, "delivery.params: must be an object with the input of createJob."),
    ({"delivery": {"name": "Webhook", "params": {}}}, "delivery.params.url: an address is needed."),
    ({"delivery": {"name": "Webhook", "params": []}}, "delivery.params: must be an object with the url."),
    ({"delivery": {"name": "Webhook", "params": {"uri": "http://127.0.0.1/"}}}, "delivery.params.uri: address 127.0.0.1 is not allowed."),
    ({"delivery": {"name": "Webhook", "params": {"url": HOOK, "uri": HOOK + "2"}}}, "delivery.params: give url or uri, not two different addresses."),
    ({"delivery": {"name": "Webhook", "params": {"url": HOOK, "encoding": "protobuf"}}}, 'delivery.params.encoding: messages are json, got "protobuf".'),
    ({"delivery": {"name": "Webhook", "params": {"url": HOOK, "template": "{}"}}}, "delivery.params.template: templates of messages are not supported."),
    ({"conditions": {"operator": "xor"}}, 'conditions.operator: one of and, or, not, eq, neq, gt, gte, lt, lte, in, contains, got "xor".'),
    ({"eventType": "x", "conditions": 5, "delivery": {"name": "Email", "params": {}}},
     'eventType: one of job, task, topic, got "x".\ndelivery.name: this server delivers by Webhook and CreateJob, not by "Email".\nconditions: must be an object with an operator.'),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "message"), REFUSED, ids=lambda value: str(value)[:50])
@mostly_on_sqlite
async def test_a_wrong_subscription_is_refused_with_everything_that_is_wrong(
    api: Api, fields: dict[str, Any], message: str
) -> None:
    answer = await api.ask(SUBSCRIBE, {"in": wish(**fields)})
    assert (answer.error, answer.message) == ("invalid_input", message)
    assert await graphql(api, LIST) == []


async def test_an_organization_has_a_limit_of_subscriptions_and_events(api: Api) -> None:
    api.limit(subscriptions=1, events=1)
    await subscribe(api)
    answer = await api.ask(SUBSCRIBE, {"in": wish()})
    assert (answer.error, answer.message) == ("capacity_exceeded", "Organization limit of 1 subscriptions reached.")
    await graphql(api, CREATE, **{"in": EVENT})
    answer = await api.ask(CREATE, {"in": EVENT | {"eventName": "m"}})
    assert (answer.error, answer.message) == ("capacity_exceeded", "Organization limit of 1 events reached.")


EVENT = {"application": "app", "eventType": "t", "eventName": "n"}


async def test_an_event_is_declared_changed_listed_and_emitted_to_who_wants_it(api: Api) -> None:
    made = await graphql(api, CREATE, **{"in": EVENT | {"description": "d", "schemaData": "{}"}})
    assert made == made | EVENT | {"public": False, "description": "d", "schemaData": "{}"}
    changed = await graphql(api, UPDATE, **{"in": {"id": made["id"], "public": True}})
    assert changed == changed | {"public": True, "description": "d", "schemaHash": made["schemaHash"]}
    listed = '{ events(application: "app") { records { id } } }'
    assert await graphql(api, listed) == [{"id": made["id"]}]
    assert await graphql(api, listed.replace('"app"', '"other"')) == []
    await subscribe(api, application="app", conditions={"operator": "gt", "field": "n", "value": 1})
    await subscribe(api, application="app", eventName="other")
    for payload, subscriptions in (('{"n": 2}', 1), ('{"n": 0}', 0), ("no JSON", 0)):
        emitted = await graphql(api, EMIT, **{"in": EVENT | {"payload": payload}})
        assert emitted == emitted | {"decoder": "json", "subscriptions": subscriptions}
    receiver = Receiver()
    await receiver.drain(api)
    [message] = receiver.got
    assert message == EVENT | {"data": {"n": 2}, "timestamp": message["timestamp"]}


async def test_an_event_is_refused_that_exists_is_the_servers_or_is_not_declared(api: Api) -> None:
    await graphql(api, CREATE, **{"in": EVENT})
    for fields, message in (
        (EVENT, 'eventName: the application has this event already, of the type "t".'),
        (
            EVENT | {"application": "system"},
            'application: "system" is the server itself, which alone emits its events.',
        ),
        (EVENT | {"eventName": "", "eventType": " "}, "eventType: must be given.\neventName: must be given."),
    ):
        answer = await api.ask(CREATE, {"in": fields})
        assert (answer.error, answer.message) == ("invalid_input", message)
    answer = await api.ask(EMIT, {"in": EVENT | {"eventName": "m", "payload": "{}"}})
    assert answer.error == "not_found"
    answer = await api.ask(EMIT, {"in": EVENT | {"payload": "x" * 262_145}})
    assert answer.error == "invalid_input"


async def test_an_event_is_not_accepted_while_too_much_waits(api: Api) -> None:
    await graphql(api, CREATE, **{"in": EVENT})
    await subscribe(api, application="app")
    api.limit(outbox_bytes=100)
    emit = {"in": EVENT | {"payload": '"' + "x" * 200 + '"'}}
    await graphql(api, EMIT, **emit)
    answer = await api.ask(EMIT, emit)
    assert (answer.error, answer.message) == (
        "capacity_exceeded", "Too many bytes of messages wait for their receivers. Emit the event later.",
    )  # fmt: skip
