"""The page for browsers: it loads only what is in the package, unchanged, and its policy allows no other script."""

import hashlib
import re
import tomllib
from pathlib import Path

import httpx
import pytest
from tests.api.clients import Api

from enginehouse.api.graphiql import page

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
VENDORED = Path(page.__file__).parent / "vendored"
BROWSER = VENDORED.parent / "browser"
ROOT = Path(__file__).parent.parent.parent


async def get(api: Api, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.graphql.http.request(method, path, headers=named)


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    parts = (part.split() for part in answer.headers["content-security-policy"].split(";"))
    return {name: sources for name, *sources in parts}


def test_every_vendored_file_is_the_one_that_the_notice_names() -> None:
    notice = (VENDORED / "NOTICE.txt").read_text()
    listed = {name: sha256 for sha256, name in re.findall(r"^([0-9a-f]{64})  (\S+)  ", notice, re.MULTILINE)}
    texts = {"NOTICE.txt", "LICENSES.txt"}
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in VENDORED.iterdir()}
    assert {name: sha256 for name, sha256 in found.items() if name not in texts} == listed
    assert texts <= found.keys()
    assert set(re.findall(r"^(\S+ [0-9.]+)  sha512-\S{88}$", notice, re.MULTILINE)) == {
        " ".join(parts) for parts in re.findall(r"^[0-9a-f]{64}  \S+  (\S+) (\S+)  MIT$", notice, re.MULTILINE)
    }


def test_everything_that_is_served_is_installed() -> None:
    installed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for folder in (VENDORED, BROWSER):
        assert {f"**/*{file.suffix}" for file in folder.iterdir()} <= set(installed["enginehouse"])
    assert {file.name for file in BROWSER.iterdir()} == {name for name, at in page.FILES.items() if at == "browser"}


@pytest.mark.parametrize("name", sorted(path.name for path in BROWSER.iterdir()))
def test_our_page_names_no_address_outside(name: str) -> None:
    text = (BROWSER / name).read_text()
    assert not re.search(r"//[a-z0-9]|@import|url\(", re.sub(r"^\s*// .*$", "", text, flags=re.MULTILINE))


async def test_the_page_loads_only_files_that_are_served(sqlite_api: Api) -> None:
    answer = await get(sqlite_api, "/v3/graphql", **HTML)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    loaded = set(re.findall(r'(?:src|href)="(?!data:)([^"]*)"', answer.text))
    assert loaded == {f"graphiql/{name}" for name in page.FILES if name != "index.html"}
    for path in loaded:
        file = await get(sqlite_api, f"/v3/{path}")
        kind = "text/css" if path.endswith("css") else "text/javascript"
        assert (file.status_code, file.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        name = path.partition("/")[2]
        assert file.content == (VENDORED.parent / page.FILES[name] / name).read_bytes()
        assert file.headers["x-content-type-options"] == "nosniff"


async def test_the_policy_allows_only_scripts_of_this_server(sqlite_api: Api) -> None:
    answer = await get(sqlite_api, "/v3/graphiql")
    rules = policy(answer)
    assert (rules["default-src"], rules["script-src"], rules["connect-src"]) == (["'none'"], ["'self'"], ["'self'"])
    for name in ("base-uri", "form-action", "frame-ancestors"):
        assert rules[name] == ["'none'"]
    sources = {source for listed in rules.values() for source in listed}
    assert sources <= {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert not re.search(r"<script(?![^>]* src=)|<[^>]+ on[a-z]+=|javascript:", answer.text)


@pytest.mark.parametrize("path", ["/v3/graphql", "/v3/graphiql"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_browser_gets_the_page(sqlite_api: Api, path: str, method: str) -> None:
    answer = await get(sqlite_api, path, method, **HTML)
    assert (answer.status_code, answer.headers["vary"]) == (200, "accept")
    assert int(answer.headers["content-length"]) == len((BROWSER / "index.html").read_bytes())
    assert (answer.content == b"") == (method == "HEAD")
    again = await get(sqlite_api, path, method, **HTML, If_None_Match=answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
async def test_a_program_does_not(sqlite_api: Api, accept: str) -> None:
    answer = await get(sqlite_api, "/v3/graphql", Accept=accept)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "/v3/graphiql" in answer.json()["errors"][0]["message"]


async def test_a_post_of_a_browser_is_a_request(sqlite_api: Api) -> None:
    headers = {**sqlite_api.graphql.headers(), **HTML}
    answer = await sqlite_api.graphql.http.post("/v3/graphql", json={"query": "{ me { name } }"}, headers=headers)
    assert answer.json() == {"data": {"me": {"name": "admin"}}}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v3/graphiql", 405),
        ("DELETE", "/v3/graphiql/page.js", 405),
        ("GET", "/v3/graphiql/nothing.js", 404),
        ("GET", "/v3/graphiql/NOTICE.txt", 404),
        ("GET", "/v3/graphiql/..%2fpage.py", 404),
        ("GET", "/v3/graphiql/vendored/graphiql.min.js", 404),
        ("GET", "/v3/graphiqlx", 404),
    ],
)
async def test_nothing_else_is_served(sqlite_api: Api, method: str, path: str, status: int) -> None:
    assert (await get(sqlite_api, path, method)).status_code == status


@pytest.mark.parametrize(("path", "place"), [("/v3/graphiql/", "../graphiql"), ("/v3/graphql/", "../graphql")])
async def test_a_final_slash_leads_to_the_page(sqlite_api: Api, path: str, place: str) -> None:
    answer = await get(sqlite_api, path, **HTML)
    assert (answer.status_code, answer.headers["location"]) == (308, place)
