"""The pages of people, tokens, the own account and organizations: who sees them, and what can be done there."""

import re
from typing import Final

import pytest
from tests.web.conftest import PASSWORD, Place
from tests.web.reader import Reader, text

from enginehouse.domain.errors import AuthenticationFailed
from enginehouse.domain.identity import Role
from enginehouse.operations import accounts, identity

NEW: Final = "another long password"


async def root(place: Place) -> Reader:
    reader = await place.reader()
    reader.http.cookies.set("eh", place.secret)
    await reader.get("/")
    return reader


async def ada(place: Place, role: Role = Role.USER) -> str:
    """Returns the path of the user `ada`."""
    made = await accounts.create_user(place.house, place.caller, name="ada", password=PASSWORD, role=role)
    return f"/people/{made.id}"


# -- people -------------------------------------------------------------------------------------------------


async def test_an_administrator_adds_a_person_who_may_then_sign_in(place: Place) -> None:
    reader = await root(place)
    await reader.get("/people")
    answer = await reader.post("/people", name="eve", password=PASSWORD, role="reader", email="eve@example.org")
    assert re.match(r"/people/[-0-9a-f]{36}", answer.url.path)
    assert "eve active" in text(answer)
    assert re.search(r"eve reader active eve@example.org", text(await reader.get("/people?name=EVE@")))
    assert "No user matches" in text(await reader.get("/people?name=nobody"))
    other = await place.reader()
    assert (await other.sign_in("eve", PASSWORD)).url.path == "/"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "", "role": "user"}, "name"),
        ({"name": "eve", "role": "king"}, "role: one of"),
        ({"name": "eve", "role": "user", "password": "short"}, "at least 8"),
        ({"name": "admin", "role": "user"}, 'the name "admin" is taken'),
    ],
)
async def test_what_is_wrong_is_said_and_nobody_is_added(place: Place, fields: dict[str, str], said: str) -> None:
    reader = await root(place)
    await reader.get("/people")
    answer = await reader.post("/people", fields)
    assert (answer.status_code, said in text(answer)) == (400, True), text(answer)
    assert fields.get("password", "x") == "x" or fields["password"] not in answer.text
    assert "1 of 1" in text(await reader.get("/people"))


async def test_a_person_is_changed_suspended_restored_and_deleted(place: Place) -> None:
    path, reader = await ada(place), await root(place)
    await reader.get(path)
    assert "Role admin" in text(await reader.post(path, role="admin", display_name="Ada L.", email=""))
    person = await place.reader()
    await person.sign_in("ada", PASSWORD)
    assert "suspended" in text(await reader.post(f"{path}/suspend"))
    place.house.known_tokens.forget([])
    assert (await person.get("/jobs")).url.path == "/sign-in"
    assert "Ada L. active" in text(await reader.post(f"{path}/restore"))
    assert "The password is set" in text(await reader.post(f"{path}/password", password=NEW))
    assert (await person.sign_in("ada", PASSWORD)).status_code == 401
    assert (await person.sign_in("ada", NEW)).status_code == 200
    assert (await reader.post(f"{path}/delete")).url.path == "/people"
    assert "ada" not in text(await reader.get("/people"))


async def test_the_last_administrator_stays(place: Place) -> None:
    reader = await root(place)
    path = f"/people/{place.caller.user_id}"
    await reader.get(path)
    for action, fields in (("", {"role": "reader"}), ("/suspend", {}), ("/delete", {})):
        answer = await reader.post(path + action, fields)
        assert (answer.status_code, "last super administrator" in text(answer)) == (400, True), text(answer)


PAGES: Final = ("/people", "P", "/tokens", "/organizations")
ACTIONS: Final = (
    *("/people", "P", "P/password", "P/suspend", "P/restore", "P/delete", "/tokens", "T/revoke"),
    *("/organizations", "/organizations/1", "/organizations/1/pause", "/organizations/1/resume"),
)


@pytest.mark.parametrize("role", [Role.READER, Role.USER])
@pytest.mark.parametrize(("method", "path"), [*(("GET", p) for p in PAGES), *(("POST", p) for p in ACTIONS)])
async def test_only_administrators_may(place: Place, role: Role, method: str, path: str) -> None:
    person, issued = await ada(place), await identity.create_token(place.house, place.caller)
    reader = await place.signed_in(role)
    await reader.get("/account")
    path = path.replace("P", person).replace("T", f"/tokens/{issued.token.id}")
    sent = {"name": "x", "password": NEW, "role": "admin", "weight": "3"}
    answer = await (reader.get(path) if method == "GET" else reader.post(path, sent))
    assert answer.status_code == 403
    assert 'href="/people"' not in answer.text


@pytest.mark.parametrize("path", ["P", "P/password", "P/suspend", "P/restore", "P/delete", "T/revoke"])
async def test_a_foreign_one_looks_as_if_it_did_not_exist(place: Place, path: str) -> None:
    person, issued = await ada(place), await identity.create_token(place.house, place.caller, name="ours")
    reader = await place.stranger()
    await reader.get("/people")
    for known, token in ((person, issued.token.id), ("/people/x", "%00")):
        address = path.replace("P", known).replace("T", f"/tokens/{token}")
        answer = await reader.post(address, role="admin", password=NEW)
        assert answer.status_code == 404, address
    assert (await reader.get(person)).status_code == 404
    assert "ada" not in text(await reader.get("/people"))
    assert "ours" not in text(await reader.get("/tokens"))
    await identity.authenticate(place.house, issued.secret)


async def test_an_administrator_of_one_organization_sees_no_others(place: Place) -> None:
    reader = await place.stranger()
    for path in ("/organizations", "/organizations/1/pause", "/organizations/1"):
        answer = await (reader.get(path) if path == "/organizations" else reader.post(path, weight="3"))
        assert answer.status_code == 403
    assert "Organizations" not in text(await reader.get("/people"))


# -- tokens -------------------------------------------------------------------------------------------------


async def test_a_new_key_is_shown_once_and_can_be_revoked(place: Place) -> None:
    reader = await root(place)
    await reader.get("/tokens")
    answer = await reader.post("/tokens", name="nightly", role="user", days="30")
    [secret] = re.findall(r"\w{6}:[0-9a-f]{64}", answer.text)
    key = r"nightly \w{6}… key user admin [-0-9]+ [:0-9]+ UTC "
    assert re.search(f"{key}never", text(answer))
    assert (await identity.authenticate(place.house, secret)).role is Role.USER
    again = await reader.get("/tokens")
    assert secret not in again.text
    assert f"nightly {secret[:6]}… key user admin" in text(again)
    assert re.search(rf"{key}\d{{4}}-\d\d-\d\d", text(again))
    [path] = re.findall(
        r'formaction="(/tokens/[-0-9a-f]+/revoke)" class="danger" aria-label="Revoke nightly"', again.text
    )
    assert "nightly" not in text(await reader.post(path))
    with pytest.raises(AuthenticationFailed):
        await identity.authenticate(place.house, secret)


@pytest.mark.parametrize("fields", [{"role": "king"}, {"role": "user", "days": "0"}, {"role": "user", "days": "soon"}])
async def test_a_key_that_cannot_be_is_refused(place: Place, fields: dict[str, str]) -> None:
    reader = await root(place)
    await reader.get("/tokens")
    answer = await reader.post("/tokens", fields)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert not re.search(r"\w{6}:[0-9a-f]{64}", answer.text)


# -- the own account ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
async def test_everybody_sees_and_ends_the_own_sessions(place: Place, role: Role) -> None:
    first = await place.signed_in(role)
    others = [await place.reader() for _ in range(2)]
    for other in others:
        await other.sign_in(f"a {role.value}", PASSWORD)
    page = await first.get("/account")
    assert f"Role {role.value}" in text(page)
    ends = re.findall(r'formaction="(/account/tokens/[-0-9a-f]+/revoke)" aria-label="End', page.text)
    assert len(ends) == 2
    await first.post(ends[0])
    assert sorted([(await other.get("/jobs")).url.path for other in others]) == ["/jobs", "/sign-in"]
    await others[0].sign_in(f"a {role.value}", PASSWORD)
    await others[1].sign_in(f"a {role.value}", PASSWORD)
    await first.get("/account")
    await first.post("/account/sessions/end")
    assert [(await each.get("/jobs")).url.path for each in (first, *others)] == ["/jobs", "/sign-in", "/sign-in"]


async def test_nobody_ends_what_is_anothers(place: Place) -> None:
    await ada(place)
    session = await identity.login(place.house, "ada", PASSWORD)
    known = await identity.authenticate(place.house, session.token)
    reader = await place.signed_in()
    await reader.get("/account")
    for name in (known.token_id, "x", place.caller.token_id):
        assert (await reader.post(f"/account/tokens/{name}/revoke")).status_code == 404
    await identity.authenticate(place.house, session.token)


async def test_a_new_password_holds_at_once(place: Place) -> None:
    await ada(place)
    reader = await place.reader()
    await reader.sign_in("ada", PASSWORD)
    await reader.get("/account")
    for fields, said in (
        ({"old": "wrong", "new": NEW, "again": NEW}, "is not the password"),
        ({"old": PASSWORD, "new": NEW, "again": "other"}, "not the same twice"),
        ({"old": PASSWORD, "new": "short", "again": "short"}, "at least 8"),
    ):
        answer = await reader.post("/account/password", fields)
        assert (answer.status_code, said in text(answer)) == (400, True), text(answer)
    assert (await reader.post("/account/password", old=PASSWORD, new=NEW, again=NEW)).url.path == "/sign-in"
    assert (await reader.sign_in("ada", PASSWORD)).status_code == 401
    assert (await reader.sign_in("ada", NEW)).status_code == 200


async def test_a_key_of_less_rights_reaches_nothing_of_its_person(place: Place) -> None:
    issued = await identity.create_token(place.house, place.caller, role=Role.READER)
    reader = await place.reader()
    await reader.get("/")
    await reader.post("/sign-in/key", key=issued.secret)
    answer = await reader.get("/account")
    assert "may do less than its person" in text(answer)
    for path in ("/account/sessions/end", f"/account/tokens/{issued.token.id}/revoke", "/account/password"):
        answer = await reader.post(path, old=PASSWORD, new=NEW, again=NEW)
        assert answer.status_code == 403, path


# -- organizations ------------------------------------------------------------------------------------------


async def test_a_super_administrator_adds_weighs_and_pauses_organizations(place: Place) -> None:
    reader = await root(place)
    await reader.get("/organizations")
    assert "Elsewhere" in text(await reader.post("/organizations", name="Elsewhere"))
    [made] = [one for one in await accounts.list_organizations(place.house, place.caller) if one.name == "Elsewhere"]
    path = f"/organizations/{made.id}"
    await reader.post(path, weight="3", limit="10")
    changed = await accounts.get_organization(place.house, place.caller, made.id)
    assert (changed.weight, changed.running_limit) == (3, 10)
    await reader.post(path, weight="3", limit="")
    assert (await accounts.get_organization(place.house, place.caller, made.id)).running_limit is None
    assert "Elsewhere paused" in text(await reader.post(f"{path}/pause"))
    assert "Elsewhere open" in text(await reader.post(f"{path}/resume"))
    for fields in ({"weight": ""}, {"weight": "x"}, {"weight": "0"}, {"weight": "1", "limit": "-1"}):
        assert (await reader.post(path, fields)).status_code == 400
    assert (await reader.post("/organizations", name=" ")).status_code == 400
    assert (await reader.post("/organizations/999/pause")).status_code == 404
