"""The pages in a real browser, on a real server: nothing on its console, live, and readable by everybody."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from tests.acceptance.server import CHECKOUT, TOKEN, Server, offer, serving, task_of
from tests.thorough import THOROUGH

AXE: Final = CHECKOUT / "tests/node/node_modules/axe-core/axe.min.js"
WIDTHS: Final = (360, 1280, 2560)
PATIENCE: Final = 20_000  # ms that a page may take to show something on a busy machine


@dataclass(slots=True)
class Place:
    """A server with a job of each kind. `gate` is the file for which the running one waits."""

    server: Server
    password: str
    gate: Path
    complete: str = ""
    running: str = ""
    failed: str = ""

    def create(self, job: dict[str, Any]) -> str:
        """Returns the id of a new job."""
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{self.server.url}/edge/v1/proc/job/create", json={"jobs": [job]}, headers=headers)
        job_id: str = answer.json()["internalJobIds"][0]
        return job_id

    def sign_in(self, page: Page, path: str = "/") -> None:
        """The page is open, and its administrator has signed in."""
        page.goto(self.server.url + path)
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Sign in").click()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None or not AXE.exists():
        sentence = "the pages are not tried in a browser: apt-get install chromium; npm ci --prefix tests/node"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=program, args=options)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("pages")
    path = offer(folder / "offered", "waits", "honest", "quotes")
    with serving(folder / "data", PYTHONPATH=path) as server:
        made = Place(server, (server.data / "admin-password").read_text().split()[-1], folder / "gate")
        made.complete = made.create(task_of("honest", {}))
        made.failed = made.create(task_of("quotes", {"text": "<b>"}, maxRetries=0))
        made.running = made.create(task_of("waits", {"runs": str(folder / "runs"), "gate": str(made.gate)}))
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yields a page of a new browser window. It fails the test if anything was written to the console."""
    context = browser.new_context()
    opened, said = context.new_page(), list[str]()

    def hear(message: ConsoleMessage) -> None:
        said.append(f"{message.type}: {message.text}")

    opened.on("console", hear)
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    context.close()
    assert said == []


def test_a_job_is_followed_until_it_ends_without_a_reload(place: Place, page: Page) -> None:
    place.sign_in(page, f"/jobs/{place.running}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("running")
    page.evaluate("document.body.dataset.kept = 'yes'")
    place.gate.touch()
    expect(page.get_by_role("heading", level=1)).to_contain_text("complete")
    expect(page.get_by_role("status")).to_contain_text("complete")
    assert page.evaluate("document.body.dataset.kept") == "yes"


@pytest.mark.parametrize("scheme", ["light", "dark"] if THOROUGH else ["dark"])
def test_everybody_can_read_every_page(place: Place, browser: Browser, page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{place.server.url}/sign-in")
    found = violations(page)
    place.sign_in(page)
    for path in (
        "/",
        "/jobs",
        "/jobs?status=aborted&name=none",
        f"/jobs/{place.complete}",
        f"/jobs/{place.failed}",
        "/engines",
        "/workers",
        "/docs",
        "/docs/v1",
    ):
        page.goto(place.server.url + path)
        found += [f"{path}: {one}" for one in violations(page)]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{path} is wider than {width} px by {wider}"
    assert found == []


def violations(page: Page) -> list[str]:
    """Returns what axe-core objects to on the page."""
    # The policy of the page allows no script but its own, so axe runs in a world beside it.
    page.context.add_init_script("")
    session = page.context.new_cdp_session(page)
    tree = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = session.send("Page.createIsolatedWorld", {"frameId": tree})["executionContextId"]
    for script, waits in ((AXE.read_text(), False), ("axe.run().then(r => JSON.stringify(r.violations))", True)):
        answer = session.send(
            "Runtime.evaluate",
            {"expression": script, "contextId": world, "awaitPromise": waits, "returnByValue": waits},
        )
        assert "exceptionDetails" not in answer, answer
    session.detach()
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in json.loads(answer["result"]["value"])]


def test_times_are_in_the_zone_of_the_reader_and_exact_when_pointed_at(place: Place, browser: Browser) -> None:
    context = browser.new_context(timezone_id="Asia/Kolkata", locale="en-GB")
    page = context.new_page()
    place.sign_in(page, f"/jobs/{place.complete}")
    time = page.locator("time").first
    shown, exact = time.inner_text(), time.get_attribute("title") or ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", exact)
    assert not shown.endswith("UTC")
    assert shown[-2:] == exact[-6:-4], "the seconds are the same"
    context.close()


def test_everything_works_without_scripts(place: Place, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    place.sign_in(page, f"/jobs/{place.failed}")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_text("Retry of")).to_be_visible()
    page.get_by_role("link", name="Jobs").first.click()
    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name="status: failed")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()


def test_the_keyboard_is_enough(place: Place, page: Page) -> None:
    page.goto(f"{place.server.url}/jobs")
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(place.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


def test_seven_pages_follow_jobs_at_once(place: Place, browser: Browser) -> None:
    gate = place.gate.with_name("another")
    job = place.create(task_of("waits", {"runs": str(gate) + ".runs", "gate": str(gate)}))
    context = browser.new_context()
    pages = [context.new_page() for _ in range(7)]
    place.sign_in(pages[0], f"/jobs/{job}")
    for page in pages:
        page.goto(f"{place.server.url}/jobs/{job}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("running")
    gate.touch()
    page = pages[-1]
    expect(page.get_by_role("heading", level=1)).to_contain_text("complete")
    context.close()
