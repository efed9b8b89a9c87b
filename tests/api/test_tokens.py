"""Sessions, tokens and rights over GraphQL."""

import pytest
from tests.api.clients import TOKEN, Api

from enginehouse.domain.identity import Role, TokenKind
from enginehouse.operations import accounts, identity, tokens
from enginehouse.storage import tokens as stored_tokens

PASSWORD = "correct horse"
LOGIN = """mutation { userLogin(input: {userName: "ada", password: "correct horse"}) {
  token hasPassword user { name organization { id name } } organization { id } } }"""
SESSION = 'mutation { %s(token: "%s") { token user { name organization { id } } } }'


@pytest.fixture
async def session(api: Api) -> str:
    """Returns the token of a session of the user ada."""
    await accounts.create_user(api.house, await api.principal(), name="ada", password=PASSWORD, role=Role.READER)
    data = await api.holding(None).graphql.ask(LOGIN)
    assert data["userLogin"]["user"] == {"name": "ada", "organization": {"id": "1", "name": "Enginehouse"}}
    assert data["userLogin"]["hasPassword"] is True
    token: str = data["userLogin"]["token"]
    return token


async def name_of(api: Api, token: str) -> str | None:
    """Returns the name of the user of a valid token."""
    body = (await api.holding(token).graphql.post("{ me { name } }")).json()
    return body["data"]["me"]["name"] if body["data"]["me"] else None


async def test_a_session_is_refreshed_and_the_old_one_stays(api: Api, session: str) -> None:
    nobody = api.holding(None).graphql
    fresh = (await nobody.ask(SESSION % ("refreshToken", session)))["refreshToken"]
    assert fresh["user"] == {"name": "ada", "organization": {"id": "1"}}
    assert len(fresh["token"]) == 36
    assert fresh["token"] != session
    assert [await name_of(api, token) for token in (session, fresh["token"])] == ["ada", "ada"]
    assert (await nobody.ask(f'mutation {{ userLogout(token: "{session}") }}')) == {"userLogout": True}
    assert [await name_of(api, token) for token in (session, fresh["token"])] == [None, "ada"]
    assert (await nobody.ask(f'mutation {{ userLogout(token: "{session}") }}')) == {"userLogout": False}
    error = await nobody.refused(SESSION % ("refreshToken", session))
    assert error["name"] == "authentication_error"


async def test_a_key_is_neither_refreshed_nor_logged_out(api: Api) -> None:
    error = await api.graphql.refused(SESSION % ("refreshToken", TOKEN))
    assert error["message"] == "token: this is a key, not a session; a key is valid until it is revoked."
    assert (await api.graphql.ask(f'mutation {{ userLogout(token: "{TOKEN}") }}')) == {"userLogout": False}
    assert await name_of(api, TOKEN) == "admin"


@pytest.mark.parametrize("field", ["validateToken(token: %s) { token }", "refreshToken(token: %s) { token }",
                                   "userLogout(token: %s)"])  # fmt: skip
async def test_tokens_cannot_be_guessed_by_any_field(api: Api, field: str) -> None:
    api.house.bad_tokens.allowed = 2
    api.house.bad_tokens.clock = lambda: 0.0
    query = "mutation { " + field.replace("%s", '"00000000-0000-4000-8000-000000000000"') + " }"
    names = []
    for _ in range(3):
        body = (await api.holding(None).graphql.post(query)).json()
        names.append(body["errors"][0]["name"] if "errors" in body else "")
    assert names[-1] == "capacity_exceeded"
    assert "capacity_exceeded" not in names[:-1]


@pytest.mark.parametrize(
    ("role", "has", "lacks"),
    [
        (Role.READER, "job.read", "job.create"),
        (Role.USER, "job.create", "user.create"),
        (Role.ADMIN, "user.create", "organization.create"),
    ],
)
async def test_rights_follow_the_role_in_both_spellings(api: Api, role: Role, has: str, lacks: str) -> None:
    caller = (await api.in_role(role)).graphql
    operations = (await caller.ask("{ myRights { operations resources } }"))["myRights"]["operations"]
    assert {has, has.replace(".", ":")} <= set(operations)
    assert not {lacks, lacks.replace(".", ":")} & set(operations)
    chief = (await api.graphql.ask("{ myRights { operations } }"))["myRights"]["operations"]
    assert "organization.create" in chief


async def test_an_administrator_lists_tokens_without_their_secrets(api: Api, session: str) -> None:
    house, chief = api.house, await api.principal()
    key = await identity.create_token(house, chief, name="ci", role=Role.READER)
    query = (
        "{ tokens { id applicationId groupId name type prefix expirationDateTime lastUsedDateTime json { rights } } }"
    )
    shown = {one["id"]: one for one in (await api.graphql.ask(query))["tokens"]}
    organization = await accounts.get_organization(house, chief, 1)
    assert shown[key.token.id] == shown[key.token.id] | {
        "applicationId": organization.application_id,
        "groupId": None,
        "name": "ci",
        "type": "API",
        "prefix": key.secret[:6],
        "expirationDateTime": None,
        "lastUsedDateTime": None,
    }
    assert any(one["lastUsedDateTime"] for one in shown.values())
    assert "job:read" in shown[key.token.id]["json"]["rights"]
    assert "job:create" not in shown[key.token.id]["json"]["rights"]
    assert sorted(one["type"] for one in shown.values()) == ["API", "User", "User"]
    assert session not in str(shown)
    assert key.secret not in str(shown)
    assert (await (await api.in_role(Role.USER)).graphql.refused(query))["name"] == "not_allowed"


async def test_a_token_may_do_no_more_than_its_user_may_do_now(api: Api) -> None:
    """The token was stored while an administrator lowered the role of its user."""
    house, chief = api.house, await api.principal()
    user = await accounts.create_user(house, chief, name="ann", password=None, role=Role.READER)
    row = tokens.row("late", organization_id=1, user_id=user.id, kind=TokenKind.KEY, role=Role.ADMIN)
    await house.database.write(lambda tx: stored_tokens.insert_token(tx, row))
    assert (await identity.authenticate(house, "late")).role is Role.READER
