"""Acts on many jobs in a real browser: all 5 000 that match, planned, done while one looks, and taken back."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.acceptance.server import NOOP, TOKEN, Server, serving
from tests.web.test_browser import WIDTHS, browser, page, violations

__all__ = ["browser", "page"]
JOBS = 5_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with 5 000 jobs that wait, because their organization is paused."""
    with serving(tmp_path_factory.mktemp("bulk") / "data") as running:
        with httpx.Client(base_url=running.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
            client.post("/api/v1/organizations/1/pause", json={}).raise_for_status()
            jobs = [{"tasks": [{"engineId": NOOP}]}] * JOBS
            client.post("/edge/v1/proc/job/create", json={"jobs": jobs}).raise_for_status()
        yield running


def sign_in(page: Page, server: Server, path: str) -> None:
    page.goto(server.url + path)
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill((server.data / "admin-password").read_text().split()[-1])
    page.get_by_role("button", name="Sign in").click()


def test_all_that_match_are_paused_while_one_looks_and_resumed_again(server: Server, page: Page) -> None:
    sign_in(page, server, "/jobs?status=pending&status=queued")
    page.get_by_label("Select all on this page").check()
    expect(page.get_by_role("checkbox", name="Select job").last).to_be_checked()
    page.get_by_label("All 5\N{NARROW NO-BREAK SPACE}000 that match").check()
    page.get_by_role("button", name="Pause …").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pause 5\N{NARROW NO-BREAK SPACE}000 jobs?")
    found = violations(page)
    page.get_by_role("button", name="Pause 5\N{NARROW NO-BREAK SPACE}000 jobs").click()
    page.evaluate("document.body.dataset.kept = 'yes'")
    expect(page.get_by_role("status")).to_have_text(
        "Done: 5\N{NARROW NO-BREAK SPACE}000 of 5\N{NARROW NO-BREAK SPACE}000 changed.", timeout=60_000
    )
    assert page.evaluate("document.body.dataset.kept") == "yes", "without a reload"
    found += violations(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Done: 5", timeout=60_000)
    page.goto(f"{server.url}/jobs?paused=yes")
    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
    for path in ("/bulk-acts", "/jobs?failure=invalid_data", "/jobs"):
        page.goto(server.url + path)
        found += violations(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
    assert found == []


def test_the_same_without_scripts(server: Server, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, server, "/jobs")
    expect(page.get_by_label("Select all on this page")).to_be_hidden()
    page.get_by_role("checkbox", name="Select job").nth(0).check()
    page.get_by_role("checkbox", name="Select job").nth(1).check()
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("button", name="Cancel 2 jobs").click()
    expect(page.get_by_role("status")).to_have_text("Done: 2 of 2 changed.", timeout=60_000)
    context.close()
