"""Every page of the site in a real browser: on a small screen, at 200 %, by keyboard, without motion, for everybody.

The pages come from the site's own table, so a new page is looked at too. A page of a new kind of thing needs its id in
`things`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page
from tests.acceptance.server import TOKEN, Server, offer, serving, task_of
from tests.web.test_browser import browser, violations

from enginehouse.app import DESCRIPTIONS
from enginehouse.web.site import PAGES

__all__ = ["browser"]
LONG: Final = f"a name {'that never ends_' * 12}{'x' * 40}"
STREAMS: Final = {path for _, path, _ in PAGES if path.endswith("/live")}
ADDRESSES: Final = [path for method, path, _ in PAGES if method == "GET" and path not in STREAMS]
OTHERS: Final = ["/docs", *(f"/docs/{name}" for name in DESCRIPTIONS), "/jobs?status=aborted", "/nothing", "/sign-in"]
WEBHOOK: Final = """mutation {
  createEvent(input: {application: "a", eventType: "t", eventName: "n"}) { id }
  subscribeEvent(input: {application: "a", delivery: {name: Webhook, params: {url: "https://h.example/a"}}})
  emitEvent(input: {application: "a", eventType: "t", eventName: "n", payload: "{}"}) { id }
}"""
STOPS: Final = 60  # of the keyboard that are tried on a page
WIDER: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What a person can reach, in the order of the page; of a closed `details` only its summary.
REACHABLE: Final = """() => [...document.querySelectorAll(
  'a[href], button:enabled, input:enabled:not([type=hidden]), select:enabled, textarea:enabled, summary, [tabindex="0"]'
)].filter((each) => each.tabIndex >= 0 && each.checkVisibility()
  && !(each.type === 'radio' && !each.checked)).map((each, n) => { each.dataset.place = n; return n; })"""
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
    """A server with one thing of each kind, whose names are long, and the administrator's password."""

    server: Server
    password: str
    things: dict[str, str]

    def address(self, path: str) -> str:
        """Returns an address of the page."""
        known = next((each for start, each in self.things.items() if path.startswith(start)), "")
        return self.server.url + path.replace("{id}", known).replace("{ordinal}", "0")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("every-page")
    with serving(folder / "data", PYTHONPATH=offer(folder / "offered", "honest")) as server:
        yield Place(server, (folder / "data/admin-password").read_text().split()[-1], things(server.url))


def things(url: str) -> dict[str, str]:
    """Returns the id of one thing of each kind, by how the path of its pages begins."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}) as client:

        def graphql(query: str, **variables: Any) -> Any:
            answer = client.post("/v3/graphql", json={"query": query, "variables": variables}).json()
            assert "errors" not in answer, answer
            return answer["data"]

        engine = task_of("honest", {})["tasks"][0]["engineId"]
        create = "mutation($job: CreateJob) { createJob(input: $job) { id } }"
        task = {"engineId": engine, "payload": {"a": LONG}}
        job = graphql(create, job={"name": LONG, "tasks": [task] * 3})["createJob"]["id"]
        body = {"name": LONG, "jobTemplates": [{"taskTemplates": [{"engineId": engine}]}], "cron": "0 9 * * *"}
        schedule = client.post("/api/v1/schedules", json=body).json()["result"]["id"]
        subscription = graphql(WEBHOOK)["subscribeEvent"]
        delivery = client.get("/api/v1/webhooks/deliveries").json()["result"]["deliveries"][0]["id"]
    return {
        "/webhooks/deliveries/": delivery, "/webhooks/": subscription, "/schedules/": schedule, "/jobs/": job,
    }  # fmt: skip


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


@pytest.mark.parametrize("path", [*ADDRESSES, *OTHERS])
def test_a_page_is_for_everybody(place: Place, page: Page, path: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    answer = page.goto(place.address(path))
    assert answer is not None
    assert answer.status == (404 if path == "/nothing" else 200), f"say in `things` where {path} is"
    assert violations(page) == []
    assert page.evaluate(MOVES) == []
    assert unreached(page) == []
    # 640 px are 1280 px at 200 %.
    for width in (640, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) <= 0, f"wider than {width} px"
        cut = page.evaluate(CUT)
        assert cut == [], f"cut at {width} px"


def unreached(page: Page) -> list[str]:
    """Returns what the keyboard does not reach, of the first things on the page."""
    wanted = set(page.evaluate(REACHABLE)[:STOPS])
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    stops: list[int] = []
    for _ in range(2 * len(wanted) + 40):  # a field for a date has several stops
        page.keyboard.press("Tab")
        stop = page.evaluate("document.activeElement.dataset.place ?? null")
        if stop is not None:
            stops.append(int(stop))
        if wanted <= set(stops):
            break
    left = sorted(wanted - set(stops))
    return [page.evaluate(f"document.querySelector('[data-place=\"{n}\"]').outerHTML.slice(0, 120)") for n in left]


@pytest.mark.parametrize("path", ADDRESSES)
def test_the_first_stop_of_the_keyboard_is_the_way_to_the_content(place: Place, page: Page, path: str) -> None:
    page.goto(place.address(path))
    if page.evaluate("document.activeElement.matches('[autofocus]')"):
        page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null"), "it goes on in the content"


def test_every_stream_is_named_so() -> None:
    assert all(re.fullmatch(r"/[\w/{}-]+/live", path) for path in STREAMS)
