"""The files of the pages: each at an address of its content, kept for ever, and those of others unchanged."""

import os
from pathlib import Path

import pytest
from tests.web.conftest import Place

from enginehouse.web import static_files

CHECKOUT = Path(__file__).parents[2]
_PACKAGES = CHECKOUT / "tests/node/node_modules"
_VENDORED = {
    "htmx.min.js": _PACKAGES / "htmx.org/dist/htmx.min.js",
    "hx-sse.min.js": _PACKAGES / "htmx.org/dist/ext/hx-sse.min.js",
    "uPlot.iife.min.js": _PACKAGES / "uplot/dist/uPlot.iife.min.js",
    "uPlot.min.css": _PACKAGES / "uplot/dist/uPlot.min.css",
}


@pytest.mark.parametrize("name", sorted(static_files.FOLDERS))
async def test_a_file_is_at_the_address_of_its_content(place: Place, name: str) -> None:
    reader = await place.reader()
    address = static_files.address(name)
    answer = await reader.http.get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    old = address.replace(address.split("/")[2], "0" * 16)
    assert (await reader.http.get(old)).status_code == 404


@pytest.mark.parametrize(
    "path", ["/static/0/page.css", "/static/0/..%2f..%2fsite.py", "/static/0/site.py", "/static/0/"]
)
async def test_nothing_else_is_served(place: Place, path: str) -> None:
    reader = await place.reader()
    assert (await reader.http.get(path)).status_code == 404


@pytest.mark.parametrize("name", sorted(_VENDORED))
def test_the_files_of_others_are_unchanged(name: str) -> None:
    if not _VENDORED[name].exists():
        sentence = "the npm packages are missing; run: npm ci --prefix tests/node --ignore-scripts"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    mine = CHECKOUT / "src/enginehouse/web/vendored" / name
    assert mine.read_bytes() == _VENDORED[name].read_bytes()


def test_every_vendored_file_is_compared() -> None:
    assert {name for name, folder in static_files.FOLDERS.items() if folder == "vendored"} == _VENDORED.keys()
