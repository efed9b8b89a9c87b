"""Organizations, time zones and the server over GraphQL."""

import pytest
from tests.api.clients import Api

from enginehouse import __version__
from enginehouse.domain.identity import Role

FIELDS = """id name type businessUnit imageUrl jsondata defaultRetries status internalApplicationId
  roles { id name } users { count records { name } } applications { count records { id } } seatLimit seats"""


async def test_a_super_administrator_creates_and_everybody_reads_their_own(api: Api) -> None:
    made = await api.graphql.change(
        "createOrganization", FIELDS, name="Nord", jsondata={"plan": "gold", "n": 1}, businessUnit="TV",
        imageUrl="https://h.example/n.png", defaultRetries=2,
    )  # fmt: skip
    assert made == made | {
        "id": "2", "name": "Nord", "jsondata": {"plan": "gold", "n": 1}, "businessUnit": "TV", "defaultRetries": 2,
        "imageUrl": "https://h.example/n.png", "status": "active", "users": {"count": 0, "records": []},
        "applications": {"count": 0, "records": []}, "seats": None, "seatLimit": None,
        "roles": [{"id": name, "name": name} for name in ("admin", "user", "reader")],
    }  # fmt: skip
    for spelling in ("2", made["internalApplicationId"]):
        assert (await api.graphql.ask(f'{{ organization(id: "{spelling}") {{ {FIELDS} }} }}'))["organization"] == made
    own = (await (await api.in_role(Role.READER)).graphql.ask('{ organization(id: "1") { name } }'))["organization"]
    assert own == {"name": "Enginehouse"}
    users = (await api.graphql.ask('{ organization(id: "1") { users { records { name } } } }'))["organization"]["users"]
    assert users == {"records": [{"name": "admin"}]}
    error = await (await api.in_role(Role.USER)).graphql.refused('{ organization(id: "1") { users { count } } }')
    assert error["name"] == "not_allowed"


async def test_an_administrator_changes_only_the_own_one(api: Api) -> None:
    other = await api.another_organization()
    update = 'mutation { updateOrganization(input: {id: "%s", name: "Renamed"}) { name jsondata } }'
    assert (await other.graphql.ask(update % 2))["updateOrganization"] == {"name": "Renamed", "jsondata": None}
    assert (await other.graphql.refused(update % 1))["name"] == "not_found"
    assert (await (await api.in_role(Role.ADMIN)).graphql.refused(update % 2))["name"] == "not_found"
    assert (await (await api.in_role(Role.USER)).graphql.refused(update % 1))["name"] == "not_allowed"
    create = 'mutation { createOrganization(input: {name: "More"}) { id } }'
    assert (await other.graphql.refused(create))["name"] == "not_allowed"
    changed = await api.graphql.change("updateOrganization", "name jsondata", id="2", jsondata=[1])
    assert changed == {"name": "Renamed", "jsondata": [1]}
    error = await api.graphql.refused(
        'mutation { updateOrganization(input: {id: "1", name: " ", defaultRetries: 101}) { id } }'
    )
    assert error["message"] == "name: must not be empty.\ndefaultRetries: must be between 0 and 100."
    names = (await api.graphql.ask("{ organizations { records { name } } }"))["organizations"]["records"]
    assert names == [{"name": "Enginehouse"}, {"name": "Renamed"}]


async def test_organizations_are_found_by_every_argument(api: Api) -> None:
    for name, jsondata in (("Nord", {"plan": "gold"}), ("Sued", {"plan": "iron", "old": "gold"}), ("Noir", None)):
        await api.graphql.change("createOrganization", name=name, jsondata=jsondata)
    for arguments, names in {
        "": ["Enginehouse", "Nord", "Sued", "Noir"],
        '(id: "3")': ["Sued"],
        '(name: "no")': ["Nord", "Noir"],
        '(name: "OR", nameMatch: contains)': ["Nord"],
        '(name: "d", nameMatch: endsWith)': ["Nord", "Sued"],
        '(name: "noir", nameMatch: exact)': ["Noir"],
        '(kvpProperty: "plan", kvpValue: "gold")': ["Nord"],
        '(kvpProperty: "plan")': ["Nord", "Sued"],
        '(kvpValue: "gold")': ["Nord", "Sued"],
        "(offset: 2, limit: 1)": ["Sued"],
    }.items():
        page = (await api.graphql.ask(f"{{ organizations{arguments} {{ count records {{ name }} }} }}"))[
            "organizations"
        ]
        assert [one["name"] for one in page["records"]] == names, arguments
    other = await api.another_organization()
    assert (await other.graphql.ask("{ organizations { records { id } } }"))["organizations"]["records"] == [
        {"id": "5"}
    ]
    assert (await other.graphql.ask('{ organizations(id: "1") { count } }'))["organizations"]["count"] == 0


async def test_time_zones_have_their_abbreviations(sqlite_api: Api) -> None:
    data = await sqlite_api.graphql.ask("{ timeZones { name abbreviations { name utcOffsetMinutes } } }")
    zones = {zone["name"]: zone["abbreviations"] for zone in data["timeZones"]}
    assert zones["Europe/Berlin"] == [
        {"name": "CET", "utcOffsetMinutes": 60}, {"name": "CEST", "utcOffsetMinutes": 120},
    ]  # fmt: skip
    assert zones["UTC"] == [{"name": "UTC", "utcOffsetMinutes": 0}]
    assert len(zones) > 400


async def test_the_server_says_its_version_to_whoever_has_a_token(sqlite_api: Api) -> None:
    query = "{ graphqlServiceInfo { version currentDateTime } }"
    info = (await sqlite_api.graphql.ask(query))["graphqlServiceInfo"]
    assert info["version"] == __version__
    assert info["currentDateTime"].endswith("Z")
    assert (await sqlite_api.holding(None).graphql.refused(query))["name"] == "authentication_error"


@pytest.mark.parametrize("value", ["", "x", "0", "-1", "99999999999999999999"])
async def test_a_text_that_is_no_organization_is_not_found(sqlite_api: Api, value: str) -> None:
    assert (await sqlite_api.graphql.refused(f'{{ organization(id: "{value}") {{ id }} }}'))["name"] == "not_found"
