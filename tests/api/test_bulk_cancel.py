"""Cancelling a time range over both interfaces: the documented form, our own, and every refusal."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.api.clients import TOKEN, Rest
from tests.api.samples import single

from enginehouse.api.asgi import application
from enginehouse.domain import ids
from enginehouse.operations import accounts, bulk_cancels, identity
from enginehouse.operations.house import House, Limits

DOCUMENTED, OWN = "/edge/v1/proc/jobs/cancel", "/api/v1/jobs/cancel"
RANGE = {"createdAfterDateTime": "2020-01-01", "createdBeforeDateTime": "2100-01-01T00:00:00"}
CANCEL = """
mutation ($org: ID, $after: DateTime, $before: DateTime, $running: Boolean, $dry: Boolean, $confirm: Int) {
  cancelJobs(organizationId: $org, createdAfterDateTime: $after, createdBeforeDateTime: $before,
    includeRunning: $running, dryRun: $dry, confirmCount: $confirm) {
    id organizationId count stopping settled createdAfterDateTime createdBeforeDateTime acceptedDateTime settledDateTime
  }
}"""
NO_SELECTOR = (
    "Give exactly one of jobID, scheduledJobID, or organizationID with createdAfterDateTime and createdBeforeDateTime."
)
DATE = "not a valid date-time (ISO 8601, Unix seconds or milliseconds)."


@dataclass(frozen=True)
class Caller:
    """A holder of a token of one organization, on both interfaces."""

    client: httpx.AsyncClient
    house: House
    token: str
    organization_id: int

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self._headers())

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path, headers=self._headers())

    async def graphql(self, query: str, **variables: Any) -> Any:
        answer = await self.post("/v3/graphql", {"query": query, "variables": variables})
        return answer.json()

    async def create(self, count: int = 1) -> list[str]:
        answer = await self.post("/edge/v1/proc/job/create", {"jobs": [single() for _ in range(count)]})
        found: list[str] = answer.json()["internalJobIds"]
        return found

    async def statuses(self, job_ids: list[str]) -> set[str]:
        """What both interfaces say of the jobs."""
        found = set[str]()
        for job_id in job_ids:
            answer = await self.get(f"/edge/v1/proc/job/{job_id}/status")
            by_graphql = await self.graphql("query ($id: ID!) { job(id: $id) { status } }", id=job_id)
            assert by_graphql["data"]["job"]["status"] == answer.json()["job"]["jobStatus"]
            found.add(answer.json()["job"]["jobStatus"])
        return found

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@pytest.fixture
async def root(house: House) -> AsyncIterator[Caller]:
    """The super administrator of organization 1."""
    transport = httpx.ASGITransport(app=application(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Caller(client, house, TOKEN, 1)


@pytest.fixture
async def other(root: Caller) -> Caller:
    """An ordinary administrator of another organization."""
    chief = await identity.authenticate(root.house, root.token)
    organization = await accounts.create_organization(root.house, chief, "Other")
    issued = await identity.create_token(root.house, chief, organization_id=organization.id)
    return Caller(root.client, root.house, issued.secret, organization.id)


async def spellings(caller: Caller) -> list[str | int]:
    """Every id that the caller's organization has."""
    principal = await identity.authenticate(caller.house, caller.token)
    found = await accounts.get_organization(caller.house, principal, None)
    uuid = ids.tagged_uuid(ids.Tag.ORGANIZATION, found.id)
    return [found.id, str(found.id), uuid, uuid.upper(), found.application_id, found.application_id.upper()]


async def test_the_documented_form_takes_every_spelling_of_the_organization(other: Caller) -> None:
    for spelling in await spellings(other):
        jobs = await other.create(2)
        answer = await other.post(DOCUMENTED, {"organizationID": spelling, **RANGE})
        assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 2})
        assert await other.statuses(jobs) == {"aborted"}


async def test_a_foreign_organization_is_not_found_unless_the_caller_acts_for_all(root: Caller, other: Caller) -> None:
    mine, theirs = await root.create(), await other.create()
    for spelling in await spellings(root):
        foreign = await other.post(DOCUMENTED, {"organizationID": spelling, **RANGE})
        assert foreign.status_code == 404
        assert foreign.json()["detail"] == f'organizationID: Organization "{spelling}" was not found.'
        by_graphql = await other.graphql(CANCEL, org=spelling, after="2020-01-01", before="2100-01-01")
        assert by_graphql["errors"][0]["name"] == "not_found"
    assert await root.statuses(mine) == {"pending"}
    answer = await root.post(DOCUMENTED, {"organizationID": str(other.organization_id), **RANGE})
    assert answer.json() == {"success": True, "count": 1}
    assert await other.statuses(theirs) == {"aborted"}
    assert await root.statuses(mine) == {"pending"}


async def test_an_upper_bound_without_a_fraction_covers_its_whole_second(root: Caller) -> None:
    [job] = await root.create()
    number = ids.parse_job(job)
    assert number is not None
    second = ids.micros_of(number) // 1_000_000
    before = {"organizationID": "1", "createdAfterDateTime": second - 5, "createdBeforeDateTime": second - 1}
    assert (await root.post(DOCUMENTED, before)).json()["count"] == 0
    exact = {"organizationID": "1", "createdAfterDateTime": second, "createdBeforeDateTime": second}
    assert (await root.post(DOCUMENTED, exact)).json()["count"] == 1


async def test_running_jobs_are_skipped_or_stopped_as_asked(root: Caller) -> None:
    rest = Rest(root.client, root.house, root.token)
    [running] = await root.create()
    await rest.start_one()
    await root.create()
    plain = await root.post(DOCUMENTED, {"organizationID": "1", **RANGE})
    assert plain.json() == {"success": True, "count": 1}
    await root.create()
    both = await root.post(DOCUMENTED, {"organizationID": "1", **RANGE, "includeRunning": True})
    assert both.json() == {"success": True, "count": 1, "stopping": 1}
    while await bulk_cancels.apply(root.house):
        pass
    shown = (await root.get(f"/edge/v1/proc/job/{running}/detail")).json()["job"]
    assert (shown["jobStatus"], shown["stopping"]) == ("running", 1)


@pytest.mark.parametrize(
    "body",
    [
        {"organizationID": "1"},
        {"organizationID": "1", "createdAfterDateTime": "2020-01-01"},
        {"organizationID": "1", "createdBeforeDateTime": "2020-01-01"},
        {"organizationID": "1", "createdAfterDateTime": "0001-01-01T00:00:00Z", "createdBeforeDateTime": "2100-01-01"},
        {"organizationID": "1", "createdAfterDateTime": "", "createdBeforeDateTime": "2100-01-01"},
        {**RANGE},
    ],
)
async def test_b47_b51_a_range_of_which_a_part_is_missing_is_refused(root: Caller, body: dict[str, str]) -> None:
    jobs = await root.create()
    answer = await root.post(DOCUMENTED, body)
    assert (answer.status_code, answer.json()["detail"]) == (400, NO_SELECTOR)
    assert await root.statuses(jobs) == {"pending"}


async def test_b48_a_range_beside_a_job_is_refused(root: Caller) -> None:
    [job] = await root.create()
    answer = await root.post(DOCUMENTED, {"jobID": job, "organizationID": "1", **RANGE})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Give exactly one selector; got jobID and organizationID."
    assert await root.statuses([job]) == {"pending"}


@pytest.mark.parametrize("path", [DOCUMENTED, OWN])
async def test_b51_bounds_the_wrong_way_round_and_what_is_no_date_are_refused(root: Caller, path: str) -> None:
    jobs = await root.create()
    swapped = {"createdAfterDateTime": "2100-01-01", "createdBeforeDateTime": "2020-01-01"}
    answer = await root.post(path, {"organizationID": "1", **swapped})
    assert (answer.status_code, answer.json()["detail"]) == (400, "createdBefore must be after createdAfter.")
    by_graphql = await root.graphql(CANCEL, after="2100-01-01", before="2020-01-01")
    assert by_graphql["errors"][0]["name"] == "invalid_input"
    assert by_graphql["errors"][0]["message"] == "createdBefore must be after createdAfter."
    wrong = {"createdAfterDateTime": "yesterday", "createdBeforeDateTime": "later"}
    answer = await root.post(path, {"organizationID": "1", **wrong})
    assert answer.status_code == 400
    assert answer.json()["detail"] == f"createdAfterDateTime: {DATE}\ncreatedBeforeDateTime: {DATE}"
    assert await root.statuses(jobs) == {"pending"}


async def test_b52_nothing_that_matches_is_a_success(root: Caller) -> None:
    past = {"createdAfterDateTime": 0, "createdBeforeDateTime": 1}
    assert (await root.post(DOCUMENTED, {"organizationID": "1", **past})).json() == {"success": True, "count": 0}
    answer = (await root.post(OWN, past)).json()["result"]
    assert (answer["count"], answer["settled"]) == (0, 0)
    assert answer["settledDateTime"] == answer["acceptedDateTime"] or answer["settledDateTime"]


async def test_b53_an_unknown_field_is_refused(root: Caller) -> None:
    answer = await root.post(OWN, {**RANGE, "orgId": "1"})
    assert answer.status_code == 400
    assert "orgId: unknown field" in answer.json()["detail"]


async def test_b54_many_are_confirmed_in_our_own_form_and_not_in_the_documented_one(root: Caller) -> None:
    house = House.build(root.house.database, root.house.store, Limits(unconfirmed_cancels=1))
    jobs = await root.create(2)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application(house)), base_url="http://test"
    ) as client:
        caller = Caller(client, house, root.token, 1)
        refused = await caller.post(OWN, RANGE)
        text = "Would cancel 2 jobs; repeat with confirmCount: 2."
        assert (refused.status_code, refused.json()["id"]) == (409, "not_confirmed")
        assert refused.json()["detail"] == text
        by_graphql = await caller.graphql(CANCEL, after="2020-01-01", before="2100-01-01", confirm=1)
        assert (by_graphql["errors"][0]["name"], by_graphql["errors"][0]["message"]) == ("invalid_input", text)
        assert await root.statuses(jobs) == {"pending"}
        confirmed = await caller.post(OWN, {**RANGE, "confirmCount": 2})
        assert confirmed.json()["result"]["count"] == 2
        await root.create(2)
        assert (await caller.post(DOCUMENTED, {"organizationID": "1", **RANGE})).json()["count"] == 2


async def test_our_own_form_says_what_it_would_do_and_how_far_it_has_come(root: Caller, other: Caller) -> None:
    jobs = await root.create(3)
    would = (await root.post(OWN, {**RANGE, "dryRun": True})).json()["result"]
    assert would == {
        "organizationID": "1",
        "createdAfterDateTime": "2020-01-01T00:00:00Z",
        "createdBeforeDateTime": "2100-01-01T00:00:00.999999Z",
        "count": 3,
        "dryRun": True,
    }
    assert await root.statuses(jobs) == {"pending"}
    made = (await root.post(OWN, RANGE)).json()["result"]
    assert (made["count"], made["settled"], "settledDateTime" in made, "stopping" in made) == (3, 0, False, False)
    path = f"/api/v1/bulk-cancels/{made['id']}"
    assert (await root.get(path)).json()["result"] == made
    while await bulk_cancels.apply(root.house):
        pass
    ended = (await root.get(path)).json()["result"]
    assert (ended["count"], ended["settled"]) == (3, 3)
    assert ended["settledDateTime"]
    asked = "query ($id: ID!) { bulkCancel(id: $id) { id count settled settledDateTime stopping } }"
    found = (await root.graphql(asked, id=made["id"]))["data"]["bulkCancel"]
    assert (found["id"], found["count"], found["settled"], found["stopping"]) == (made["id"], 3, 3, None)
    for unknown in (made["id"], "12345", "x"):
        assert (await other.get(f"/api/v1/bulk-cancels/{unknown}")).status_code == 404


async def test_a_key_makes_it_done_once_over_whichever_interface(root: Caller) -> None:
    await root.create(2)
    keyed = {"Authorization": f"Bearer {root.token}", "Idempotency-Key": "k1"}
    body = {"organizationID": "1", **RANGE}
    first = await root.client.post(DOCUMENTED, json=body, headers=keyed)
    await root.create()
    again = await root.client.post(DOCUMENTED, json=body, headers=keyed)
    assert first.json() == again.json() == {"success": True, "count": 2}
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    own = await root.client.post(OWN, json=RANGE, headers=keyed)
    assert own.json()["result"]["count"] == 2
    query = CANCEL.replace("$confirm: Int)", "$confirm: Int, $key: String)").replace(
        "confirmCount: $confirm)", "confirmCount: $confirm, idempotencyKey: $key)"
    )
    bounds = {"after": RANGE["createdAfterDateTime"], "before": RANGE["createdBeforeDateTime"]}
    answer = await root.graphql(query, **bounds, key="k1")
    assert answer["data"]["cancelJobs"]["count"] == 2
    other = await root.client.post(OWN, json={**RANGE, "includeRunning": True}, headers=keyed)
    assert (other.status_code, other.json()["id"]) == (422, "idempotency_key_reused")


async def test_graphql_has_the_same_operation(root: Caller) -> None:
    jobs = await root.create(2)
    rest = Rest(root.client, root.house, root.token)
    await rest.start_one()
    bounds = {"after": "2020-01-01", "before": "2100-01-01T00:00:00"}
    would = (await root.graphql(CANCEL, **bounds, dry=True, running=True))["data"]["cancelJobs"]
    assert (would["id"], would["count"], would["stopping"], would["settled"]) == (None, 1, 1, None)
    assert "aborted" not in await root.statuses(jobs)
    made = (await root.graphql(CANCEL, **bounds, org="1"))["data"]["cancelJobs"]
    assert (made["organizationId"], made["count"], made["stopping"], made["settled"]) == ("1", 1, None, 0)
    assert made["createdBeforeDateTime"] == "2100-01-01T00:00:00.999Z"
    listed = "{ jobs(status: [cancelled]) { records { status tasks { records { status } } } count } }"
    found = (await root.graphql(listed))["data"]["jobs"]
    assert found["count"] == 1
    assert [job["status"] for job in found["records"]] == ["aborted"]
    zero = await root.graphql(CANCEL, after="0001-01-01T00:00:00Z", before="2100-01-01")
    assert zero["errors"][0]["message"] == "createdAfterDateTime: required."
