"""Administrators read the audit over both interfaces."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.api.clients import TOKEN, Rest
from tests.api.samples import BATCH

from enginehouse.api.asgi import application
from enginehouse.domain import ids
from enginehouse.domain.audit import Entry
from enginehouse.domain.identity import Role
from enginehouse.operations import identity
from enginehouse.operations.house import House
from enginehouse.storage.audit import entries as audit_entries

FIELDS = "id organizationId userName clientIpAddress clientUserAgent eventType objectId objectType success description"


@dataclass(frozen=True)
class Reader:
    """Reads the audit with one token."""

    client: httpx.AsyncClient
    token: str

    async def rest(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(**query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["result"]
        return found

    async def get(self, **query: Any) -> httpx.Response:
        return await self.client.get("/api/v1/audit", params=query, headers=self._headers())

    async def graphql(self, arguments: str = "", fields: str = FIELDS) -> list[dict[str, Any]]:
        answer = await self.post(arguments, fields)
        assert "errors" not in answer, answer
        found: list[dict[str, Any]] = answer["data"]["auditLog"]["records"]
        return found

    async def post(self, arguments: str = "", fields: str = FIELDS) -> Any:
        asked = f"({arguments})" if arguments else ""
        query = f"{{ auditLog{asked} {{ records {{ {fields} }} count offset limit }} }}"
        return (await self.client.post("/v3/graphql", json={"query": query}, headers=self._headers())).json()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Audited:
    """Two organizations. `chief` may act for any; `owner` and `stranger` each administer one."""

    house: House
    chief: Reader
    owner: Reader
    stranger: Reader
    reader: Reader


@pytest.fixture
async def audited(house: House) -> AsyncIterator[Audited]:
    transport = httpx.ASGITransport(app=application(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        root = Rest(client, house, TOKEN)
        owner, stranger = await root.another_organization(), await root.another_organization()
        principal = await identity.authenticate(house, TOKEN)
        looks_only = await identity.create_token(house, principal, role=Role.READER)
        tokens = (TOKEN, owner.token, stranger.token, looks_only.secret)
        yield Audited(house, *(Reader(client, token) for token in tokens))


async def _create(audited: Audited, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "probe/1.0 (test)", "X-Correlation-ID": "c-9"}
    body = {"jobs": [{"tasks": [{"engineId": BATCH}]}]}
    answer = await audited.chief.client.post("/edge/v1/proc/job/create", json=body, headers=headers)
    job_id = ids.parse_job(answer.json()["internalJobIds"][0])
    assert job_id is not None
    return job_id


async def test_both_interfaces_show_the_same_each_in_its_own_spelling(audited: Audited) -> None:
    job_id = await _create(audited, audited.owner.token)
    [rest, *_] = await audited.owner.rest()
    [graphql, *_] = await audited.owner.graphql(fields=FIELDS + " createdDateTime userId tokenId correlationId")
    assert (rest["objectID"], graphql["objectId"]) == (ids.job_uuid(job_id), ids.job_graphql(job_id))
    assert rest["eventType"] == graphql["eventType"] == "createJob"
    assert rest["objectType"] == graphql["objectType"] == "Job"
    assert rest["success"] is graphql["success"] is True
    assert rest["clientUserAgent"] == graphql["clientUserAgent"] == "probe/1.0 (test)"
    assert rest["correlationID"] == graphql["correlationId"] == "c-9"
    assert (rest["auditID"], rest["tokenID"]) == (graphql["id"], graphql["tokenId"])
    assert rest["dateTime"][:19] == graphql["createdDateTime"][:19]


async def test_an_administrator_sees_its_own_organization_and_no_other(audited: Audited) -> None:
    await _create(audited, audited.owner.token)
    await audited.chief.client.get("/edge/v1/proc/jobs")  # refused without a token, so it belongs to no organization
    own = {"2"}
    assert {row["organizationID"] for row in await audited.owner.rest()} == own
    assert {row["organizationId"] for row in await audited.owner.graphql()} == own
    assert {row["organizationID"] for row in await audited.stranger.rest()} == {"3"}


async def test_a_super_administrator_sees_what_is_nobodys_and_another_organization_by_name(audited: Audited) -> None:
    await _create(audited, audited.owner.token)
    await audited.chief.client.get("/edge/v1/proc/jobs")
    assert {row.get("organizationID") for row in await audited.chief.rest()} == {"1", None}
    assert {row["organizationId"] for row in await audited.chief.graphql()} == {"1", None}
    assert {row["organizationID"] for row in await audited.chief.rest(organizationID="2")} == {"2"}
    assert {row["organizationId"] for row in await audited.chief.graphql('organizationId: "2"')} == {"2"}


@pytest.mark.parametrize("organization", ["1", "3", "987654", "x", "-1"])
async def test_another_organization_is_one_that_is_not_there(audited: Audited, organization: str) -> None:
    answer = await audited.owner.get(organizationID=organization)
    assert (answer.status_code, answer.json()["id"]) == (404, "not_found")
    [error] = (await audited.owner.post(f'organizationId: "{organization}"'))["errors"]
    assert (error["name"], error["data"]["objectType"]) == ("not_found", "Organization")


async def test_only_administrators_read_it(audited: Audited) -> None:
    answer = await audited.reader.get()
    assert (answer.status_code, answer.json()["id"]) == (403, "not_allowed")
    assert (await audited.reader.post())["errors"][0]["name"] == "not_allowed"


async def _acts(house: House, *entries: Entry) -> None:
    await house.database.write(lambda tx: audit_entries.record(tx, entries))


async def test_every_filter_works_over_both(audited: Audited) -> None:
    job_id = 1 << 60 | 77
    wanted = Entry(
        event="cancelJob",
        organization_id=2,
        user_name="ada",
        client_ip="192.0.2.1",
        user_agent="curl/8",
        object_type="Job",
        object_id=str(job_id),
        success=False,
        correlation_id="c-1",
    )
    await _acts(audited.house, wanted, Entry(event="other", organization_id=2, object_id="1"))
    [found] = await audited.owner.rest(eventType="cancelJob")
    given = {
        "userName": ("userName", "ada"),
        "clientIPAddress": ("clientIpAddress", "192.0.2.1"),
        "clientUserAgent": ("clientUserAgent", "curl"),
        "eventType": ("eventType", "cancelJob"),
        "objectType": ("objectType", "Job"),
        "correlationID": ("correlationId", "c-1"),
        "success": ("success", "false"),
    }
    for rest, (graphql, value) in given.items():
        assert await audited.owner.rest(**{rest: value}) == [found]
        said = value if rest == "success" else f'"{value}"'
        assert [row["id"] for row in await audited.owner.graphql(f"{graphql}: {said}")] == [found["auditID"]]
    for spelling in (ids.job_graphql(job_id), ids.job_uuid(job_id), ids.job_uuid(job_id).upper()):
        assert await audited.owner.rest(objectID=spelling) == [found]
        assert [row["id"] for row in await audited.owner.graphql(f'objectId: "{spelling}"')] == [found["auditID"]]
    assert [row["id"] for row in await audited.owner.graphql(f'id: ["{found["auditID"]}", "x"]')] == [found["auditID"]]
    assert await audited.owner.graphql("id: []") == []


async def test_pages_go_on_from_an_id(audited: Audited) -> None:
    await _acts(audited.house, *(Entry(event=f"e{n}", organization_id=2) for n in range(5)))
    whole = await audited.owner.rest()
    read, before = list[dict[str, Any]](), dict[str, Any]()
    while part := await audited.owner.rest(limit=2, **before):
        read += part
        before = {"before": part[-1]["auditID"]}
    assert read == whole
    by_offset = [row for at in (0, 3, 6) for row in await audited.owner.graphql(f"offset: {at}, limit: 3")]
    assert [row["id"] for row in by_offset] == [row["auditID"] for row in whole]


async def test_orders(audited: Audited) -> None:
    await _acts(audited.house, *(Entry(event=event, organization_id=2) for event in ("b", "c", "a")))
    for order, events in (
        ("{field: createdDateTime, direction: asc}", "bca"),
        ("{field: createdDateTime}", "acb"),
        ("{field: eventType, direction: asc}", "abc"),
        ("{field: eventType, direction: desc}", "cba"),
    ):
        rows = await audited.owner.graphql(f"orderBy: [{order}]")
        assert "".join(row["eventType"] for row in rows if len(row["eventType"]) == 1) == events


async def test_the_bounds_are_those_that_are_given(audited: Audited) -> None:
    await _acts(audited.house, Entry(event="now", organization_id=2))
    assert (await audited.owner.rest())[0]["eventType"] == "now"
    at = (await audited.owner.rest())[0]["dateTime"]
    assert [row["eventType"] for row in await audited.owner.rest(fromDateTime=at, toDateTime=at)] == ["now"]
    assert [row["eventType"] for row in await audited.owner.graphql(f'fromDateTime: "{at}"')] == ["now"]
    assert await audited.owner.rest(toDateTime="2020-01-08") == []
    assert await audited.owner.graphql('toDateTime: "2020-01-08"') == []


@pytest.mark.parametrize(
    ("rest", "graphql", "field"),
    [
        ({"fromDateTime": "2020-01-01"}, 'fromDateTime: "2020-01-01"', "fromDateTime"),
        (
            {"fromDateTime": "2020-01-01", "toDateTime": "2020-02-01"},
            'fromDateTime: "2020-01-01", toDateTime: "2020-02-01"',
            "fromDateTime",
        ),
        (
            {"fromDateTime": "2020-01-02", "toDateTime": "2020-01-01"},
            'fromDateTime: "2020-01-02", toDateTime: "2020-01-01"',
            "fromDateTime",
        ),
        ({"limit": "0"}, "limit: 0", "limit"),
        ({"limit": "1001"}, "limit: 1001", "limit"),
        ({"limit": "x"}, "offset: -1", None),
        ({"before": "x"}, "offset: 10001", None),
        ({"success": "maybe"}, "orderBy: [{field: userName}, {field: eventType}]", None),
        ({"fromDateTime": "yesterday"}, 'fromDateTime: "yesterday"', None),
        ({"organizationID": "0"}, 'organizationId: "0"', "organization"),
    ],
)
async def test_what_is_wrong_is_named(audited: Audited, rest: dict[str, str], graphql: str, field: str | None) -> None:
    answer = await audited.owner.get(**rest)
    [error] = (await audited.owner.post(graphql))["errors"]
    if field == "organization":
        assert (answer.status_code, error["name"]) == (404, "not_found")
        return
    assert (answer.status_code, answer.json()["id"], error["name"]) == (400, "invalid_input", "invalid_input")
    path = next(iter(rest)) if field is None else field
    assert answer.json()["errors"][0]["path"] == path
    if field is not None:
        assert error["data"]["field"] == field


async def test_thirty_days_are_allowed(audited: Audited) -> None:
    bounds = {"fromDateTime": "2020-01-01T00:00:00Z", "toDateTime": "2020-01-31T00:00:00Z"}
    assert await audited.owner.rest(**bounds) == []
    both = ", ".join(f'{name}: "{value}"' for name, value in bounds.items())
    assert await audited.owner.graphql(both) == []


@pytest.mark.parametrize("value", ["\x00", "'; DROP TABLE audit_entry; --", "%", "é" * 300])
async def test_odd_texts_find_nothing(audited: Audited, value: str) -> None:
    arguments = 'userName: "' + value.replace("\x00", "\\u0000") + '"'
    assert await audited.owner.graphql(arguments) == []
    answer = await audited.owner.get(userName=value)
    assert (answer.status_code == 400) if value == "\x00" else (answer.json()["result"] == [])
