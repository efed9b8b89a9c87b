"""Organizations, users, roles and tokens over REST."""

from typing import Any

import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import PASSWORD

from enginehouse.domain import ids
from enginehouse.domain.identity import Role
from enginehouse.operations import identity

UUID = ids.organization_uuid(1)
NOBODY = "00000000-0000-4000-8000-000000000009"


async def user(rest: Rest, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = await rest.result("/admin/users/create", {"user": {"userName": "ann", **fields}})
    return made


async def token(rest: Rest, **fields: Any) -> dict[str, Any]:
    """Returns the token as the creation shows it, with its secret as the id."""
    made: dict[str, Any] = await rest.result("/admin/tokens/create", {"token": fields})
    return made


async def role_ids(rest: Rest) -> dict[str, str]:
    return {one["roleName"]: one["roleID"] for one in await rest.result("/admin/users/roles")}


async def problems(rest: Rest, path: str, body: dict[str, Any]) -> list[str]:
    """Returns the paths of the problems of the refused request."""
    answer = await rest.post(path, body)
    assert answer.status_code == 400, answer.text
    return [line.partition(": ")[0] for line in answer.json()["detail"].split("\n")]


# -- organizations ------------------------------------------------------------------------------------------


async def test_an_organization_is_created_listed_shown_and_changed(rest: Rest) -> None:
    new = {"name": "Zoo", "defaultRetries": 3, "kvpJSON": '{"a": [1]}', "applicationID": "", "coreOrganizationID": 0}
    made = await rest.result("/admin/organizations/create", {"organization": new})
    assert (made["name"], made["defaultRetries"], made["kvpJSON"]) == ("Zoo", 3, '{"a":[1]}')
    assert made["organizationID"] == ids.organization_uuid(made["coreOrganizationID"])
    for named in (made["organizationID"], str(made["coreOrganizationID"]), made["applicationID"]):
        assert await rest.result(f"/admin/organization/{named}/detail") == made
    page = (await rest.get("/admin/organizations", params={"orderBy": "organizationName"})).json()
    assert (page["count"], [one["name"] for one in page["result"]]) == (2, ["Enginehouse", "Zoo"])
    for filtered in ({"organizationID": made["organizationID"]}, {"organizationName": "ZO"}, {"offset": 1}):
        assert [one["name"] for one in (await rest.get("/admin/organizations", params=filtered)).json()["result"]] == [
            "Zoo"
        ]
    path = f"/admin/organization/{made['organizationID']}/update"
    changed = await rest.result(path, {"organization": {"defaultRetries": 0}})
    assert (changed["defaultRetries"], changed["kvpJSON"]) == (0, '{"a":[1]}')
    assert changed["modifiedDateTime"] >= made["modifiedDateTime"]


async def test_wrong_organizations_are_refused_with_all_problems(rest: Rest) -> None:
    wrong = {"defaultRetries": 101, "kvpJSON": "{", "applicationID": NOBODY, "coreOrganizationID": 7}
    assert await problems(rest, "/admin/organizations/create", {"organization": wrong}) == [
        "organization.applicationID", "organization.coreOrganizationID", "organization.kvpJSON", "organization.name",
        "organization.defaultRetries",
    ]  # fmt: skip
    path = f"/admin/organization/{UUID}/update"
    assert await problems(rest, path, {"organization": {"defaultRetries": "x"}}) == ["organization.defaultRetries"]
    for unkept in ("basePriority", "defaultSLASeconds", "nfsShard", "taskPriorityAdjustmentStarted"):
        answer = await rest.post(path, {"organization": {unkept: 5}})
        assert (answer.status_code, unkept in answer.json()["detail"]) == (501, True)
    assert (await rest.get("/admin/organizations")).json()["count"] == 1


async def test_an_organization_sees_only_itself(rest: Rest) -> None:
    other = await rest.another_organization()
    assert [one["name"] for one in await other.result("/admin/organizations")] == ["Other"]
    assert (await other.post("/admin/organizations/create", {"organization": {"name": "x"}})).status_code == 403
    assert len(await rest.result("/admin/organization/2/tokens")) == 1


# -- users --------------------------------------------------------------------------------------------------


async def test_a_user_is_created_shown_changed_and_deleted(rest: Rest) -> None:
    roles = await role_ids(rest)
    made = await user(rest, displayName="Ann", email="a@x.example", password=PASSWORD, kvpJSON='{"a":1}', userID="")
    assert (made["userName"], made["displayName"], made["email"], made["kvpJSON"]) == (
        "ann", "Ann", "a@x.example", '{"a":1}',
    )  # fmt: skip
    assert (made["status"], made["roleIDs"], made["internalOrganizationID"]) == ("active", [roles["user"]], UUID)
    path = f"/admin/user/{made['userID']}"
    assert await rest.result(f"{path}/detail") == made
    assert await rest.result(f"{path}/permissions") == made["permissionIDs"]
    assert "job.create" in made["permissionIDs"]
    same = {"userID": made["userID"], "organizationIDs": [UUID], "internalOrganizationID": 1}
    changed = await rest.result(
        f"{path}/update", {"user": {**same, "email": "b@x.example", "roleIDs": ["reader"], "status": "inactive"}}
    )
    assert (changed["email"], changed["roleIDs"], changed["status"]) == ("b@x.example", [roles["reader"]], "inactive")
    assert changed["displayName"] == "Ann"
    assert (await rest.post(f"{path}/delete")).json() == {"success": True}
    assert (await rest.result(f"{path}/detail"))["status"] == "deleted"
    assert (await rest.post(f"{path}/delete")).status_code == 404


async def test_a_password_is_a_change_of_its_own_and_ends_the_sessions(rest: Rest) -> None:
    made = await user(rest, password=PASSWORD)
    login = {"username": "ann", "password": PASSWORD}
    session = (await rest.post("/admin/users/login", login)).json()["token"]
    path = f"/admin/user/{made['userID']}"
    tokens = await rest.result(f"{path}/tokens")
    assert [(one["type"], one["userID"]) for one in tokens] == [("user", made["userID"])]
    assert session not in str(tokens)
    both = {"user": {"password": PASSWORD + "2", "email": "x", "userID": NOBODY}}
    assert await problems(rest, f"{path}/update", both) == ["user.password", "user.userID"]
    assert await problems(rest, f"{path}/update", {"user": {"password": "x"}}) == ["user.password"]
    await rest.result(f"{path}/update", {"user": {"password": PASSWORD + "2"}})
    assert await rest.result(f"{path}/tokens") == []
    assert (await rest.post("/admin/users/login", login)).status_code == 401
    assert (await rest.post("/admin/users/login", login | {"password": PASSWORD + "2"})).status_code == 200


async def test_wrong_users_are_refused_with_all_problems(rest: Rest) -> None:
    wrong = {"userName": "", "roleIDs": ["x", "admin", "reader"], "kvpJSON": "{", "status": "inactive", "userID": "u"}
    assert await problems(rest, "/admin/users/create", {"user": wrong | {"password": "x"}}) == [
        "user.userID", "user.status", "user.roleIDs[0]", "user.roleIDs", "user.kvpJSON", "user.name"
        .replace("name", "userName"), "user.password",
    ]  # fmt: skip
    await user(rest)
    assert await problems(rest, "/admin/users/create", {"user": {"userName": "ann"}}) == ["user.userName"]
    for unkept, value in {"isSuperAdmin": True, "expiration": 1, "inviteURL": "x", "userSettingsJSON": "{}"}.items():
        assert (await rest.post("/admin/users/create", {"user": {"userName": "b", unkept: value}})).status_code == 501
    two = {"userName": "b", "internalOrganizationID": 1, "organizationIDs": [NOBODY]}
    assert await problems(rest, "/admin/users/create", {"user": two}) == ["user.organizationIDs"]


async def test_the_last_administrator_stays(rest: Rest) -> None:
    [admin] = await rest.result("/admin/users")
    path = f"/admin/user/{admin['userID']}"
    assert await problems(rest, f"{path}/update", {"user": {"status": "inactive"}}) == ["user.status"]
    assert await problems(rest, f"{path}/update", {"user": {"roleIDs": ["reader"]}}) == ["user.roleIDs"]
    assert (await rest.post(f"{path}/delete")).status_code == 400


async def test_users_are_filtered_and_ordered(rest: Rest) -> None:
    roles = await role_ids(rest)
    await user(rest, userName="bob", displayName="Builder", email="bob@x.example", roleIDs=["reader"])
    gone = await user(rest, userName="carl")
    await rest.post(f"/admin/user/{gone['userID']}/delete")
    off = await user(rest, userName="dora", roleIDs=[roles["admin"]])
    await rest.result(f"/admin/user/{off['userID']}/update", {"user": {"status": "inactive"}})

    async def found(**query: Any) -> list[str]:
        return [one["userName"] for one in (await rest.get("/admin/users", params=query)).json()["result"]]

    assert await found() == ["dora", "bob", "admin"]
    assert await found(orderBy="userName", direction="ASC") == ["admin", "bob", "dora"]
    assert await found(status="inactive") == ["dora"]
    assert await found(status="deleted") == ["carl"]
    assert await found(status="trial") == []
    assert await found(name="BUILD") == ["bob"]
    assert await found(userName="do") == ["dora"]
    assert await found(email="BOB@") == ["bob"]
    assert await found(roleIDs=f"{roles['admin']}, {NOBODY}") == ["dora", "admin"]
    assert await found(isSuperAdmin="true") == ["admin"]
    assert await found(accessAllOrganization="false", limit=1) == ["dora"]
    assert await found(organizationIDs=f"1,{UUID}", offset=2) == ["admin"]
    wrong = {"status": "odd", "isSuperAdmin": "yes", "roleIDs": "x", "orderBy": "y", "organizationIDs": "z"}
    answer = (await rest.get("/admin/users", params=wrong)).json()["detail"]
    assert {line.partition(": ")[0] for line in answer.split("\n")} == set(wrong)
    assert (await rest.get("/admin/users", params={"organizationIDs": "99"})).status_code == 404


# -- roles --------------------------------------------------------------------------------------------------


async def test_the_three_roles_are_shown_and_stay(rest: Rest) -> None:
    shown = await rest.result("/admin/users/roles")
    assert [one["roleName"] for one in shown] == ["admin", "reader", "user"]
    for one in shown:
        for named in (one["roleID"], one["roleName"]):
            assert await rest.result(f"/admin/users/role/{named}/detail") == one
    only = (await rest.get("/admin/users/roles", params={"roleID": shown[1]["roleID"], "roleName": "read"})).json()
    assert (only["count"], only["result"]) == (1, [shown[1]])
    assert (await rest.get("/admin/users/roles", params={"offset": 3})).json()["result"] == []
    assert (await rest.get(f"/admin/users/role/{NOBODY}/detail")).status_code == 404
    for path in ("create", f"{shown[0]['roleID']}/update", "user/delete"):
        answer = await rest.post(f"/admin/users/role/{path}", {})
        assert (answer.status_code, answer.json()["detail"]) == (
            403, "The roles of this server are admin, user and reader. None can be created, changed or deleted.",
        )  # fmt: skip
    assert (await rest.post(f"/admin/users/role/{NOBODY}/delete")).status_code == 404


# -- tokens -------------------------------------------------------------------------------------------------


async def test_a_token_is_named_by_its_id_or_its_secret_and_shown_without_it(rest: Rest) -> None:
    made = await token(rest, roleIDs=["reader"], kvpJSON='{"a":1}')
    secret = made["tokenID"]
    shown = (await rest.get(f"/admin/token/{secret}/detail")).json()
    assert shown["tokenID"] != secret
    assert (shown["kvpJSON"], shown["type"], shown["organizationIDs"]) == ('{"a":1}', "api", [UUID])
    assert (await rest.get(f"/admin/token/{shown['tokenID']}/detail")).json() == shown
    allowed = (await rest.get(f"/admin/token/{secret}/permissions")).json()
    assert (allowed["tokenID"], "job.read" in allowed["result"], "job.create" in allowed["result"]) == (
        shown["tokenID"], True, False,
    )  # fmt: skip
    assert (await rest.client.get("/admin/status", headers={"api_key": shown["tokenID"]})).status_code == 401


async def test_a_token_is_changed_and_deleted_at_once(rest: Rest) -> None:
    secret = (await token(rest))["tokenID"]
    holder = Rest(rest.client, rest.house, secret)
    assert (await holder.get("/admin/users")).status_code == 200
    path = f"/admin/token/{secret}"
    changed = await rest.result(f"{path}/update", {"token": {"roleIDs": ["user"], "expiration": 4_000_000_000}})
    assert (changed["roleIDs"], changed["expiration"]) == ([(await role_ids(rest))["user"]], "2096-10-02T07:06:40Z")
    assert (await holder.get("/admin/users")).status_code == 403
    forever = await rest.result(f"{path}/update", {"token": {"expiration": 0, "type": "api", "organizationIDs": ["1"]}})
    assert "expiration" not in forever
    assert (await rest.post(f"{path}/delete")).json() == {"success": True}
    assert (await holder.get("/proc/jobs")).status_code == 401
    assert (await rest.get(f"{path}/detail")).status_code == 404


async def test_wrong_changes_of_a_token_are_refused_with_all_problems(rest: Rest) -> None:
    made = await token(rest)
    path = f"/admin/token/{made['tokenID']}/update"
    wrong = {"roleIDs": ["x"], "kvpJSON": "{", "userID": NOBODY, "organizationIDs": ["7"], "expiration": -1}
    assert await problems(rest, path, {"token": wrong}) == [
        "token.expiration", "token.roleIDs[0]", "token.kvpJSON", "token.userID", "token.organizationIDs",
    ]  # fmt: skip
    assert await problems(rest, path, {"token": {"expiration": 5}}) == ["token.expiration"]
    [admin] = await rest.result("/admin/users")
    await rest.result(f"/admin/user/{admin['userID']}/update", {"user": {"password": PASSWORD}})
    session = (await rest.post("/admin/users/login", {"username": "admin", "password": PASSWORD})).json()["token"]
    for fixed, words in ((session, "it follows its user"), (rest.token, "first token of the server")):
        answer = await rest.post(f"/admin/token/{fixed}/update", {"token": {"roleIDs": ["reader"]}})
        assert (answer.status_code, words in answer.json()["detail"]) == (400, True)


async def test_no_token_gets_more_than_its_giver_has(api: Api) -> None:
    other = await api.another_organization()
    below = await token(other.edge, roleIDs=["user"])
    user = Rest(api.edge.client, api.house, below["tokenID"])
    assert (await user.post("/admin/tokens/create", {"token": {}})).status_code == 403
    made = await token(other.edge)
    path = f"/admin/token/{made['tokenID']}"
    assert (await api.edge.get(f"{path}/detail")).json()["organizationIDs"] == [ids.organization_uuid(2)]
    third = (await identity.create_token(api.house, await other.principal(), role=Role.READER)).secret
    assert (await Rest(api.edge.client, api.house, third).get(f"{path}/detail")).status_code == 403


async def test_the_last_administrators_token_keeps_its_role(rest: Rest) -> None:
    only = await rest.another_organization()
    body = {"token": {"roleIDs": ["user"]}}
    answer = await only.post(f"/admin/token/{only.token}/update", body)
    assert (answer.status_code, "last token of an administrator" in answer.json()["detail"]) == (400, True)
    await token(only)
    assert (await only.post(f"/admin/token/{only.token}/update", body)).status_code == 200


async def test_tokens_are_filtered_and_ordered(rest: Rest) -> None:
    roles = await role_ids(rest)
    reader = await token(rest, roleIDs=["reader"], expiration=4_000_000_000)
    shown = (await rest.get(f"/admin/token/{reader['tokenID']}/detail")).json()
    [admin] = await rest.result("/admin/users")
    await user(rest, password=PASSWORD)
    await rest.post("/admin/users/login", {"username": "ann", "password": PASSWORD})
    page = (await rest.get("/admin/tokens")).json()
    assert (page["count"], page["limit"], page["offset"]) == (3, 10, 0)
    bootstrap, session = page["result"][2], page["result"][0]

    async def found(**query: Any) -> list[str]:
        return [one["tokenID"] for one in (await rest.get("/admin/tokens", params=query)).json()["result"]]

    assert await found(tokenID=shown["tokenID"]) == [shown["tokenID"]]
    assert await found(type="user") == [session["tokenID"]]
    assert await found(type="host") == []
    assert await found(userID=admin["userID"], direction="ASC") == [bootstrap["tokenID"], shown["tokenID"]]
    assert await found(roleIDs=roles["reader"]) == [shown["tokenID"]]
    assert await found(accessAllOrganization="true") == [bootstrap["tokenID"]]
    assert await found(hostID=NOBODY) == []
    assert await found(engineInstanceID=NOBODY) == []
    assert await found(startExpireTime=3_999_999_999, endExpireTime=4_000_000_000) == [shown["tokenID"]]
    assert await found(endCreatedTime=1) == []
    assert len(await found(startCreatedTime=1)) == 3
    assert await found(orderBy="expirationTime", limit=1) == [bootstrap["tokenID"]]
    assert (await found(orderBy="tokenType"))[0] == session["tokenID"]
    assert rest.token not in str(page)
    wrong = {"tokenID": "x", "type": "y", "roleIDs": "z", "hostID": "h", "accessAllOrganization": "1", "orderBy": "o"}
    answer = (await rest.get("/admin/tokens", params=wrong)).json()["detail"]
    assert {line.partition(": ")[0] for line in answer.split("\n")} == set(wrong)


@pytest.mark.parametrize("role", [Role.USER, Role.READER])
async def test_only_administrators_see_users_and_tokens(api: Api, role: Role) -> None:
    rest = (await api.in_role(role)).edge
    for path in (
        "/admin/users",
        "/admin/tokens",
        f"/admin/organization/{UUID}/tokens",
        f"/admin/token/{rest.token}/detail",
    ):
        assert (await rest.get(path)).status_code == 403, path
    assert (await rest.get("/admin/users/roles")).status_code == 200
    assert (await rest.post("/admin/users/role/create", {})).status_code == 403
