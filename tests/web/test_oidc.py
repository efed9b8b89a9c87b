"""Signing in at an identity provider: a published one, as a process; and everything that a forged answer may be."""

import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwk
from tests.web.conftest import PASSWORD, Place
from tests.web.provider import BACK, CLIENT, SECRET, Forger, be, forging, published
from tests.web.reader import BASE, Reader, text

from enginehouse.app import DESCRIPTIONS
from enginehouse.domain.audit import AuditFilter
from enginehouse.domain.identity import Role, UserStatus
from enginehouse.domain.oidc import OidcSettings
from enginehouse.domain.refs import UuidRef
from enginehouse.operations import accounts, identity, users
from enginehouse.operations.audit import queries
from enginehouse.operations.users import UserFilter
from enginehouse.outgoing.oidc import OidcProvider
from enginehouse.web.site import site

ADA: Final = {"email": "ada@example.org", "email_verified": True, "name": "Ada Lovelace", "groups": ["operators"]}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with published() as issuer:
        yield issuer


@pytest.fixture
def forger() -> Iterator[Forger]:
    with forging() as forger:
        yield forger


async def browser(place: Place, issuer: str, **settings: Any) -> Reader:
    """Returns a browser at a server at which people of the provider may sign in."""
    provider = OidcProvider(OidcSettings(issuer=issuer, client_id=CLIENT, **settings), SECRET)
    transport = httpx.ASGITransport(app=site(place.house, DESCRIPTIONS, provider))
    return Reader(await place.closing.enter_async_context(httpx.AsyncClient(transport=transport, base_url=BASE)))


async def to_provider(reader: Reader, path: str = "/jobs") -> str:
    """Returns the address of the provider to which the browser is sent."""
    reader.http.cookies.pop("eh", None)
    page = await reader.get(path)
    assert 'href="/sign-in/oidc?next=' in page.text
    answer = await reader.http.get(f"/sign-in/oidc?next={path}")
    assert answer.status_code == 303, text(answer)
    return answer.headers["location"]


async def signed_in_as(
    reader: Reader, issuer: str, person: dict[str, Any] | None, path: str = "/jobs"
) -> httpx.Response:
    """Returns the page at which the browser ends after the person has signed in at the published provider."""
    be(issuer, person)
    location = await to_provider(reader, path)
    async with httpx.AsyncClient() as outside:
        while not location.startswith(BACK):
            answer = await outside.get(location)
            assert answer.status_code in (302, 303), answer.text
            location = str(answer.url.join(answer.headers["location"]))
    return await reader.get(location)


async def ada(place: Place, role: Role = Role.USER, name: str = "ada@example.org") -> UuidRef:
    made = await accounts.create_user(place.house, place.caller, name=name, password=PASSWORD, role=role)
    return UuidRef(made.id, made.id)


async def all_names(place: Place) -> dict[str, Role]:
    return {user.name: user.role for user in await users.list_(place.house, place.caller, UserFilter())}


# -- a published provider -----------------------------------------------------------------------------------


async def test_a_person_who_has_an_account_signs_in_and_goes_on_where_it_wanted(place: Place, issuer: str) -> None:
    await ada(place)
    reader = await browser(place, issuer)
    answer = await signed_in_as(reader, issuer, ADA, "/schedules?state=active")
    assert (answer.status_code, str(answer.url)) == (200, f"{BASE}/schedules?state=active"), text(answer)
    holder = await identity.authenticate(place.house, reader.http.cookies["eh"])
    assert (holder.user_name, holder.role, holder.super_admin) == ("ada@example.org", Role.USER, False)
    assert "eh-oidc" not in reader.http.cookies
    [entry] = await queries.list_(place.house, place.caller, AuditFilter(event="userLogin"))
    assert (entry.user_name, entry.success, entry.detail) == ("ada@example.org", True, "at the identity provider")
    assert (entry.object_id, entry.token_id) == (holder.user_id, holder.token_id)


@pytest.mark.parametrize(
    ("person", "said"),
    [
        (None, "The provider did not sign you in: The person has refused."),
        ({**ADA, "email": "eve@example.org"}, 'Nobody here is called "eve@example.org"'),
        ({**ADA, "email_verified": False}, "has not verified your e-mail address"),
        ({"name": "Ada"}, 'its claim "email" is missing'),
    ],
)
async def test_nobody_else_gets_in_and_the_form_says_why(
    place: Place, issuer: str, person: dict[str, Any] | None, said: str
) -> None:
    await ada(place)
    reader = await browser(place, issuer)
    answer = await signed_in_as(reader, issuer, person)
    assert (answer.status_code, said in text(answer)) == (403, True), text(answer)
    assert "eh" not in reader.http.cookies
    assert await all_names(place) == {"admin": Role.ADMIN, "ada@example.org": Role.USER}
    [entry] = await queries.list_(place.house, place.caller, AuditFilter(event="userLogin"))
    assert (entry.success, said in (entry.detail or "")) == (False, True)


async def test_who_is_suspended_stays_out(place: Place, issuer: str) -> None:
    ref = await ada(place)
    await users.set_status(place.house, place.caller, ref, UserStatus.SUSPENDED)
    answer = await signed_in_as(await browser(place, issuer), issuer, ADA)
    assert (answer.status_code, "suspended" in text(answer)) == (403, True)


async def test_another_claim_may_say_who_it_is(place: Place, issuer: str) -> None:
    await ada(place, name="Ada Lovelace")
    reader = await browser(place, issuer, claim="name")
    assert (await signed_in_as(reader, issuer, {"name": "Ada Lovelace"})).url.path == "/jobs"


async def test_accounts_are_made_only_if_a_setting_says_so(place: Place, issuer: str) -> None:
    reader = await browser(place, issuer, create=True, organization=place.caller.organization_id)
    assert (await signed_in_as(reader, issuer, ADA)).url.path == "/jobs"
    assert await all_names(place) == {"admin": Role.ADMIN, "ada@example.org": Role.READER}
    [made] = await users.list_(place.house, place.caller, UserFilter(name="ada@"))
    assert (made.display_name, made.email, made.has_password) == ("Ada Lovelace", "ada@example.org", False)
    again = await browser(place, issuer, create=True)
    assert (await signed_in_as(again, issuer, ADA)).url.path == "/jobs"
    assert len(await all_names(place)) == 2


async def test_groups_give_the_organization_and_the_role(place: Place, issuer: str) -> None:
    other = await accounts.create_organization(place.house, place.caller, "Radio")
    reader = await browser(
        place,
        issuer,
        create=True,
        roles={"operators": Role.ADMIN, "staff": Role.USER},
        organizations={"radio": other.id},
    )
    answer = await signed_in_as(reader, issuer, {**ADA, "groups": ["staff", "radio"]})
    assert answer.url.path == "/jobs", text(answer)
    holder = await identity.authenticate(place.house, reader.http.cookies["eh"])
    assert (holder.organization_id, holder.role) == (other.id, Role.USER)
    answer = await signed_in_as(reader, issuer, {**ADA, "groups": ["staff", "operators"]})
    assert (await identity.authenticate(place.house, reader.http.cookies["eh"])).role is Role.ADMIN
    assert (await users.get(place.house, place.caller, UuidRef(str(holder.user_id), ""))).role is Role.ADMIN
    refused = await signed_in_as(await browser(place, issuer, roles={"kings": Role.ADMIN}), issuer, ADA)
    assert (refused.status_code, "None of your groups" in text(refused)) == (403, True)


# -- what is forged -----------------------------------------------------------------------------------------


async def forged(place: Place, forger: Forger, **query: str | None) -> tuple[Reader, httpx.Response]:
    """Returns the browser, and the page that a forged answer of the provider leads to."""
    await ada(place)
    reader = await browser(place, forger.issuer)
    given = {name: values[0] for name, values in parse_qs(urlsplit(await to_provider(reader)).query).items()}
    assert (given["client_id"], given["redirect_uri"], given["response_type"]) == (CLIENT, BACK, "code")
    assert given["code_challenge_method"] == "S256"
    forger.nonce = given["nonce"]
    whole = {"code": "c", "state": given["state"], **query}
    answer = await reader.http.get("/sign-in/oidc/back", params={k: v for k, v in whole.items() if v is not None})
    return reader, answer


async def test_the_forger_gets_in_when_nothing_is_forged(place: Place, forger: Forger) -> None:
    """Otherwise the tests below would show nothing. Its client proves itself with the verifier of the challenge."""
    reader, answer = await forged(place, forger)
    assert answer.status_code == 303, text(answer)
    assert "eh" in reader.http.cookies
    assert len(forger.form["code_verifier"][0]) >= 43


OTHER_KEY: Final = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["enginehouse", "x"], "azp": "x"}, "another program"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"exp": 1_000_000_000}, "expired"),
        ({"exp": None}, "exp"),
        ({"iat": 4_000_000_000}, "issued"),
        ({"sub": None}, "sub"),
    ],
)
async def test_a_token_for_something_else_opens_nothing(
    place: Place, forger: Forger, changes: dict[str, Any], said: str
) -> None:
    forger.changes = changes
    reader, answer = await forged(place, forger)
    assert (answer.status_code, said in text(answer).lower()) == (403, True), text(answer)
    assert "eh" not in reader.http.cookies


async def test_a_token_of_another_key_or_of_none_opens_nothing(place: Place, forger: Forger) -> None:
    forger.shown = OTHER_KEY
    reader, answer = await forged(place, forger)
    assert (answer.status_code, "cannot be trusted" in text(answer)) == (403, True), text(answer)
    assert "eh" not in reader.http.cookies


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_only_a_real_signature_counts(place: Place, forger: Forger, algorithm: str) -> None:
    """Not "none", and not the public key or the client's secret as a shared one."""
    if algorithm == "HS256":
        forger.shown, forger.key = forger.key, jwk.OctKey.import_key(SECRET, {"kid": "one"})
    forger.algorithm = algorithm
    reader, answer = await forged(place, forger)
    assert (answer.status_code, "cannot be trusted" in text(answer)) == (403, True), text(answer)
    assert "eh" not in reader.http.cookies


@pytest.mark.parametrize("seconds", [-50, 50])
async def test_clocks_may_differ_by_a_minute(place: Place, forger: Forger, seconds: int) -> None:
    now = int(time.time()) + seconds
    forger.changes = {"iat": now, "exp": now + 1}
    _, answer = await forged(place, forger)
    assert answer.status_code == 303, text(answer)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"state": "another"}, "began in another browser"),
        ({"state": None}, "began in another browser"),
        ({"code": None}, "did not sign you in: no code"),
        ({"code": None, "error": "access_denied"}, "did not sign you in: access_denied"),
        ({"iss": "https://evil.example"}, "Another provider has answered"),
    ],
)
async def test_an_answer_to_another_question_opens_nothing(
    place: Place, forger: Forger, query: dict[str, str | None], said: str
) -> None:
    reader, answer = await forged(place, forger, **query)
    assert (answer.status_code, said in text(answer)) == (403, True), text(answer)
    assert forger.form == {}, "the provider was not even called"
    assert "eh" not in reader.http.cookies


async def test_the_same_answer_does_not_open_a_second_session(place: Place, forger: Forger) -> None:
    reader, answer = await forged(place, forger)
    again = await reader.http.get(str(answer.request.url))
    assert (again.status_code, "began in another browser" in text(again)) == (403, True)


async def test_a_cookie_that_this_server_has_not_signed_is_none(place: Place, forger: Forger) -> None:
    await ada(place)
    reader = await browser(place, forger.issuer)
    content = b'{"state":"s","nonce":"n","verifier":"v","back":"/"}'
    for value in (content.hex() + "." + "0" * 64, content.hex(), "x.y", ""):
        reader.http.cookies.set("eh-oidc", value)
        answer = await reader.http.get("/sign-in/oidc/back", params={"code": "c", "state": "s"})
        assert answer.status_code == 403, value


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ((400, {"error": "invalid_grant"}), "answered 400: invalid_grant"),
        ((200, b"not JSON"), "answered 200"),
        ((200, b"[]"), "answered 200"),
        ((200, {"access_token": "x"}), "cannot be trusted"),
        ((200, b" " * (2 << 20)), "too long"),
        ((302, {}), "answered 302"),
    ],
)
async def test_a_provider_that_answers_badly_is_said(place: Place, forger: Forger, token: Any, said: str) -> None:
    forger.token = token
    _, answer = await forged(place, forger)
    assert (answer.status_code, said in text(answer)) == (403, True), text(answer)


@pytest.mark.parametrize(
    ("discovery", "said"),
    [
        ({"issuer": "https://evil.example"}, 'calls itself "https://evil.example"'),
        ({"token_endpoint": "ftp://evil.example"}, "no safe address for its token_endpoint"),
        ({"jwks_uri": None}, "no safe address for its jwks_uri"),
    ],
)
async def test_a_provider_that_is_another_is_not_gone_to(
    place: Place, forger: Forger, discovery: dict[str, Any], said: str
) -> None:
    forger.discovery = discovery
    answer = await (await browser(place, forger.issuer)).get("/sign-in/oidc")
    assert (answer.status_code, said in text(answer)) == (502, True), text(answer)


async def test_a_provider_that_is_away_is_said(place: Place) -> None:
    answer = await (await browser(place, "http://127.0.0.1:1")).get("/sign-in/oidc")
    assert (answer.status_code, "does not answer now" in text(answer)) == (502, True)
    assert 'name="password"' in answer.text


async def test_a_new_key_of_the_provider_is_found(
    place: Place, forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enginehouse.outgoing.oidc._AGAIN", -1.0)
    reader, answer = await forged(place, forger)
    assert answer.status_code == 303
    forger.key = jwk.RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    given = parse_qs(urlsplit(await to_provider(reader)).query)
    forger.nonce = given["nonce"][0]
    answer = await reader.http.get("/sign-in/oidc/back", params={"code": "c", "state": given["state"][0]})
    assert answer.status_code == 303, text(answer)


async def test_without_a_provider_there_is_no_such_page(place: Place) -> None:
    reader = await place.reader()
    assert "/sign-in/oidc" not in (await reader.get("/sign-in")).text
    for path in ("/sign-in/oidc", "/sign-in/oidc/back"):
        assert (await reader.get(path)).status_code == 404


async def test_the_last_administrator_keeps_the_role(place: Place, issuer: str) -> None:
    other = await accounts.create_organization(place.house, place.caller, "Radio")
    await accounts.create_user(
        place.house, place.caller, name="ada@example.org", password=PASSWORD, role=Role.ADMIN, organization_id=other.id
    )
    reader = await browser(place, issuer, roles={"operators": Role.READER})
    assert (await signed_in_as(reader, issuer, ADA)).url.path == "/jobs"
    assert (await identity.authenticate(place.house, reader.http.cookies["eh"])).role is Role.ADMIN


async def test_a_role_that_is_taken_away_is_taken_from_the_keys_too(place: Place, issuer: str) -> None:
    await ada(place, Role.ADMIN)
    session = await identity.login(place.house, "ada@example.org", PASSWORD)
    key = await identity.create_token(place.house, await identity.authenticate(place.house, session.token))
    reader = await browser(place, issuer, roles={"operators": Role.READER})
    assert (await signed_in_as(reader, issuer, ADA)).url.path == "/jobs"
    for secret in (reader.http.cookies["eh"], session.token, key.secret):
        assert (await identity.authenticate(place.house, secret)).role is Role.READER
