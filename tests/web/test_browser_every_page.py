"""Every page of the site in a real browser: on a small screen, at 200 %, by keyboard, without motion, for everybody.

The pages are found by their links, beginning at the overview, so that a new page is looked at too as soon as something
leads there.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page
from starlette.routing import compile_path
from tests.acceptance.server import TOKEN, Server, offer, serving, task_of
from tests.web.test_browser import browser, violations

from enginehouse.web.site import PAGES

__all__ = ["browser"]
pytestmark = pytest.mark.slow

LONG: Final = f"a name {'that never ends_' * 12}{'x' * 40}"
MANY: Final = 2  # addresses of one page that are followed
BEYOND: Final = ("/static/", "/edge/", "/api/", "/v3/", "/signed/")  # which are no pages
LEAST: Final = {"/", "/jobs", "/jobs/new", "/jobs/{id}", "/schedules", "/schedules/{id}", "/engines", "/workers",
                "/webhooks", "/webhooks/{id}", "/docs", "/docs/{interface}"}  # fmt: skip
OTHERS: Final = ("/jobs?status=aborted", "/nothing", "/sign-in")
WEBHOOK: Final = """mutation {
  createEvent(input: {application: "a", eventType: "t", eventName: "n"}) { id }
  subscribeEvent(input: {application: "a", delivery: {name: Webhook, params: {url: "https://h.example/a"}}})
  emitEvent(input: {application: "a", eventType: "t", eventName: "n", payload: "{}"}) { id }
}"""
STOPS: Final = 60  # of the keyboard that are tried on a page
AT_ONCE: Final = 10  # stops until it is seen where the keyboard has been
WIDER: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What a person can reach, in the order of the page; of a closed `details` only its summary.
REACHABLE: Final = """() => [...document.querySelectorAll(
  'a[href], button:enabled, input:enabled:not([type=hidden]), select:enabled, textarea:enabled, summary, [tabindex="0"]'
)].filter((each) => each.tabIndex >= 0 && each.checkVisibility()
  && !(each.type === 'radio' && !each.checked)).map((each, n) => { each.dataset.place = n; return n; })"""
# Where the keyboard has been since.
FOLLOW: Final = """() => { window.stops = []; document.addEventListener(
  'focusin', (event) => window.stops.push(event.target.dataset.place ?? null)); }"""
MOVES: Final = """() => [...document.querySelectorAll('*')].filter((each) => {
  const style = getComputedStyle(each);
  const animated = style.animationName !== 'none' && /[1-9]/.test(style.animationDuration);
  return animated || /[1-9]/.test(style.transitionDuration);
}).map((each) => each.outerHTML.slice(0, 80))"""

CUT: Final = """() => [...document.querySelectorAll('nav a, button, h1, h2, legend')].filter((each) => {
  const {left, right} = each.getBoundingClientRect();
  const seen = each.checkVisibility() && !each.closest('.scrolls') && !each.matches('[aria-hidden]');
  return seen && (right > innerWidth || left < 0);
}).map((each) => each.textContent)"""


@dataclass(frozen=True, slots=True)
class Place:
    """A server with things of each kind, whose names are long, and the administrator's password.

    `pages` has an address of each page that a link leads to, by its path in the table of the site.
    """

    server: Server
    password: str
    pages: dict[str, str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("every-page")
    with serving(folder / "data", PYTHONPATH=offer(folder / "offered", "honest")) as server:
        fill(server.url)
        yield Place(server, (folder / "data/admin-password").read_text().split()[-1], reached(server.url))


def fill(url: str) -> None:
    """There are a job with an output, a schedule, a subscription and a delivery."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}) as client:

        def graphql(query: str, **variables: Any) -> Any:
            answer = client.post("/v3/graphql", json={"query": query, "variables": variables}).json()
            assert "errors" not in answer, answer
            return answer["data"]

        engine = task_of("honest", {})["tasks"][0]["engineId"]
        create = "mutation($job: CreateJob) { createJob(input: $job) { id } }"
        task = {"engineId": engine, "payload": {"a": LONG}}
        graphql(create, job={"name": LONG, "tasks": [task] * 3})
        body = {"name": LONG, "jobTemplates": [{"taskTemplates": [{"engineId": engine}]}], "cron": "0 9 * * *"}
        client.post("/api/v1/schedules", json=body).raise_for_status()
        graphql(WEBHOOK)


def reached(url: str) -> dict[str, str]:
    """Returns an address of each page to which links lead from the overview."""
    tables = [*PAGES, ("GET", "/docs", None), ("GET", "/docs/{interface}", None)]
    known = {path: compile_path(path)[0] for method, path, _ in tables if method == "GET"}
    found, tried, ahead = dict[str, str](), Counter[str](), ["/"]
    with httpx.Client(base_url=url, cookies={"eh": TOKEN}, headers={"accept": "text/html"}) as client:
        for address in ahead:  # it grows during the walk
            path = next((path for path, form in known.items() if form.fullmatch(address.partition("?")[0])), None)
            if path is None or tried[path] >= MANY:
                continue
            tried[path] += 1
            answer = client.get(address)
            if answer.status_code != 200 or not answer.headers["content-type"].startswith("text/html"):
                continue
            found.setdefault(path, address)
            links = map(unescape, re.findall(r'href="(/[^"#]*)', answer.text))
            ahead += [link for link in links if not link.startswith(BEYOND)]
    return found


@pytest.fixture(scope="module")
def page(browser: Browser, place: Place) -> Iterator[Page]:
    """Yields a page on which the administrator has signed in. Nothing but refusals may be on its console."""
    context = browser.new_context(reduced_motion="reduce")
    opened, said = context.new_page(), list[str]()

    def hear(message: ConsoleMessage) -> None:
        if "status of 404" not in message.text:
            said.append(f"{opened.url}: {message.text}")

    opened.on("console", hear)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(place.server.url)
    opened.get_by_label("Name").fill("admin")
    opened.get_by_label("Password").fill(place.password)
    opened.get_by_role("button", name="Sign in").click()
    yield opened
    context.close()
    assert said == []


def test_every_page_is_for_everybody(place: Place, page: Page) -> None:
    assert set(place.pages) >= LEAST, "no link leads there"
    assert {
        address: wrong for address in (*place.pages.values(), *OTHERS) if (wrong := faults(place, page, address))
    } == {}


def faults(place: Place, page: Page, address: str) -> list[str]:
    """Returns what is wrong with the page."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(place.server.url + address)
    found = [*violations(page)]
    found += [f"it moves: {each}" for each in page.evaluate(MOVES)]
    found += [f"the keyboard does not reach {each}" for each in unreached(page)]
    # 640 px are 1280 px at 200 %.
    for width in (640, 360):
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"wider than {width} px"] if page.evaluate(WIDER) > 0 else []
        found += [f"cut at {width} px: {each}" for each in page.evaluate(CUT)]
    return found


def unreached(page: Page) -> list[str]:
    """Returns what the keyboard does not reach, of the first things on the page."""
    wanted = set(page.evaluate(REACHABLE)[:STOPS])
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    page.evaluate(FOLLOW)
    stops = set[int]()
    for _ in range(0, 2 * len(wanted) + 40, AT_ONCE):  # a field for a date has several stops
        for _ in range(AT_ONCE):
            page.keyboard.press("Tab")
        stops = {int(stop) for stop in page.evaluate("window.stops") if stop is not None}
        if wanted <= stops:
            break
    left = sorted(wanted - stops)
    return [page.evaluate(f"document.querySelector('[data-place=\"{n}\"]').outerHTML.slice(0, 120)") for n in left]


def test_the_first_stop_of_the_keyboard_is_the_way_to_the_content(place: Place, page: Page) -> None:
    for address in place.pages.values():
        page.goto(place.server.url + address)
        if page.evaluate("document.activeElement.matches('[autofocus]')"):
            page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip", address
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("#main$"))
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null"), f"{address} goes on in the content"
