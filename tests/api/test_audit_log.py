"""Administrators read the audit over both interfaces."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import single
from tests.api.verbs import Answer
from tests.thorough import mostly_on_sqlite

from enginehouse.domain import ids
from enginehouse.domain.audit import Entry
from enginehouse.domain.identity import Role
from enginehouse.storage.audit import entries

FIELDS = "id organizationId userName clientIpAddress clientUserAgent eventType objectId objectType success description"


async def ask_rest(api: Api, **query: Any) -> Answer:
    return Answer(await api.v1.get("audit", params=query))


async def ask_graphql(api: Api, arguments: str = "", fields: str = FIELDS) -> Answer:
    given = f"({arguments})" if arguments else ""
    return await api.ask(f"{{ auditLog{given} {{ records {{ {fields} }} count offset limit }} }}")


async def rest(api: Api, **query: Any) -> Any:
    return (await ask_rest(api, **query)).result


async def graphql(api: Api, arguments: str = "", fields: str = FIELDS) -> Any:
    return (await ask_graphql(api, arguments, fields)).result


async def act(api: Api, *acts: Entry) -> None:
    """The entries are recorded."""
    await api.house.database.write(lambda tx: entries.record(tx, acts))


async def create(api: Api) -> int:
    job = {"jobs": [single()]}
    answer = await api.ask("POST /edge/v1/proc/job/create", job, user_agent="probe/1.0 (test)", x_correlation_id="c-9")
    job_id = ids.parse_job(answer.result["internalJobIds"][0])
    assert job_id is not None
    return job_id


async def test_both_interfaces_show_the_same_each_in_its_own_spelling(foreign: Api) -> None:
    job_id = await create(foreign)
    [ours, *_] = await rest(foreign)
    [theirs, *_] = await graphql(foreign, fields=FIELDS + " createdDateTime userId tokenId correlationId")
    assert (ours["objectID"], theirs["objectId"]) == (ids.job_uuid(job_id), ids.job_graphql(job_id))
    assert ours["eventType"] == theirs["eventType"] == "createJob"
    assert ours["objectType"] == theirs["objectType"] == "Job"
    assert ours["success"] is theirs["success"] is True
    assert ours["clientUserAgent"] == theirs["clientUserAgent"] == "probe/1.0 (test)"
    assert ours["correlationID"] == theirs["correlationId"] == "c-9"
    assert (ours["auditID"], ours["tokenID"]) == (theirs["id"], theirs["tokenId"])
    assert ours["dateTime"][:19] == theirs["createdDateTime"][:19]


async def test_an_administrator_sees_its_own_organization_and_a_super_administrator_nobodys_too(
    api: Api, foreign: Api, stranger: Api
) -> None:
    await create(foreign)
    await api.holding(None).ask("GET /edge/v1/proc/jobs")  # refused without a token, so it belongs to no organization
    for caller, seen in ((foreign, {"2"}), (stranger, {"3"}), (api, {"1", None})):
        assert {row.get("organizationID") for row in await rest(caller)} == seen
        assert {row["organizationId"] for row in await graphql(caller)} == seen
    assert {row["organizationID"] for row in await rest(api, organizationID="2")} == {"2"}
    assert {row["organizationId"] for row in await graphql(api, 'organizationId: "2"')} == {"2"}


@pytest.mark.parametrize("organization", ["1", "3", "987654", "x", "-1"])
async def test_another_organization_is_one_that_is_not_there(foreign: Api, stranger: Api, organization: str) -> None:
    answer = await ask_rest(foreign, organizationID=organization)
    assert (answer.status, answer.error) == ((404, "not_found") if organization.isdigit() else (400, "invalid_input"))
    [error] = (await ask_graphql(foreign, f'organizationId: "{organization}"')).body["errors"]
    assert (error["name"], error["data"]["objectType"]) == ("not_found", "Organization")


async def test_only_administrators_read_it(api: Api) -> None:
    reader = await api.in_role(Role.READER)
    answer = await ask_rest(reader)
    assert (answer.status, answer.error) == (403, "not_allowed")
    assert (await ask_graphql(reader)).error == "not_allowed"


async def test_every_filter_works_over_both(foreign: Api) -> None:
    job_id = 1 << 60 | 77
    act_of_ada = Entry(
        event="cancelJob", organization_id=2, user_name="ada", client_ip="192.0.2.1", user_agent="curl/8",
        object_type="Job", object_id=str(job_id), success=False, correlation_id="c-1",
    )  # fmt: skip
    await act(foreign, act_of_ada, Entry(event="other", organization_id=2, object_id="1"))
    [found] = await rest(foreign, eventType="cancelJob")
    filters = {
        "userName": ("userName", "ada"),
        "clientIPAddress": ("clientIpAddress", "192.0.2.1"),
        "clientUserAgent": ("clientUserAgent", "curl"),
        "eventType": ("eventType", "cancelJob"),
        "objectType": ("objectType", "Job"),
        "correlationID": ("correlationId", "c-1"),
        "success": ("success", "false"),
    }
    for name, (argument, value) in filters.items():
        assert await rest(foreign, **{name: value}) == [found]
        literal = value if name == "success" else f'"{value}"'
        assert [row["id"] for row in await graphql(foreign, f"{argument}: {literal}")] == [found["auditID"]]
    for spelling in (ids.job_graphql(job_id), ids.job_uuid(job_id), ids.job_uuid(job_id).upper()):
        assert await rest(foreign, objectID=spelling) == [found]
        assert [row["id"] for row in await graphql(foreign, f'objectId: "{spelling}"')] == [found["auditID"]]
    assert [row["id"] for row in await graphql(foreign, f'id: ["{found["auditID"]}", "x"]')] == [found["auditID"]]
    assert await graphql(foreign, "id: []") == []


async def test_pages_go_on_from_an_id(foreign: Api) -> None:
    await act(foreign, *(Entry(event=f"e{n}", organization_id=2) for n in range(5)))
    whole = await rest(foreign)
    read, before = list[dict[str, Any]](), dict[str, Any]()
    while part := await rest(foreign, limit=2, **before):
        read += part
        before = {"before": part[-1]["auditID"]}
    assert read == whole
    by_offset = [row for at in (0, 3, 6) for row in await graphql(foreign, f"offset: {at}, limit: 3")]
    assert [row["id"] for row in by_offset] == [row["auditID"] for row in whole]


async def test_orders(foreign: Api) -> None:
    await act(foreign, *(Entry(event=event, organization_id=2) for event in ("b", "c", "a")))
    for order, events in (
        ("{field: createdDateTime, direction: asc}", "bca"),
        ("{field: createdDateTime}", "acb"),
        ("{field: eventType, direction: asc}", "abc"),
        ("{field: eventType, direction: desc}", "cba"),
    ):
        rows = await graphql(foreign, f"orderBy: [{order}]")
        assert "".join(row["eventType"] for row in rows if len(row["eventType"]) == 1) == events


async def test_the_bounds_are_those_that_are_given(foreign: Api) -> None:
    await act(foreign, Entry(event="now", organization_id=2))
    assert (await rest(foreign))[0]["eventType"] == "now"
    at = (await rest(foreign))[0]["dateTime"]
    assert [row["eventType"] for row in await rest(foreign, fromDateTime=at, toDateTime=at)] == ["now"]
    assert [row["eventType"] for row in await graphql(foreign, f'fromDateTime: "{at}"')] == ["now"]
    assert await rest(foreign, toDateTime="2020-01-08") == []
    assert await graphql(foreign, 'toDateTime: "2020-01-08"') == []


@pytest.mark.parametrize(
    ("query", "arguments", "field"),
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
@mostly_on_sqlite
async def test_what_is_wrong_is_named(foreign: Api, query: dict[str, str], arguments: str, field: str | None) -> None:
    ours, theirs = await ask_rest(foreign, **query), await ask_graphql(foreign, arguments)
    if field == "organization":
        assert (ours.status, theirs.error) == (404, "not_found")
        return
    assert (ours.status, ours.error, theirs.error) == (400, "invalid_input", "invalid_input")
    assert ours.body["errors"][0]["path"] == (next(iter(query)) if field is None else field)
    if field is not None:
        assert theirs.body["errors"][0]["data"]["field"] == field


async def test_thirty_days_are_allowed(foreign: Api) -> None:
    bounds = {"fromDateTime": "2020-01-01T00:00:00Z", "toDateTime": "2020-01-31T00:00:00Z"}
    assert await rest(foreign, **bounds) == []
    both = ", ".join(f'{name}: "{value}"' for name, value in bounds.items())
    assert await graphql(foreign, both) == []


@pytest.mark.parametrize("value", ["\x00", "'; DROP TABLE audit_entry; --", "%", "é" * 300])
async def test_odd_texts_find_nothing(foreign: Api, value: str) -> None:
    arguments = 'userName: "' + value.replace("\x00", "\\u0000") + '"'
    assert await graphql(foreign, arguments) == []
    answer = await ask_rest(foreign, userName=value)
    assert (answer.status == 400) if value == "\x00" else (answer.result == [])
