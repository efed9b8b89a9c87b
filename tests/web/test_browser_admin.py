"""The pages of schedules, webhooks, the audit and accounts in a real browser: also by keyboard and without scripts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.acceptance.server import NOOP, TOKEN, Server, serving
from tests.thorough import THOROUGH
from tests.web.provider import CLIENT, SECRET, be, published
from tests.web.test_browser import WIDTHS, browser, page, violations

__all__ = ["browser", "page"]  # fixtures

ADA: Final = {"email": "ada@example.org", "email_verified": True, "name": "Ada Lovelace"}
DAILY: Final = {
    "name": "Evening news",
    "runMode": "Recurring",
    "recurringScheduleParts": [{"repeatInterval": 1, "repeatIntervalUnit": "Days", "startTime": "21:30"}],
    "timeZone": "Europe/Prague",
    "jobTemplates": [{"taskTemplates": [{"engineId": NOOP}]}],
}


@dataclass(slots=True)
class Place:
    """A server with a thing of each kind, and at which people of a provider may sign in."""

    server: Server
    issuer: str
    password: str
    paths: tuple[str, ...] = ()

    def sign_in(self, page: Page, path: str = "/") -> None:
        page.goto(self.server.url + path)
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("admin")
    with published("http://127.0.0.1:9/sign-in/oidc/back") as issuer:
        oidc = folder / "oidc.toml"
        oidc.write_text(f'issuer = "{issuer}"\nclient_id = "{CLIENT}"\nclient_secret = "{SECRET}"\nname = "Example"\n')
        with serving(folder / "data", "--oidc", str(oidc)) as server:
            httpx.post(f"{issuer}/redirect", content=f"{server.url}/sign-in/oidc/back").raise_for_status()
            made = Place(server, issuer, (server.data / "admin-password").read_text().split()[-1])
            made.paths = fill(server.url)
            yield made


def fill(url: str) -> tuple[str, ...]:
    """Returns the addresses of the pages of what it has made."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        schedule = client.post("/api/v1/schedules", json=DAILY).json()["result"]["id"]
        client.post("/api/v1/tokens", json={"name": "nightly"}).raise_for_status()
        client.post("/api/v1/organizations", json={"name": "Radio"}).raise_for_status()
        user = client.post(
            "/api/v1/users", json={"name": "ada@example.org", "role": "reader", "password": "correct horse"}
        ).json()["result"]
        person = user.get("userID") or user["id"]
        address = '{name: Webhook, params: {url: "https://93.184.216.34/hook"}}'
        wish = f'application: "system", eventType: "job", eventName: "JobAborted", delivery: {address}'
        made = client.post("/v3/graphql", json={"query": f"mutation {{ subscribeEvent(input: {{{wish}}}) }}"}).json()
        return (
            f"/schedules/{schedule}",
            f"/schedules/{schedule}/edit",
            f"/webhooks/{made['data']['subscribeEvent']}",
            f"/people/{person}",
        )


@pytest.mark.parametrize("scheme", ["light", "dark"] if THOROUGH else ["dark"])
def test_everybody_can_read_every_page(place: Place, page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{place.server.url}/sign-in")
    page.get_by_text("Sign in with a key", exact=True).click()
    found = violations(page)
    page.get_by_text("Sign in with a key", exact=True).click()
    place.sign_in(page)
    for path in (
        *("/schedules", "/schedules?name=none", "/schedules/new", "/webhooks", "/audit", "/audit?user=nobody"),
        *("/people", "/tokens", "/account", "/organizations", *place.paths),
    ):
        page.goto(place.server.url + path)
        for closed in page.locator("main details:not([open]) > summary").all():
            closed.click()
        found += [f"{path}: {one}" for one in violations(page)]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{path} is wider than {width} px by {wider}"
    assert found == []


def test_a_schedule_is_previewed_while_one_types(place: Place, page: Page) -> None:
    place.sign_in(page, "/schedules/new")
    preview = page.get_by_role("region", name="Preview")
    page.get_by_label("Name").fill("Morning")
    page.get_by_label("Every").press_sequentially("day at 6:3")
    page.get_by_label("Engine").select_option(NOOP)
    expect(preview).to_contain_text('Every: "6:3" is not a time of day')
    page.get_by_label("Every").press_sequentially("0")
    expect(preview).to_contain_text("Runs every day at 06:30 (UTC).")
    page.get_by_label("Time zone").fill("Europe/Pragu")
    expect(preview).to_contain_text('Did you mean "Europe/Prague"?')
    page.get_by_label("Time zone").fill("Europe/Prague")
    expect(preview).to_contain_text("(Europe/Prague)")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Morning")
    page.get_by_role("link", name="The next month").click()
    expect(page.get_by_role("region", name="Calendar").get_by_text("06:30").first).to_be_visible()


def test_everything_works_without_scripts(place: Place, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    place.sign_in(page, "/schedules/new")
    page.get_by_label("Name").fill("Without scripts")
    page.get_by_label("Every").fill("monday at 9am")
    page.get_by_label("Engine").select_option(NOOP)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Preview")).to_contain_text("Runs every Monday at 09:00")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("paused")
    page.get_by_text("Delete …").click()
    page.get_by_role("button", name="Delete the schedule").click()
    expect(page.get_by_role("heading", name="Schedules")).to_be_visible()
    expect(page.get_by_text("Without scripts")).to_have_count(0)
    page.goto(f"{place.server.url}/tokens")
    page.get_by_text("Make a key").first.click()
    page.get_by_label("What for").fill("mine")
    page.get_by_role("button", name="Make the key").click()
    secret = page.get_by_role("status").locator("code").inner_text()
    assert re.fullmatch(r"\w{6}:[0-9a-f]{64}", secret)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("Sign in with a key", exact=True).click()
    page.get_by_label("Key", exact=True).fill(secret)
    page.get_by_role("button", name="Sign in with the key").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert all(secret not in one["value"] for one in context.cookies())
    context.close()


def test_the_keyboard_is_enough(place: Place, page: Page) -> None:
    place.sign_in(page, "/people")
    expect(page.get_by_text("Add a person")).to_be_visible()  # the page has been loaded
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # to the content
    page.keyboard.press("Tab")
    expect(page.get_by_text("Add a person")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("grace@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("grace@example.org")


def test_a_person_signs_in_at_the_provider(place: Place, page: Page) -> None:
    """Also under the policy of the pages, and with the cookies of a real browser."""
    be(place.issuer, ADA)
    page.goto(f"{place.server.url}/schedules")
    page.get_by_role("link", name="Sign in with Example").click()
    expect(page.get_by_role("heading", name="Schedules")).to_be_visible()
    expect(page.get_by_role("link", name="ada@example.org")).to_be_visible()
    expect(page.get_by_role("link", name="New schedule")).to_have_count(0)


def test_another_person_is_told_why_not(place: Place, browser: Browser) -> None:
    page = browser.new_context().new_page()
    be(place.issuer, {**ADA, "email": "eve@example.org"})
    page.goto(f"{place.server.url}/schedules")
    page.get_by_role("link", name="Sign in with Example").click()
    expect(page.get_by_role("alert")).to_contain_text('Nobody here is called "eve@example.org"')
    expect(page.get_by_label("Password")).to_be_visible()
    page.context.close()
