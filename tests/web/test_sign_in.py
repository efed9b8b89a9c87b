"""Signing in and out: the cookie, the forms, and what a page says without a session."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.web.conftest import PASSWORD, Place
from tests.web.reader import Reader, text

from enginehouse.operations import accounts, identity
from enginehouse.web.redirects import own_path
from enginehouse.web.session import proof
from enginehouse.web.site import HEADERS, PAGES


async def guest(place: Place) -> Reader:
    """Returns a browser that has not signed in; the user `ada` exists."""
    await accounts.create_user(place.house, place.caller, name="ada", password=PASSWORD)
    return await place.reader()


@pytest.mark.parametrize("path", [re.sub("{[a-z]+}", "1", path) for method, path, _ in PAGES if method == "GET"])
async def test_every_page_leads_to_the_form_first_and_then_to_itself(place: Place, path: str) -> None:
    reader = await guest(place)
    answer = await reader.get(f"{path}?a=b")
    assert answer.status_code == 200
    assert answer.url.path == "/sign-in"
    answer = await reader.post("/sign-in", name="ada", password=PASSWORD, next=f"{path}?a=b", follow=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?a=b")


async def test_who_is_signed_in_sees_the_page_and_whose_it_is(place: Place) -> None:
    reader = await guest(place)
    answer = await reader.sign_in("ada", PASSWORD, "/jobs")
    assert (answer.status_code, answer.url.path) == (200, "/jobs")
    assert "ada" in answer.text
    assert (await reader.get("/sign-in?next=/jobs")).url.path == "/jobs"


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0b", PASSWORD)])
async def test_a_wrong_name_or_password_is_said_on_the_form(place: Place, name: str, password: str) -> None:
    reader = await guest(place)
    answer = await reader.sign_in(name, password)
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert password not in answer.text or not password or password == PASSWORD
    assert (await reader.get("/")).url.path == "/sign-in"


async def test_too_many_wrong_passwords_are_refused_for_a_while(place: Place) -> None:
    reader = await guest(place)
    statuses = [(await reader.sign_in("ada", "wrong")).status_code for _ in range(21)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert (await reader.sign_in("ada", PASSWORD)).status_code == 429


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_script_and_no_other_site_gets_the_cookie(place: Place, scheme: str) -> None:
    await guest(place)
    reader = await place.reader(f"{scheme}://enginehouse.test")
    await reader.get("/")
    answer = await reader.post("/sign-in", name="ada", password=PASSWORD, next="/", follow=False)
    [session] = [one for one in answer.headers.get_list("set-cookie") if not one.partition("=")[2].startswith('""')]
    name = "__Host-eh" if scheme == "https" else "eh"
    assert session.startswith(f"{name}=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(session.split("; "))
    assert ("Secure" in session.split("; ")) is (scheme == "https")


async def test_signing_out_ends_the_session_here_too(place: Place) -> None:
    reader = await guest(place)
    await reader.sign_in("ada", PASSWORD)
    secret = reader.http.cookies["eh"]
    await identity.authenticate(place.house, secret)
    answer = await reader.post("/sign-out")
    assert answer.url.path == "/sign-in"
    reader.http.cookies.set("eh", secret)
    assert (await reader.get("/")).url.path == "/sign-in"


async def test_a_token_for_workers_or_for_a_task_opens_no_page(place: Place) -> None:
    reader = await place.reader()
    reader.http.cookies.set("eh", "not a token")
    assert (await reader.get("/")).url.path == "/sign-in"


@pytest.mark.parametrize("given", ["", "0" * 64, "other"])
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/jobs/1/cancel"])
async def test_a_form_without_its_proof_does_nothing(place: Place, path: str, given: str) -> None:
    reader = await guest(place)
    if path != "/sign-in":
        await reader.sign_in("ada", PASSWORD)
    else:
        await reader.get("/sign-in")
    forged = proof(place.house, "another session") if given == "other" else given
    answer = await reader.post(path, proof=forged, name="ada", password=PASSWORD, follow=False)
    if path == "/sign-out":
        assert answer.headers["location"] == "/"
        assert (await reader.get("/jobs")).url.path == "/jobs"
    else:
        assert answer.status_code == 403
        assert "This form is too old, or it came from another site" in text(answer)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_form_of_another_site_does_nothing(place: Place, site: str) -> None:
    reader = await guest(place)
    await reader.sign_in("ada", PASSWORD)
    headers = {"sec-fetch-site": site, "accept": "text/html"}
    answer = await reader.http.post("/jobs/1/cancel", data={"csrf": reader.proof}, headers=headers)
    assert answer.status_code == 403


async def test_every_answer_has_the_headers_that_keep_others_out(place: Place) -> None:
    reader = await guest(place)
    answers = [await reader.http.get("/"), await reader.get("/sign-in"), await reader.get("/nothing")]
    await reader.sign_in("ada", PASSWORD)
    answers += [await reader.get(path) for path in ("/", "/jobs", "/jobs/1")]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS, answer.url
        assert not re.search(r"<[^>]*\s(style|on\w+)=", answer.text)
        assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/jobs?a=b", "/jobs?a=b"),
        ("", "/"),
        ("https://evil.test/", "/"),
        ("//evil.test/", "/"),
        ("/\\evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
    ],
)
def test_only_a_path_of_this_server_is_gone_to(given: str, path: str) -> None:
    assert own_path(given) == path


@pytest.mark.parametrize("path", ["/sign-in", "/jobs/1/cancel"])
async def test_a_form_without_end_is_not_read_to_its_end(place: Place, path: str) -> None:
    reader = await guest(place)
    await reader.get("/sign-in")
    if path != "/sign-in":
        await reader.sign_in("ada", PASSWORD)
    read = list[int]()

    async def body() -> AsyncIterator[bytes]:
        for n in range(100):
            read.append(n)
            yield b"x" * 100_000

    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
    answer = await reader.http.post(path, content=body(), headers=headers)
    assert (answer.status_code, "The form is larger than 1 MB." in text(answer)) == (413, True)
    assert len(read) < 20


@pytest.mark.parametrize("path", ["/sign-in", "/jobs/1/cancel"])
async def test_a_form_with_a_hundred_fields_is_refused(place: Place, path: str) -> None:
    reader = await guest(place)
    await reader.get("/sign-in")
    if path != "/sign-in":
        await reader.sign_in("ada", PASSWORD)
    answer = await reader.post(path, {f"field{n}": "x" for n in range(100)}, proof=reader.proof)
    assert (answer.status_code, "Too many fields" in text(answer)) == (400, True)


async def test_an_address_that_is_no_page(place: Place) -> None:
    reader = await guest(place)
    answer = await reader.get("/nothing")
    assert (answer.status_code, "There is no such page." in text(answer)) == (404, True)
    plain: httpx.Response = await reader.http.get("/nothing")
    assert plain.json()["id"] == "not_found"
