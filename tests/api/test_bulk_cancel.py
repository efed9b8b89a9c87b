"""Cancelling a time range over both interfaces: the documented form, our own, and every refusal."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids
from enginehouse.operations import accounts, bulk_cancels

DOCUMENTED, OWN = "POST /edge/v1/proc/jobs/cancel", "POST /api/v1/jobs/cancel"
RANGE = {"createdAfterDateTime": "2020-01-01", "createdBeforeDateTime": "2100-01-01T00:00:00"}
WHOLE = {"organizationID": "1", **RANGE}
CANCEL = """mutation (
  $org: ID, $after: DateTime, $before: DateTime, $running: Boolean, $dry: Boolean, $confirm: Int, $key: String
) {
  cancelJobs(organizationId: $org, createdAfterDateTime: $after, createdBeforeDateTime: $before,
    includeRunning: $running, dryRun: $dry, confirmCount: $confirm, idempotencyKey: $key) {
    id organizationId count stopping settled createdAfterDateTime createdBeforeDateTime acceptedDateTime settledDateTime
  }
}"""
BOUNDS = {"after": "2020-01-01", "before": "2100-01-01T00:00:00"}
NO_SELECTOR = (
    "Give exactly one of jobID, scheduledJobID, or organizationID with createdAfterDateTime and createdBeforeDateTime."
)
SWAPPED, ORDER = ("2100-01-01", "2020-01-01"), "createdBefore must be after createdAfter."
NO_DATES = "\n".join(
    f"{name}: not a valid date-time (ISO 8601, Unix seconds or milliseconds)."
    for name in ("createdAfterDateTime", "createdBeforeDateTime")
)


def organization(after: Any, before: Any) -> dict[str, Any]:
    return {"organizationID": "1", "createdAfterDateTime": after, "createdBeforeDateTime": before}


async def create(api: Api, count: int = 1) -> list[str]:
    return [await api.edge.create() for _ in range(count)]


async def settle(api: Api) -> None:
    while await bulk_cancels.apply(api.house):
        pass


async def statuses(api: Api, job_ids: list[str]) -> set[str]:
    """What both interfaces say of the jobs."""
    found = set[str]()
    for job_id in job_ids:
        by_rest = (await api.ask(f"GET /edge/v1/proc/job/{job_id}/status")).result["job"]["jobStatus"]
        by_graphql = (await api.ask("query ($id: ID!) { job(id: $id) { status } }", {"id": job_id})).result["status"]
        assert by_graphql == by_rest
        found.add(by_rest)
    return found


async def spellings(api: Api) -> list[str | int]:
    """Every id that the caller's organization has."""
    found = await accounts.get_organization(api.house, await api.principal(), None)
    uuid = ids.organization_uuid(found.id)
    return [found.id, str(found.id), uuid, uuid.upper(), found.application_id, found.application_id.upper()]


async def test_the_documented_form_takes_every_spelling_of_the_organization(foreign: Api) -> None:
    for spelling in await spellings(foreign):
        jobs = await create(foreign, 2)
        answer = await foreign.ask(DOCUMENTED, {"organizationID": spelling, **RANGE})
        assert (answer.status, answer.body) == (200, {"success": True, "count": 2})
        assert await statuses(foreign, jobs) == {"aborted"}


async def test_a_foreign_organization_is_not_found_unless_the_caller_acts_for_all(api: Api, foreign: Api) -> None:
    mine, theirs = await create(api), await create(foreign)
    for spelling in await spellings(api):
        answer = await foreign.ask(DOCUMENTED, {"organizationID": spelling, **RANGE})
        assert answer.status == 404
        assert answer.message == f'organizationID: Organization "{spelling}" was not found.'
        assert (await foreign.ask(CANCEL, {"org": spelling, **BOUNDS})).error == "not_found"
    assert await statuses(api, mine) == {"pending"}
    answer = await api.ask(DOCUMENTED, {"organizationID": (await spellings(foreign))[1], **RANGE})
    assert answer.body == {"success": True, "count": 1}
    assert await statuses(foreign, theirs) == {"aborted"}
    assert await statuses(api, mine) == {"pending"}


async def test_an_upper_bound_without_a_fraction_covers_its_whole_second(api: Api) -> None:
    [job] = await create(api)
    second = ids.micros_of(ids.parse_job(job) or 0) // 1_000_000
    for after, before, count in ((second - 5, second - 1, 0), (second, second, 1)):
        assert (await api.ask(DOCUMENTED, organization(after, before))).body["count"] == count


async def test_running_jobs_are_skipped_or_stopped_as_asked(api: Api) -> None:
    [running] = await create(api)
    await api.edge.start_one()
    await create(api)
    assert (await api.ask(DOCUMENTED, WHOLE)).body == {"success": True, "count": 1}
    await create(api)
    both = await api.ask(DOCUMENTED, {**WHOLE, "includeRunning": True})
    assert both.body == {"success": True, "count": 1, "stopping": 1}
    await settle(api)
    shown = await api.edge.own_detail(running)
    assert (shown["jobStatus"], shown["stopping"]) == ("running", 1)


@pytest.mark.parametrize(
    ("operation", "given", "text"),
    [
        (DOCUMENTED, {"organizationID": "1"}, NO_SELECTOR),
        (DOCUMENTED, {"organizationID": "1", "createdAfterDateTime": "2020-01-01"}, NO_SELECTOR),
        (DOCUMENTED, {"organizationID": "1", "createdBeforeDateTime": "2020-01-01"}, NO_SELECTOR),
        (DOCUMENTED, organization("0001-01-01T00:00:00Z", "2100-01-01"), NO_SELECTOR),
        (DOCUMENTED, organization("", "2100-01-01"), NO_SELECTOR),
        (DOCUMENTED, RANGE, NO_SELECTOR),
        (DOCUMENTED, {"jobID": "{job}", **WHOLE}, "Give exactly one selector; got jobID and organizationID."),
        (DOCUMENTED, organization(*SWAPPED), ORDER),
        (OWN, organization(*SWAPPED), ORDER),
        (CANCEL, dict(zip(BOUNDS, SWAPPED, strict=True)), ORDER),
        (DOCUMENTED, organization("yesterday", "later"), NO_DATES),
        (OWN, organization("yesterday", "later"), NO_DATES),
        (CANCEL, {**BOUNDS, "after": "0001-01-01T00:00:00Z"}, "createdAfterDateTime: required."),
    ],
)
@mostly_on_sqlite
async def test_b47_b48_b51_what_is_no_range_of_one_organization_is_refused(
    api: Api, operation: str, given: dict[str, Any], text: str
) -> None:
    [job] = await create(api)
    answer = await api.ask(operation, {name: job if value == "{job}" else value for name, value in given.items()})
    assert (answer.status, *answer.outcome) == (200 if operation == CANCEL else 400, "invalid_input", text)
    assert await statuses(api, [job]) == {"pending"}


async def test_b52_nothing_that_matches_is_a_success(api: Api) -> None:
    assert (await api.ask(DOCUMENTED, organization(0, 1))).body == {"success": True, "count": 0}
    made = (await api.ask(OWN, {"createdAfterDateTime": 0, "createdBeforeDateTime": 1})).result
    assert (made["count"], made["settled"]) == (0, 0)
    assert made["settledDateTime"]


async def test_b53_an_unknown_field_is_refused(api: Api) -> None:
    answer = await api.ask(OWN, {**RANGE, "orgId": "1"})
    assert answer.status == 400
    assert "orgId: unknown field" in answer.message


async def test_b54_many_are_confirmed_in_our_own_form_and_not_in_the_documented_one(api: Api) -> None:
    api.limit(unconfirmed_cancels=1)
    jobs = await create(api, 2)
    text = "Would cancel 2 jobs; repeat with confirmCount: 2."
    refused = await api.ask(OWN, RANGE)
    assert (refused.status, *refused.outcome) == (409, "not_confirmed", text)
    assert (await api.ask(CANCEL, {**BOUNDS, "confirm": 1})).outcome == ("invalid_input", text)
    assert await statuses(api, jobs) == {"pending"}
    assert (await api.ask(OWN, {**RANGE, "confirmCount": 2})).result["count"] == 2
    await create(api, 2)
    assert (await api.ask(DOCUMENTED, WHOLE)).body["count"] == 2


async def test_our_own_form_says_what_it_would_do_and_how_far_it_has_come(api: Api, foreign: Api) -> None:
    jobs = await create(api, 3)
    assert (await api.ask(OWN, {**RANGE, "dryRun": True})).result == {
        "organizationID": "1", "createdAfterDateTime": "2020-01-01T00:00:00Z",
        "createdBeforeDateTime": "2100-01-01T00:00:00.999999Z", "count": 3, "dryRun": True,
    }  # fmt: skip
    assert await statuses(api, jobs) == {"pending"}
    made = (await api.ask(OWN, RANGE)).result
    assert (made["count"], made["settled"], "settledDateTime" in made, "stopping" in made) == (3, 0, False, False)
    show = f"GET /api/v1/bulk-cancels/{made['id']}"
    assert (await api.ask(show)).result == made
    await settle(api)
    ended = (await api.ask(show)).result
    assert (ended["count"], ended["settled"]) == (3, 3)
    assert ended["settledDateTime"]
    query = "query ($id: ID!) { bulkCancel(id: $id) { id count settled settledDateTime stopping } }"
    found = (await api.ask(query, {"id": made["id"]})).result
    assert (found["id"], found["count"], found["settled"], found["stopping"]) == (made["id"], 3, 3, None)
    for unknown in (made["id"], "12345"):
        assert (await foreign.ask(f"GET /api/v1/bulk-cancels/{unknown}")).status == 404


async def test_a_key_makes_it_done_once_over_whichever_interface(api: Api) -> None:
    await create(api, 2)
    first = await api.ask(DOCUMENTED, WHOLE, idempotency_key="k1")
    await create(api)
    again = await api.ask(DOCUMENTED, WHOLE, idempotency_key="k1")
    assert first.body == again.body == {"success": True, "count": 2}
    replayed = "idempotent-replayed"
    assert (replayed in first.response.headers, again.response.headers[replayed]) == (False, "true")
    assert (await api.ask(OWN, RANGE, idempotency_key="k1")).result["count"] == 2
    bounds = {"after": RANGE["createdAfterDateTime"], "before": RANGE["createdBeforeDateTime"]}
    assert (await api.ask(CANCEL, {**bounds, "key": "k1"})).result["count"] == 2
    other = await api.ask(OWN, {**RANGE, "includeRunning": True}, idempotency_key="k1")
    assert (other.status, other.error) == (422, "idempotency_key_reused")


async def test_graphql_has_the_same_operation(api: Api) -> None:
    jobs = await create(api, 2)
    await api.edge.start_one()
    would = (await api.ask(CANCEL, {**BOUNDS, "dry": True, "running": True})).result
    assert (would["id"], would["count"], would["stopping"], would["settled"]) == (None, 1, 1, None)
    assert "aborted" not in await statuses(api, jobs)
    made = (await api.ask(CANCEL, {**BOUNDS, "org": "1"})).result
    assert (made["organizationId"], made["count"], made["stopping"], made["settled"]) == ("1", 1, None, 0)
    assert made["createdBeforeDateTime"] == "2100-01-01T00:00:00.999Z"
    query = "{ jobs(status: [cancelled]) { records { status tasks { records { status } } } count } }"
    found = (await api.graphql.ask(query))["jobs"]
    assert found["count"] == 1
    assert [job["status"] for job in found["records"]] == ["aborted"]
