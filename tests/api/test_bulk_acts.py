"""Acts on many jobs over /api/v1 and GraphQL: planned, done, followed and taken back, in the same words."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, single
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids
from enginehouse.domain.identity import Role
from enginehouse.domain.retry import FailureKind
from enginehouse.operations import bulk_act_batches, identity

PLAN = """query($act: BulkActVerb!, $rule: JobRule!) { bulkActPlan(act: $act, rule: $rule) {
    matched changes undo skips { reason jobs } sample { job { id } skip } } }"""
START = """mutation($act: BulkActVerb!, $rule: JobRule!) { actOnJobs(act: $act, rule: $rule) {
    id act rule matched applied skipped left undo endedDateTime skips { reason jobs exampleJobId } } }"""
PROGRESS = "query($id: ID!) { bulkAct(id: $id) { matched applied skipped left undo undoneBy endedDateTime } }"
UNDO = "mutation($id: ID!) { undoBulkAct(id: $id) { act matched undoOf } }"


async def failed(api: Api, count: int) -> list[str]:
    made = []
    for _ in range(count):
        job = ids.parse_job(await api.edge.create(single()))
        await api.edge.fail_one(FailureKind.INVALID_DATA)
        made.append(ids.job_graphql(job or 0))
    return made


async def carried_out(api: Api) -> None:
    while await bulk_act_batches.apply(api.house):
        pass


async def posted(api: Api, path: str, body: Any = None) -> Any:
    answer = await api.v1.post(path, body or {})
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


async def test_over_rest_failed_jobs_are_planned_retried_followed_and_taken_back(api: Api) -> None:
    lost = await failed(api, 2)
    waiting = await api.edge.create(single())
    rule = {"failures": ["invalid_data"], "engines": [BATCH], "jobs": [*lost, waiting]}
    plan = await posted(api, "bulk-acts/plan", {"act": "retry", "rule": rule})
    assert (plan["matched"], plan["changes"], plan["skips"], plan["undo"]) == (2, 2, [], "cancel")
    assert [each["coreJobID"] for each in plan["sample"]] == lost[::-1]
    wider = await posted(api, "bulk-acts/plan", {"act": "retry", "rule": {"jobs": [*lost, waiting]}})
    [skip] = wider["skips"]
    assert (skip["reason"], skip["jobs"], skip["message"]) == ("not_failed", 1, "The job has not failed.")
    act = await posted(api, "bulk-acts", {"act": "retry", "rule": rule})
    assert (act["matched"], act["applied"], act["left"], "endedDateTime" in act) == (2, 0, 2, False)
    assert act["rule"]["failures"] == ["invalid_data"]
    await carried_out(api)
    ended = (await api.v1.get(f"bulk-acts/{act['id']}")).json()["result"]
    assert (ended["applied"], ended["left"], "endedDateTime" in ended) == (2, 0, True)
    undo = await posted(api, f"bulk-acts/{act['id']}/undo")
    assert (undo["act"], undo["matched"], undo["undoOf"]) == ("cancel", 2, act["id"])
    await carried_out(api)
    listed = (await api.v1.get("bulk-acts")).json()["result"]
    assert [(each["id"], each.get("undoneBy")) for each in listed] == [(undo["id"], None), (act["id"], undo["id"])]
    detail = await api.edge.detail(ids.job_uuid(ids.parse_job(lost[0]) or 0))
    assert detail["jobStatus"] == "aborted"


async def test_over_graphql_the_same(api: Api) -> None:
    await failed(api, 1)
    waiting = ids.job_graphql(ids.parse_job(await api.edge.create(single())) or 0)
    asked = {
        "act": "pause",
        "rule": {"statuses": ["pending", "queued", "failed"], "createdBefore": "2120-01-01T00:00:00.000000Z"},
    }
    plan = (await api.graphql.ask(PLAN, asked))["bulkActPlan"]
    assert plan == {
        "matched": 2, "changes": 1, "undo": "resume", "skips": [{"reason": "ended", "jobs": 1}],
        "sample": [{"job": {"id": waiting}, "skip": None}],
    }  # fmt: skip
    act = (await api.graphql.ask(START, asked))["actOnJobs"]
    assert (act["rule"], act["matched"], act["left"]) == (
        "status pending or queued or failed, created before 2120-01-01T00:00:00Z", 2, 2,
    )  # fmt: skip
    await carried_out(api)
    ended = (await api.graphql.ask(PROGRESS, {"id": act["id"]}))["bulkAct"]
    assert (ended["applied"], ended["skipped"], ended["left"], ended["undo"]) == (1, 1, 0, "resume")
    undo = (await api.graphql.ask(UNDO, {"id": act["id"]}))["undoBulkAct"]
    assert undo == {"act": "resume", "matched": 1, "undoOf": act["id"]}
    count = (await api.graphql.ask("{ bulkActs { count records { id } } }"))["bulkActs"]["count"]
    assert count == 2


WRONG = [
    ({}, "rule: must name at least one filter. To take all jobs, give createdBefore."),
    (
        {"statuses": ["odd"], "jobs": ["x"], "createdAfter": "never"},
        "rule.createdAfter: ",
    ),
    ({"failures": ["odd"]}, "rule.failures[0]: one of api_authentication_error"),
    ({"createdAfter": 20, "createdBefore": 10}, "rule.createdBefore: must be after createdAfter."),
    ({"paused": True, "engine": "x"}, "rule.engine: unknown field."),
    ({"unknown": 1}, "rule.unknown: unknown field."),
]


@pytest.mark.parametrize(("rule", "message"), WRONG)
@mostly_on_sqlite
async def test_a_wrong_rule_is_refused_with_all_its_problems(api: Api, rule: Any, message: str) -> None:
    for path in ("bulk-acts/plan", "bulk-acts"):
        answer = await api.v1.post(path, {"act": "pause", "rule": rule})
        assert answer.status_code == 400
        assert message in answer.text
        if "statuses" in rule:
            assert "rule.statuses[0]" in answer.text
            assert "rule.jobs[0]" in answer.text
    assert (await api.v1.get("bulk-acts")).json()["result"] == []


async def test_an_unknown_field_is_named_with_everything_else_that_is_wrong(api: Api) -> None:
    body = {"act": "halt", "rule": {"engine": "x", "paused": 7, "statuses": "failed"}}
    answer = await api.v1.post("bulk-acts", body)
    assert answer.status_code == 400
    for path in ("rule.engine: unknown field.", "act: ", "rule.paused: ", "rule.statuses: "):
        assert path in answer.text


async def test_what_is_unknown_matches_nothing(api: Api) -> None:
    await failed(api, 1)
    for rule in (
        {"engines": ["no-such-engine"]},
        {"target": "77"},
        {"schedules": ["77"]},
        {"jobs": ["26114829_0000000000"]},
    ):
        plan = await posted(api, "bulk-acts/plan", {"act": "retry", "rule": rule})
        assert plan["matched"] == 0, rule


async def test_readers_may_only_follow(api: Api) -> None:
    await failed(api, 1)
    act = await posted(api, "bulk-acts", {"act": "retry", "rule": {"statuses": ["failed"]}})
    reader = api.holding((await identity.create_token(api.house, await api.principal(), role=Role.READER)).secret)
    assert (await reader.v1.get(f"bulk-acts/{act['id']}")).status_code == 200
    for path in ("bulk-acts/plan", "bulk-acts", f"bulk-acts/{act['id']}/undo"):
        body = {} if path.endswith("undo") else {"act": "retry", "rule": {"statuses": ["failed"]}}
        assert (await reader.v1.post(path, body)).status_code == 403


async def test_the_lists_have_the_filters_of_a_rule(api: Api) -> None:
    [lost] = await failed(api, 1)
    paused = ids.job_graphql(ids.parse_job(await api.edge.create(single())) or 0)
    await api.graphql.ask("mutation($i: ID!) { pauseJob(id: $i) { id } }", {"i": paused})

    async def rest(query: str) -> list[str]:
        return [job["coreJobID"] for job in (await api.v1.get(f"jobs?{query}")).json()["result"]]

    async def graphql(arguments: str) -> list[str]:
        return [
            job["id"]
            for job in (await api.graphql.ask(f"{{ jobs({arguments}) {{ records {{ id }} }} }}"))["jobs"]["records"]
        ]

    assert await rest("failureReason=invalid_data") == await graphql('failureReasons: ["invalid_data"]') == [lost]
    assert await rest("paused=true") == await graphql("paused: true") == [paused]
    assert await rest(f"engine={BATCH}&paused=false") == [paused, lost]
    assert await rest("jobName=none") == await rest("engine=none") == []
    assert (await api.v1.get("jobs?failureReason=odd")).status_code == 400
