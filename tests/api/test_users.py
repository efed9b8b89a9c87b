"""Users over GraphQL: what administrators and users themselves may do, and what holds at once."""

import asyncio
from typing import Any

import pytest
from tests.api.clients import Api

from enginehouse.domain.identity import Role
from enginehouse.operations import accounts, identity

FIELDS = """id name firstName lastName email imageUrl jsondata organizationId status roleIds roles { id name description
  permissions { count records { id name } } } permissions { count } lastLoginDateTime passwordUpdatedDateTime"""
PASSWORD = "correct horse"
LAST = "this is the last administrator of the organization. Make another user an administrator first."


async def sign_in(api: Api, name: str = "ada", password: str = PASSWORD) -> Api:
    """Returns the interfaces with a session of the user."""
    return api.holding((await identity.login(api.house, name, password)).token)


async def is_known(api: Api) -> bool:
    """True if the token is valid."""
    return "errors" not in (await api.graphql.post("{ me { id } }")).json()


@pytest.fixture
async def ada(api: Api) -> dict[str, Any]:
    """Returns the user ada, as its creation shows it."""
    made: dict[str, Any] = await api.graphql.change(
        "createUser", FIELDS, name="ada", password=PASSWORD, firstName="Mary Ann", lastName="Evans",
        email="ada@example.com", roleIds=["user"], jsondata={"team": [1]}, imageUrl="https://h.example/a.png",
    )  # fmt: skip
    return made


async def test_a_user_is_created_read_and_changed(api: Api, ada: dict[str, Any]) -> None:
    assert ada == ada | {
        "name": "ada", "firstName": "Mary Ann", "lastName": "Evans", "email": "ada@example.com", "organizationId": "1",
        "jsondata": {"team": [1]}, "imageUrl": "https://h.example/a.png", "status": "active", "roleIds": ["user"],
        "lastLoginDateTime": None,
    }  # fmt: skip
    assert ada["passwordUpdatedDateTime"] is not None
    [role] = ada["roles"]
    assert ada["permissions"]["count"] == role["permissions"]["count"] == len(role["permissions"]["records"])
    assert {"id": "job.create", "name": "job.create"} in role["permissions"]["records"]
    session = await sign_in(api)
    changed = await api.graphql.change("updateUser", FIELDS, id=ada["id"], lastName="Lovelace", roleIds=["reader"])
    assert (changed["firstName"], changed["lastName"], changed["roleIds"]) == ("Mary Ann", "Lovelace", ["reader"])
    assert changed["jsondata"] == {"team": [1]}
    read = (await session.graphql.ask(f'{{ user(id: "{ada["id"]}") {{ {FIELDS} }} }}'))["user"]
    assert read == changed
    # The new role holds at once.
    assert (await session.graphql.refused("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"))[
        "name"
    ] == "not_allowed"
    own = await session.graphql.change("updateCurrentUser", FIELDS, email="a@example.com")
    assert (own["email"], own["lastName"], own["roleIds"]) == ("a@example.com", "Lovelace", ["reader"])


async def test_a_user_may_be_without_a_password(api: Api) -> None:
    made = await api.graphql.change("createUser", "id passwordUpdatedDateTime", name="bob")
    assert made["passwordUpdatedDateTime"] is None
    assert (await api.holding(None).graphql.refused(LOGIN % ("bob", "")))["name"] == "not_found"
    await api.graphql.change("changePassword", "name", userName="bob", newPassword="another word")
    assert await is_known(await sign_in(api, "bob", "another word"))


LOGIN = 'mutation { userLogin(input: {userName: "%s", password: "%s"}) { token } }'
ENDS = {
    "suspended": 'mutation { updateUserStatus(input: {id: "%s", status: suspended}) { status } }',
    "deleted": 'mutation { deleteUser(id: "%s") { id message } }',
}


@pytest.mark.parametrize("end", ENDS)
async def test_the_tokens_of_a_user_who_is_not_active_stop_at_once(api: Api, ada: dict[str, Any], end: str) -> None:
    await api.graphql.change("updateUser", id=ada["id"], roleIds=["admin"])
    session = await sign_in(api)
    key = session.holding((await identity.create_token(api.house, await session.principal(), name="k")).secret)
    assert [await is_known(one) for one in (session, key)] == [True, True]
    await api.graphql.ask(ENDS[end] % ada["id"])
    assert [await is_known(one) for one in (session, key)] == [False, False]
    assert (await api.holding(None).graphql.refused(LOGIN % ("ada", PASSWORD)))["name"] == "not_found"
    assert "k" not in str((await api.graphql.ask("{ tokens { name } }"))["tokens"])
    again = ENDS["suspended"].replace("suspended", "active") % ada["id"]
    if end == "deleted":
        assert (await api.graphql.refused(again))["name"] == "not_found"
        assert (await api.graphql.change("createUser", "name", name="ada"))["name"] == "ada"
        assert not await is_known(key)
        return
    await api.graphql.ask(again)
    assert [await is_known(one) for one in (session, key, await sign_in(api))] == [False, True, True]


async def test_users_are_found_by_every_argument(api: Api, ada: dict[str, Any]) -> None:
    other = await api.another_organization()
    theirs = await other.graphql.change("createUser", name="theirs")
    gone = await api.graphql.change("createUser", name="gone")
    await api.graphql.ask(ENDS["deleted"] % gone["id"])
    quiet = await api.graphql.change("createUser", name="quiet")
    await api.graphql.ask(ENDS["suspended"] % quiet["id"])
    everybody = ["ada", "admin", "gone", "quiet"]
    for arguments, names in {
        "": ["ada", "admin", "quiet"],
        "(includeAllOrgUsers: true)": everybody,
        "(status: deleted)": ["gone"],
        "(status: suspended)": ["quiet"],
        f'(id: "{ada["id"]}")': ["ada"],
        f'(ids: ["{ada["id"]}", "{theirs["id"]}", null, "x"])': ["ada"],
        f'(id: "{ada["id"]}", ids: ["{quiet["id"]}"])': [],
        '(name: "LOVE")': [],
        '(name: "mary ann ev")': ["ada"],
        '(name: "EXAMPLE.com")': ["ada"],
        '(organizationIds: ["1"], name: "adm")': ["admin"],
        '(organizationIds: ["2"])': ["theirs"],
        '(organizationIds: ["77", "x"])': [],
        "(limit: 1, offset: 1)": ["admin"],
        '(dateTimeFilter: {field: createdDateTime, toDateTime: "2001-01-01"})': [],
        '(dateTimeFilter: {field: createdDateTime, fromDateTime: "2001-01-01"}, name: "ada")': ["ada"],
        '(dateTimeFilter: {field: lastLoginDateTime, fromDateTime: "2001-01-01"})': [],
    }.items():
        page = (await api.graphql.ask(f"{{ users{arguments} {{ records {{ name }} count }} }}"))["users"]
        assert ([one["name"] for one in page["records"]], page["count"]) == (names, len(names)), arguments
    # Another organization's administrator sees none of them.
    for arguments in ('(organizationIds: ["1"])', f'(id: "{ada["id"]}")'):
        assert (await other.graphql.ask(f"{{ users{arguments} {{ count }} }}"))["users"]["count"] == 0
    deleted = (await api.graphql.ask(f'{{ user(id: "{gone["id"]}") {{ name status }} }}'))["user"]
    assert deleted == {"name": "gone", "status": "deleted"}


CHANGES = {
    "updateUser": 'mutation { updateUser(input: {id: "%s", roleIds: ["user"]}) { id } }',
    "updateUserStatus": ENDS["suspended"],
    "deleteUser": ENDS["deleted"],
}


@pytest.mark.parametrize("change", CHANGES)
async def test_the_last_administrator_stays(api: Api, change: str) -> None:
    house, chief = api.house, await api.principal()
    other = await accounts.create_organization(house, chief, "Other")
    ann = await accounts.create_user(
        house, chief, name="ann", password=PASSWORD, organization_id=other.id, role=Role.ADMIN
    )
    error = await (await sign_in(api, "ann")).graphql.refused(CHANGES[change] % ann.id)
    assert error["message"].endswith(LAST)
    assert (await api.graphql.refused(CHANGES[change] % ann.id))["message"].endswith(LAST)
    assert chief.user_id is not None
    error = await api.graphql.refused(CHANGES[change] % chief.user_id)
    assert "last super administrator" in error["message"]
    await accounts.create_user(house, chief, name="bea", password=PASSWORD, organization_id=other.id, role=Role.ADMIN)
    await api.graphql.ask(CHANGES[change] % ann.id)


async def test_two_administrators_do_not_remove_one_another(api: Api) -> None:
    other = await api.another_organization()
    names = {name: await other.graphql.change("createUser", name=name, password=PASSWORD, roleIds=["admin"])
             for name in ("ann", "bea")}  # fmt: skip
    ann, bea = [await sign_in(api, name) for name in names]
    answers = await asyncio.gather(
        ann.graphql.post(ENDS["suspended"] % names["bea"]["id"]),
        bea.graphql.post(ENDS["suspended"] % names["ann"]["id"]),
    )
    assert sorted("errors" in answer.json() for answer in answers) == [False, True]


REFUSED: dict[str, tuple[str, str]] = {
    # what an administrator asks: the name of the error, and words of its message
    'createUser(input: {name: "ada"})': ("invalid_input", 'name: the name "ada" is taken.'),
    'createUser(input: {name: " ", password: "x"})': ("invalid_input", "name: must be given.\npassword: must have at"),
    'createUser(input: {name: "x", roleIds: ["boss"]})': ("invalid_input", "roleIds[0]: one of admin, user, reader"),
    'createUser(input: {name: "x", roleIds: ["user", "admin"]})': ("invalid_input", "roleIds: exactly one role, got 2"),
    'createUser(input: {name: "x", organizationId: "77"})': ("not_found", "organizationId: "),
    'updateUser(input: {id: "ADA", name: ""})': ("invalid_input", "name: must not be empty."),
    'updateUser(input: {id: "ADA", name: "admin"})': ("invalid_input", "is taken"),
    'changePassword(input: {newPassword: "long enough"})': ("invalid_input", "oldPassword: give the old password"),
    'changePassword(input: {userName: "ada", newPassword: "x"})': ("invalid_input", "newPassword: must have at least"),
    'changePassword(input: {userName: "none", newPassword: "long enough"})': ("not_found", "none"),
}


@pytest.mark.parametrize("call", REFUSED)
async def test_what_is_refused_says_why(api: Api, ada: dict[str, Any], call: str) -> None:
    name, words = REFUSED[call]
    error = await api.graphql.refused(f"mutation {{ {call.replace('ADA', ada['id'])} {{ id }} }}")
    assert error["name"] == name
    assert words in error["message"]


async def test_an_own_password_needs_the_old_one_and_wrong_ones_are_counted(api: Api, ada: dict[str, Any]) -> None:
    session = (await sign_in(api)).graphql
    change = 'mutation { changePassword(input: {oldPassword: "%s", newPassword: "another word"}) { name } }'
    api.house.failed_logins.guesses.clock = lambda: 0.0
    api.house.failed_logins.guesses.allowed = 2
    for _ in range(2):
        error = await session.refused(change % "wrong")
        assert (error["name"], error["message"]) == (
            "invalid_input",
            "oldPassword: is not the password of the user.",
        )
    assert (await session.refused(change % PASSWORD))["name"] == "capacity_exceeded"
    api.house.failed_logins.guesses.allowed = 20
    assert (await session.ask(change % PASSWORD))["changePassword"] == {"name": "ada"}
    assert (await session.refused("{ me { id } }"))["name"] == "authentication_error"  # the session has ended
    assert await is_known(await sign_in(api, "ada", "another word"))
    rows = [(row.event, row.success) for row in await api.audit() if row.event == "changePassword"]
    assert rows == [("changePassword", False), ("changePassword", False), ("changePassword", True)]


async def test_a_user_manages_nobody_else(api: Api, ada: dict[str, Any]) -> None:
    session = (await sign_in(api)).graphql
    chief = (await api.principal()).user_id
    for call in (
        '{ user(id: "%s") { id } }',
        "{ users { count } }",
        'mutation { createUser(input: {name: "eve"}) { id } }',
        *CHANGES.values(),
        'mutation { changePassword(input: {userName: "admin", newPassword: "long enough"}) { id } }',
    ):
        error = await session.refused(call % chief if "%" in call else call)
        assert error["name"] == "not_allowed", call
    key = await identity.create_token(api.house, await api.principal(), role=Role.READER)
    own = 'mutation { updateCurrentUser(input: {email: "e"}) { id } }'
    assert (await api.holding(key.secret).graphql.refused(own))["name"] == "not_allowed"


async def test_permissions_are_the_rights_and_there_are_no_groups(api: Api) -> None:
    data = await api.graphql.ask(
        """{ all: permissions(limit: 1000) { count records { id } } some: permissions(name: "USER.") { count }
             one: permissions(id: "job.create") { records { name description } } groups { count records { id } } }"""
    )
    assert data["all"]["count"] > 30
    assert data["some"]["count"] == 4
    assert data["one"]["records"] == [{"name": "job.create", "description": None}]
    assert data["groups"] == {"count": 0, "records": []}


async def test_a_key_of_a_super_administrator_does_not_change_its_user(api: Api) -> None:
    key = (await api.in_role(Role.ADMIN)).graphql
    chief = (await api.principal()).user_id
    for call in (
        f'updateUser(input: {{id: "{chief}", lastName: "x"}})',
        'updateCurrentUser(input: {lastName: "x"})',
        'changePassword(input: {oldPassword: "a guess", newPassword: "long enough"})',
    ):
        assert (await key.refused(f"mutation {{ {call} {{ id }} }}"))["name"] == "not_allowed", call
    assert (await api.graphql.change("updateCurrentUser", "lastName", lastName="x"))["lastName"] == "x"
