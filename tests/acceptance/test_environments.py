"""Engines in Python environments of their own, on a server and on a worker: versions that clash, and what is wrong."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.acceptance.remote import SERVES_ONLY, token_for_workers, working
from tests.acceptance.server import create, ended, output, serving, task_of
from tests.acceptance.servers import call
from tests.engines.own_environment import ECHO_ID, Site, engines_file, environment, of_version, path_of


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Returns an environment with an engine and version 2 of its dependency."""
    made = environment(tmp_path_factory.mktemp("environment") / "venv")
    made.install_echo("2")
    return made


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Returns what is installed for the server itself: an engine and version 1 of the same dependency."""
    made = Site(tmp_path_factory.mktemp("packages"))
    made.install_echo("1", package="ours", engine_id="ours")
    return made


async def said(client: httpx.AsyncClient, engine: str) -> dict[str, Any]:
    """Returns what the engine says in a job."""
    [job] = await create(client, task_of(engine))
    assert await ended(client, job) == "complete"
    found: dict[str, Any] = json.loads(await output(client, job))
    return found


async def test_a_server_runs_two_versions_of_a_dependency(site: Site, ours: Site, tmp_path: Path) -> None:
    engines_file(tmp_path / "data", whisper=site.python)
    with serving(tmp_path / "data", PYTHONPATH=path_of(ours.folder)) as server:
        async with server.client() as client:
            assert (await said(client, ECHO_ID))["dependency"] == "2"
            assert (await said(client, "ours"))["dependency"] == "1"
            shown = await client.get("/api/v1/openapi.json")
            assert str(site.python) not in shown.text
            [stored] = await server.rows(f"SELECT document FROM engine WHERE id = '{ECHO_ID}'")
            assert str(site.python) not in str(stored)


async def test_a_worker_runs_two_versions_of_a_dependency(site: Site, ours: Site, tmp_path: Path) -> None:
    file = engines_file(tmp_path / "etc", whisper=site.python)
    with serving(tmp_path / "data", *SERVES_ONLY) as server:
        async with server.client() as client:
            token = await token_for_workers(client)
            packages = path_of(ours.folder)
            with working(server.url, token, tmp_path / "worker", "--engines", str(file), PYTHONPATH=packages):
                assert (await said(client, ECHO_ID))["dependency"] == "2"
                assert (await said(client, "ours"))["dependency"] == "1"


def started(data: Path, *options: str) -> str:
    """Returns what a server says at its start."""
    with serving(data, *options) as server:
        assert server.stop() == 0
        return server.log.read_text()


def test_whatever_is_wrong_the_server_starts_and_says_it(site: Site, tmp_path: Path) -> None:
    data = tmp_path / "data"
    other = environment(tmp_path / "venv")
    other.install_echo("3")
    other.install_echo("3", package="elsewhere", engine_id="elsewhere", category="nowhere")
    other.install("broken", {"broken.py": "import torchless\n"}, "broken = broken:engine\n")
    old = of_version(tmp_path, (3, 9))
    file = engines_file(
        data, first=site.python, second=other.python, gone=tmp_path / "no" / "python", old=old, ls="/bin/ls"
    )
    text = started(data, "--engine-sandbox", "none")  # the interpreter of another version is a script
    for problem in (
        f"{file}: environments.gone.python: {tmp_path / 'no' / 'python'} does not exist.",
        "is Python 3.9; an engine needs Python 3.11 or newer.",
        "environment ls: The engine's process exited with code ",
        'engine broken of environment second: The engine needs the package "torchless", which is not installed for',
        f'engine echo of environment second: its id "{ECHO_ID}" is that of engine echo of environment first',
        'engine "Elsewhere": names the category "nowhere", which does not exist.',
    ):
        assert problem in text, problem
    assert text.count("  not used  ") == 6
    checked = call("doctor", "--data", str(data), "--json")
    wrong = {one["check"] for one in json.loads(checked.out)["checks"] if one["verdict"] == "wrong"}
    assert {"environments", "environment old", "environment ls", "engine broken of environment second"} <= wrong
    named = call("doctor", "--engines", str(engines_file(tmp_path / "etc", ls="/bin/ls")), "--json")
    found = {one["check"]: one["verdict"] for one in json.loads(named.out)["checks"]}
    assert found["environment ls"] == "wrong"


def test_a_file_that_is_none_is_said_too(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    assert f"  not used  {missing} does not exist." in started(tmp_path / "a", "--engines", str(missing))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "engines.toml").write_text("[environments\n")
    assert f"  not used  {tmp_path / 'b' / 'engines.toml'} is not TOML: " in started(tmp_path / "b")


def test_an_engine_is_tried_in_its_environment_without_a_server(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "input.txt"
    file.write_text("any")
    tried = call("engine", "try", "echo", str(file), "--python", str(site.python))
    assert '"dependency": "2"' in tried.out, tried.err
    missing = call("engine", "try", "echo", str(file), "--python", str(tmp_path / "python"))
    assert missing.code == 1
    assert f"The interpreter {tmp_path / 'python'} does not exist, or this server may not start it." in missing.err
