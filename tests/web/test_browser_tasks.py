"""The pages of tasks and outputs in a real browser: a log that follows, a restart of the server, and what is played."""

import base64
import io
import re
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.acceptance.server import offer, serving, task_of
from tests.thorough import THOROUGH, slowly
from tests.web.task_jobs import NASTY
from tests.web.test_browser import WIDTHS, Place, browser, page, violations

__all__ = ["browser", "page"]  # fixtures

AION: Final = (
    b'{"validationContracts": ["transcript"], "series": [{"startTimeMs": 0, "stopTimeMs": 900,'
    b' "words": [{"word": "Hello."}]}], "object": [{"type": "logo", "label": "x", "confidence": 0.5}]}'
)
DOT: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def sound() -> bytes:
    """Returns a second of silence as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8_000)
        writer.writeframes(bytes(16_000))
    return file.getvalue()


OUTPUTS: Final = (
    ("a.json", "application/json", AION),
    ("a.wav", "audio/wav", sound()),
    ("a.png", "image/png", DOT),
    ("a.html", "text/html", b"<script>document.title = 'run'</script>"),
    (NASTY, "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='document.title = 1'/>"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yields a server with a complete job that has put out one output of each kind, and a failed one."""
    folder = tmp_path_factory.mktemp("tasks")
    path = offer(folder / "offered", "prints", "puts", "quotes")
    with serving(folder / "data", PYTHONPATH=path) as server:
        made = Place(server, (server.data / "admin-password").read_text().split()[-1], folder / "script")
        outputs = [
            {"name": name, "type": kind, "data": base64.b64encode(data).decode()} for name, kind, data in OUTPUTS
        ]
        made.complete = made.create(task_of("puts", {"outputs": outputs}))
        made.failed = made.create(task_of("quotes", {"text": NASTY}, maxRetries=0))
        yield made


class Script:
    """A job whose engine prints what a test says."""

    def __init__(self, place: Place, name: str, **fields: Any) -> None:
        self.path = place.gate.with_name(name)
        self.path.touch()
        self.job = place.create(task_of("prints", {"script": str(self.path)}, **fields))

    def say(self, *lines: str) -> None:
        with self.path.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))


def test_the_log_follows_what_is_printed_and_stays_where_it_is_read(place: Place, page: Page) -> None:
    script = Script(place, "follows")
    script.say(*(f"line {n}" for n in range(60)))
    place.sign_in(page, f"/jobs/{script.job}/tasks/0")
    log = page.locator("#log")
    expect(log).to_contain_text("line 59")
    page.evaluate("document.body.dataset.kept = 'yes'")
    box = page.locator(".box.tail")
    assert at_the_end(box)
    script.say("the next line")
    expect(log).to_contain_text("the next line")
    assert at_the_end(box), "who reads the end goes on to read it"
    box.evaluate("box => { box.scrollTop = 40 - box.scrollHeight }")
    top, height = box.evaluate("box => box.scrollTop + box.scrollHeight"), page.evaluate("document.body.scrollHeight")
    script.say(*(f"later {n}" for n in range(10)))
    expect(log).to_contain_text("later 9")
    assert abs(box.evaluate("box => box.scrollTop + box.scrollHeight") - top) < 400
    assert page.evaluate("document.body.scrollHeight") == height, "nothing on the page moves"
    script.say("end")
    expect(page.get_by_role("heading", level=1)).to_contain_text("complete")
    expect(page.get_by_role("link", name="printed.txt", exact=True)).to_be_visible()
    expect(page.locator("#log-note")).to_contain_text("has ended: complete")
    assert page.evaluate("document.body.dataset.kept") == "yes", "without a reload"
    assert log.inner_text().count("line 59") == 1
    assert not page.locator("#state time").last.inner_text().endswith("UTC"), "also new times are in the reader's zone"


def at_the_end(box: Any) -> bool:
    """Returns True if the last line is in sight. The box is filled from its end, where its scrolling begins at 0."""
    return abs(float(box.evaluate("box => box.scrollTop"))) < 2


def test_a_page_shows_an_end_within_a_second(place: Place, page: Page) -> None:
    place.sign_in(page)
    took = list[float]()
    # A second, and what the machine of a test takes. It may be busy for a while, so one of five is enough.
    while len(took) < 5 and min(took, default=10) > 1.5:
        script = Script(place, f"quick-{len(took)}")
        with page.expect_response("**/live?*"):  # the stream is open
            page.goto(f"{place.server.url}/jobs/{script.job}/tasks/0")
        expect(page.get_by_role("heading", level=1)).to_contain_text("running")
        began = time.monotonic()
        script.say("end")
        expect(page.get_by_role("heading", level=1)).to_contain_text("complete")
        took.append(time.monotonic() - began)
    assert min(took) < 1.5, took


def test_the_next_attempt_takes_the_place_of_the_one_that_failed(place: Place, page: Page) -> None:
    script = Script(place, "again", maxRetries=1)
    place.sign_in(page, f"/jobs/{script.job}/tasks/0")
    expect(page.locator("#log-title")).to_contain_text("attempt 1")
    script.say("first", "fail")
    expect(page.get_by_role("status")).to_contain_text("again at")
    script.path.write_text("second\n")
    expect(page.locator("#log-title")).to_contain_text("attempt 2")
    expect(page.locator("#log")).to_contain_text("second")
    expect(page.locator("#log")).not_to_contain_text("first")
    script.say("end")
    expect(page.get_by_role("heading", level=1)).to_contain_text("complete")


@pytest.mark.parametrize("scheme", ["light", "dark"] if THOROUGH else ["dark"])
def test_everybody_can_read_every_page_of_a_task(place: Place, page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    place.sign_in(page)
    found = []
    paths = [f"/jobs/{job}{rest}" for job in (place.complete, place.failed) for rest in ("", "/tasks/0", "/retry")]
    paths += [f"/jobs/{place.complete}/tasks", f"/jobs/{place.complete}/tasks/0?attempt=0.1&status=failed"]
    paths += [f"/jobs/{place.complete}/tasks/0/outputs/-1.0.{n}" for n in range(len(OUTPUTS))]
    for path in paths:
        page.goto(place.server.url + path)
        found += [f"{path}: {one}" for one in violations(page)]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{path} is wider than {width} px by {wider}"
        assert "run" not in page.title()
    assert found == []


def test_sound_and_pictures_are_played_and_everything_else_is_a_file_to_save(place: Place, page: Page) -> None:
    base = f"/jobs/{place.complete}/tasks/0/outputs/-1.0."
    place.sign_in(page, f"{base}1")
    audio = page.locator("audio")
    audio.evaluate("audio => audio.readyState || new Promise(done => audio.onloadedmetadata = done)")
    assert audio.evaluate("audio => audio.duration") == pytest.approx(1, abs=0.1)
    audio.evaluate("audio => new Promise(done => { audio.onseeked = done; audio.currentTime = 0.5 })")
    page.goto(f"{place.server.url}{base}2")
    assert page.locator("img.shown").evaluate("img => img.decode().then(() => img.naturalWidth)") == 1
    for n, (name, _, data) in enumerate(OUTPUTS):
        page.goto(f"{place.server.url}{base}{n}")
        with page.expect_download() as saved:
            page.get_by_role("link", name="Save the whole output").first.click()
        assert Path(saved.value.path()).read_bytes() == data
        assert saved.value.suggested_filename or name


def test_the_keyboard_reaches_a_task_from_the_graph_and_the_log_of_an_attempt(place: Place, page: Page) -> None:
    place.sign_in(page, f"/jobs/{place.failed}")
    page.get_by_role("link", name="quotes, failed").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("quotes")
    page.get_by_role("link", name="Log of attempt 1").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**attempt=0.1#log-title")
    expect(page.get_by_role("region", name="Log of attempt 1")).to_contain_text("ValueError")


def test_a_retry_with_another_payload_needs_no_scripts(place: Place, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    place.sign_in(page, f"/jobs/{place.failed}/tasks/0")
    page.get_by_role("link", name="Retry from here with another payload").click()
    payload = page.get_by_label("Payload of task 0")
    payload.fill("{")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(payload).to_have_value("{")
    payload.fill('{"text": "other"}')
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Retry of")).to_be_visible()
    page.get_by_role("link", name="quotes").first.click()
    expect(page.locator("pre", has_text="other").first).to_be_visible()
    context.close()


@slowly
def test_a_page_goes_on_after_the_server_was_restarted(tmp_path: Path, browser: Browser) -> None:
    path = offer(tmp_path / "offered", "prints")
    with serving(tmp_path / "data", PYTHONPATH=path) as server:
        place = Place(server, (server.data / "admin-password").read_text().split()[-1], tmp_path / "script")
        script = Script(place, "restart")
        context = browser.new_context()
        page = context.new_page()
        place.sign_in(page, f"/jobs/{script.job}/tasks/0")
        expect(page.get_by_role("heading", level=1)).to_contain_text("running")
        followed = context.new_page()
        followed.goto(f"{server.url}/jobs/{script.job}")
        for one in (page, followed):
            one.evaluate("document.body.dataset.kept = 'yes'")
        [port] = re.findall(r":(\d+)$", server.url)
        server.stop()
        server.options = ("--port", port)
        server.start()
        script.say("after the restart", "end")
        for one in (page, followed):
            expect(one.get_by_role("heading", level=1)).to_contain_text("complete", timeout=40_000)
            assert one.evaluate("document.body.dataset.kept") == "yes"
        expect(page.locator("#log")).to_contain_text("after the restart")
        context.close()
