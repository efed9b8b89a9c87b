"""Takes the pictures of the pages that the documentation shows, on a server with a demo organization.

`make screenshots` writes all of them. It needs Chromium.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from docs import demo
from docs.png import smaller
from playwright.sync_api import Page, sync_playwright

from enginehouse.cli.child_server import ChildServer
from enginehouse.client import Client

PICTURES: Final = Path(__file__).parent / "pictures"
LARGEST: Final = 120_000  # bytes of a picture
WIDTH: Final = 1280
_HEIGHT: Final = 800


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture: the name of its file, the page, and its colours."""

    name: str
    path: str
    dark: bool = False

    @property
    def file(self) -> Path:
        """Where the picture is."""
        return PICTURES / f"{self.name}.png"


SHOWN: Final = (
    Picture("overview", "/"),
    Picture("jobs", "/jobs"),
    Picture("job", "/jobs/{complete}"),
    Picture("engines", "/engines"),
    Picture("job-dark", "/jobs/{running}", dark=True),
)


def main() -> int:
    """Every picture is new. Returns 1 if there is no Chromium, or a picture is too large."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        sys.stderr.write("No Chromium: install it (apt-get install chromium), or name it in CHROMIUM.\n")
        return 1
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="enginehouse-") as name:
        data = Path(name) / "data"
        with ChildServer(data, 0) as server:
            with Client(server.url, server.token) as client:
                ids = demo.fill(client, Path(name))
            password = (data / "admin-password").read_text().split()[-1]
            with _browser(program, server.url, password) as page:
                for picture in SHOWN:
                    _take(page, server.url, picture, ids)
    large = [picture.name for picture in SHOWN if picture.file.stat().st_size > LARGEST]
    if large:
        sys.stderr.write(f"{', '.join(large)}: more than {LARGEST} bytes.\n")
    return 1 if large else 0


@contextmanager
def _browser(program: str, url: str, password: str) -> Iterator[Page]:
    """Yields a page of a browser in which the administrator has signed in."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=options)
        size = {"width": WIDTH, "height": _HEIGHT}
        page = browser.new_context(viewport=size, locale="en-GB", timezone_id="UTC").new_page()  # type: ignore[arg-type]
        page.goto(f"{url}/sign-in")
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        yield page
        browser.close()


def _take(page: Page, url: str, picture: Picture, ids: Mapping[str, str]) -> None:
    page.emulate_media(color_scheme="dark" if picture.dark else "light", reduced_motion="reduce")
    page.goto(url + picture.path.format_map(ids))
    page.wait_for_load_state("load")
    picture.file.write_bytes(smaller(page.screenshot()))
    sys.stdout.write(f"{picture.file.relative_to(PICTURES.parents[1])}: {picture.file.stat().st_size} bytes\n")


if __name__ == "__main__":
    sys.exit(main())
