"""The pages with numbers in a real browser: the chart is drawn, live and readable, and nothing is on the console."""

from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Page, Route, expect
from tests.acceptance.server import NOOP, TOKEN, Server, serving, task_of
from tests.thorough import THOROUGH
from tests.web.test_browser import WIDTHS, Place, browser, page, violations

__all__ = ["browser", "page"]

# The number of pixels of the chart that are not empty.
DRAWN: Final = """() => {
  const canvas = document.querySelector("#chart canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let drawn = 0;
  for (let at = 3; at < pixels.length; at += 4) drawn += pixels[at] > 0;
  return drawn;
}"""
# The colours of its lines, as the browser resolves them.
COLOURS: Final = """() => [...document.querySelectorAll("#chart .u-marker")]
  .map((marker) => getComputedStyle(marker).borderTopColor).filter((colour) => colour !== "rgba(0, 0, 0, 0)")"""

# How much room is right of a label at the end of the lines: the time of the last minute is often there.
ROOM: Final = """() => {
  const context = document.createElement("canvas").getContext("2d");
  context.font = "13px system-ui, sans-serif";
  const label = new Date(0).toLocaleTimeString(undefined, {hour: "2-digit", minute: "2-digit"});
  const [lines, chart] = ["#chart .u-over", "#chart"].map((at) => document.querySelector(at).getBoundingClientRect());
  return chart.right - lines.right - context.measureText(label).width / 2;
}"""


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yields a server on which no job has run yet."""
    folder = tmp_path_factory.mktemp("numbers")
    with serving(folder / "data") as server:
        yield Place(server, (server.data / "admin-password").read_text().split()[-1], folder / "gate")


def create(server: Server, jobs: int) -> None:
    answer = httpx.post(
        f"{server.url}/edge/v1/proc/job/create",
        json={"jobs": [task_of(NOOP, {}) for _ in range(jobs)]},
        headers={"authorization": f"Bearer {TOKEN}"},
    )
    assert answer.status_code == 200, answer.text


def test_the_numbers_change_without_a_reload_and_the_chart_with_them(numbers: Place, page: Page) -> None:
    numbers.sign_in(page)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    chart = page.get_by_role("img", name="A chart of the numbers in the table beside it")
    expect(chart).to_be_visible()
    empty = page.evaluate(DRAWN)
    assert empty > 0
    page.evaluate("document.body.dataset.kept = 'yes'")
    create(numbers.server, 30)
    expect(page.get_by_role("list", name="Jobs by status")).to_contain_text("30 ✓ complete")
    expect(page.get_by_role("heading", name="No jobs yet")).to_have_count(0)
    created = page.locator("#rates tbody td:nth-child(2)").evaluate_all("cells => cells.map(c => +c.dataset.count)")
    assert sum(created) == 30
    assert page.evaluate(DRAWN) != empty
    expect(page.locator("#chart canvas")).to_have_count(1)
    assert page.evaluate("document.body.dataset.kept") == "yes"


def test_a_page_is_live_also_when_its_scripts_come_late(numbers: Place, page: Page) -> None:
    """The extension of htmx comes a second after htmx itself, as over a slow network."""

    def later(route: Route) -> None:
        page.wait_for_timeout(1_000)
        route.continue_()

    page.route("**/hx-sse.min.js", later)
    with page.expect_response("**/overview/live"):
        numbers.sign_in(page)


def test_the_chart_has_the_colours_of_the_page_in_both_schemes(numbers: Place, page: Page) -> None:
    numbers.sign_in(page)
    expect(page.locator("#chart canvas")).to_be_visible()
    page.emulate_media(color_scheme="light")
    light = page.evaluate(COLOURS)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => ({COLOURS})().join() !== light", arg=",".join(light))
    dark = page.evaluate(COLOURS)
    assert len(light) == len(dark) == 4
    assert len(set(light)) == len(set(dark)) == 4


def test_the_chart_is_as_wide_as_its_place(numbers: Place, page: Page) -> None:
    numbers.sign_in(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            "() => Math.abs(document.querySelector('#chart .u-wrap').clientWidth - "
            "document.querySelector('#chart').clientWidth) <= 1"
        )
        chart = page.locator("#chart").bounding_box()
        assert chart is not None
        assert 200 < chart["width"] < width
        assert page.evaluate(ROOM) >= 0


def test_without_the_script_the_table_has_the_numbers(numbers: Place, page: Page, browser: Any) -> None:
    create(numbers.server, 1)
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    numbers.sign_in(plain)
    expect(plain.locator("#rates tbody tr").first).to_be_visible()
    expect(plain.locator("#chart")).to_be_hidden()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"] if THOROUGH else ["dark"])
def test_everybody_can_read_the_pages_with_numbers(numbers: Place, page: Page, scheme: Any) -> None:
    create(numbers.server, 5)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    numbers.sign_in(page)
    found = []
    for path in ("/", "/engines", "/workers"):
        page.goto(numbers.server.url + path)
        if path == "/":
            expect(page.locator("#chart canvas")).to_be_visible()
        found += [f"{path}: {one}" for one in violations(page)]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{path} is wider than {width} px by {wider}"
    assert found == []


def test_an_administrator_sets_a_limit_and_pauses_by_hand(numbers: Place, page: Page) -> None:
    numbers.sign_in(page, "/engines")
    page.get_by_label("Limit of No operation").first.fill("3")
    page.get_by_role("button", name="Set the limit of No operation").click()
    expect(page.get_by_label("Limit of No operation").first).to_have_value("3")
    page.get_by_label("Limit of No operation").first.fill("")
    page.get_by_role("button", name="Set the limit of No operation").click()
    expect(page.get_by_label("Limit of No operation").first).to_have_value("")
    page.get_by_role("button", name="Pause No operation").click()
    page.get_by_role("button", name="Resume No operation").click()
    expect(page.get_by_role("button", name="Pause No operation")).to_be_visible()
