"""A new job in a real browser: with a file, without scripts, readable by everybody, by keyboard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from tests.acceptance.server import Server, serving
from tests.web.test_browser import WIDTHS, browser, violations

__all__ = ["browser"]
SCRIPT = '"><svg onload=alert(1)>'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("new-job") / "data", "--signed-upload-mb", "1") as running:
        yield running


@pytest.fixture
def page(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Yields the page of a new job. Nothing but refused requests may be on its console."""
    context = browser.new_context(java_script_enabled=getattr(request, "param", True))
    opened, said = context.new_page(), list[str]()

    def hear(message: ConsoleMessage) -> None:
        if "status of 400" not in message.text:
            said.append(message.text)

    opened.on("console", hear)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(f"{server.url}/jobs/new?what=steps")
    opened.get_by_label("Name").fill("admin")
    opened.get_by_label("Password").fill((server.data / "admin-password").read_text().split()[-1])
    opened.get_by_role("button", name="Sign in").click()
    expect(opened.get_by_role("heading", name="New job")).to_be_visible()
    yield opened
    context.close()
    assert said == []


def show_graph(page: Page) -> None:
    page.get_by_role("button", name="Show the graph").click()


@pytest.mark.parametrize("page", [True, False], ids=["scripts", "no scripts"], indirect=True)
def test_a_file_its_graph_and_its_job(page: Page, tmp_path: Path) -> None:
    file = tmp_path / f"{SCRIPT.replace('/', '')}.txt"
    file.write_text("What a lovely day.")
    page.get_by_role("combobox", name="Engine").select_option(label="Sentiment (VADER)")
    page.get_by_text("Payload", exact=True).click()
    page.get_by_label("A JSON object").fill("{")
    page.get_by_label("File, at most").set_input_files(file)
    show_graph(page)
    expect(page.get_by_role("alert")).to_contain_text("Step 1, payload")
    expect(page.get_by_text(file.name)).to_be_visible()
    page.get_by_label("A JSON object").focus()
    page.get_by_label("A JSON object").fill("")
    show_graph(page)
    expect(page.get_by_role("heading", name="What starts")).to_be_visible()
    expect(page.get_by_text(f"the file “{file.name}”, 18 B")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Job")
    assert "#" not in page.url


@pytest.mark.parametrize("page", [True, False], ids=["scripts", "no scripts"], indirect=True)
def test_any_file_is_understood_without_a_choice(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "letter"
    file.write_text("What a lovely day.")
    page.goto(page.url.partition("?")[0])
    expect(page.get_by_role("combobox", name="Engine")).to_be_hidden()
    page.get_by_label("File, at most").set_input_files(file)
    show_graph(page)
    expect(page.get_by_role("heading", name="What starts")).to_be_visible()
    expect(page.get_by_role("cell", name="Sentiment (VADER)", exact=True)).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Job")


def test_steps_to_begin_with_keep_what_was_filled_in(page: Page) -> None:
    page.locator("#text").fill("kept")
    page.get_by_role("button", name="Speech").click()
    expect(page.locator("legend")).to_have_count(3)
    assert page.locator("#step-2-reads").input_value() == "1"
    assert page.locator("#text").input_value() == "kept"


def test_a_file_that_is_too_large_is_not_sent(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(b"x" * 1_100_000)
    page.get_by_label("File, at most").set_input_files(file)
    show_graph(page)
    expect(page.get_by_role("status")).to_contain_text("at most 1.0 MB are allowed")


@pytest.mark.parametrize("page", [False], ids=["no scripts"], indirect=True)
def test_a_file_that_is_too_large_is_refused_by_the_server(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(b"x" * 1_100_000)
    page.get_by_label("Name of the job").fill("kept")
    page.get_by_role("combobox", name="Engine").select_option(label="Sentiment (VADER)")
    page.get_by_label("File, at most").set_input_files(file)
    show_graph(page)
    expect(page.get_by_role("alert")).to_contain_text("File")
    assert page.get_by_label("Name of the job").input_value() == "kept"


def test_everybody_can_read_the_form_its_faults_and_its_graph(page: Page) -> None:
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.goto(page.url.partition("/jobs")[0] + "/jobs/new?ready=text")
        found += violations(page)
        page.get_by_label("URL").fill("nothing")
        show_graph(page)
        expect(page.get_by_role("alert")).to_be_visible()
        found += violations(page)
        page.get_by_label("URL").fill("https://example.com/" + "long" * 60)
        show_graph(page)
        expect(page.get_by_role("heading", name="What starts")).to_be_visible()
        found += violations(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"wider than {width} px by {wider}"
    assert found == []


def test_the_keyboard_shows_the_graph(page: Page) -> None:
    page.get_by_role("combobox", name="Engine").focus()
    page.keyboard.type("Sentiment")
    page.get_by_label("Target ID").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What starts")).to_be_visible()
