"""Engines in Python environments of their own: how they are found, what they see, and everything that can be wrong."""

import asyncio
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.engines.own_environment import CATEGORY, ECHO_ID, Site, engines_file, environment, of_version
from tests.engines.test_child_pool import House, alive, keeper, until

from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure
from enginehouse.engines import environments
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.environments import PythonEnvironment
from enginehouse.engines.installation import Installation
from enginehouse.engines.interpreter import Interpreter
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import Sandbox, missing

__all__ = ["keeper"]
missing_here = cache(missing)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Returns an environment with an engine and version 2 of its dependency."""
    made = environment(tmp_path_factory.mktemp("environment") / "venv")
    made.install_echo("2")
    return made


@pytest.fixture(params=[level for level in SandboxLevel if level is not SandboxLevel.UID])
def level(request: pytest.FixtureRequest) -> SandboxLevel:
    found: SandboxLevel = request.param
    if why := missing_here(found):
        pytest.skip(f"{found}: {why}")
    return found


class OwnHouse(House):
    """The children of one test, at a level, and what is installed for them."""

    def __init__(self, keeper: Keeper, folder: Path, sandbox: Sandbox) -> None:
        super().__init__(keeper, ChildPool(keeper, folder / "data", slots=2, sandbox=sandbox), folder)
        self.installation = Installation(self.children, folder / "engines.toml")

    async def read(self, **pythons: Path | str) -> tuple[str, ...]:
        """The environments are in use. Returns what is wrong."""
        engines_file(self.folder, **pythons)
        self.installation.use(await self.installation.read())
        return self.installation.reading.problems

    async def echo(self, engine_id: str = ECHO_ID, **payload: Any) -> dict[str, Any]:
        """Returns what the engine says."""
        spec = self.installation.find(engine_id)
        assert spec is not None
        [output] = await self.call(spec, payload)
        said: dict[str, Any] = msgspec.json.decode(output.data or b"")
        return said


@pytest.fixture
async def house(keeper: Keeper, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[OwnHouse]:
    level = request.getfixturevalue("level") if "level" in request.fixturenames else SandboxLevel.NONE
    (tmp_path / "data").mkdir(mode=0o700)
    made = OwnHouse(keeper, tmp_path, Sandbox(level, hidden=(tmp_path / "data",)))
    yield made
    await made.children.close()
    await until(lambda: not made.alive())


async def test_two_engines_have_two_versions_of_a_dependency(
    house: OwnHouse, level: SandboxLevel, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Site(tmp_path / "packages")
    ours.install_echo("1", package="ours", engine_id="ours")
    monkeypatch.syspath_prepend(ours.folder)
    assert await house.read(other=site.python) == ()
    theirs = await house.echo()
    assert (theirs["dependency"], theirs["prefix"]) == ("2", str(site.python.parents[1]))
    assert (await house.echo("ours"))["dependency"] == "1"
    assert (await house.echo())["pid"] == theirs["pid"]  # the child stays warm


async def test_an_environment_needs_nothing_of_the_server_and_sees_nothing_of_it(house: OwnHouse, site: Site) -> None:
    source = (
        "import json, sys\n"
        "from importlib.metadata import distributions\n"
        "from importlib.util import find_spec\n"
        "from enginehouse.engine import EngineKind, EngineSpec, Output\n"
        "class Looks:\n"
        f"    spec = EngineSpec(id='looks', name='Looks', category_id='{CATEGORY}', kind=EngineKind.PYTHON)\n"
        "    def process(self, work):\n"
        "        seen = [name for name in ('starlette', 'asyncpg', 'httpx', 'click') if find_spec(name)]\n"
        "        packages = sorted(one.name for one in distributions())\n"
        "        said = {'seen': seen, 'packages': packages, 'path': sys.path}\n"
        "        return [Output(media_type='application/json', data=json.dumps(said).encode())]\n"
        "engine = Looks()\n"
    )
    site.install("looks", {"looks.py": source}, "looks = looks:engine\n")
    try:
        assert await house.read(own=site.python) == ()
        said = await house.echo("looks")
    finally:
        site.remove("looks")
    assert (said["seen"], said["packages"]) == ([], ["echo", "looks"])
    packages = {Path(folder) for folder in said["path"] if folder.endswith("site-packages")}
    assert packages == {site.folder}


async def test_what_packages_leave_for_the_start_of_python_runs_in_the_sandbox(
    house: OwnHouse, level: SandboxLevel, site: Site, tmp_path: Path
) -> None:
    if level is SandboxLevel.NONE:
        pytest.skip("without a sandbox it can do whatever the server can")
    secret, taken = tmp_path / "data" / "token", tmp_path / "taken"
    secret.write_text("secret")
    hook = site.folder / "hook.pth"
    hook.write_text("import left_behind\n")
    module = site.folder / "left_behind.py"
    module.write_text(
        "from pathlib import Path\n"
        f"try:\n    Path({str(taken)!r}).write_text(Path({str(secret)!r}).read_text())\n"
        "except OSError:\n    pass\n"
    )
    try:
        assert await house.read(own=site.python) == ()
        assert (await house.echo())["dependency"] == "2"
    finally:
        hook.unlink()
        module.unlink()
    assert not taken.exists()


FILES = {
    "nothing": ("", ()),
    "no TOML": ("[environments.a", ("{file} is not TOML: {toml}.",)),
    "other tables": ("[engines.a]\n", ("{file}: engines: is not known here; allowed is [environments.NAME].",)),
    "no tables": ("environments = 3\n", ("{file}: environments: tables [environments.NAME], got 3.",)),
    "no table": ("[environments]\na = 3\n", ('{file}: environments.a: a table with python = "…", got 3.',)),
    "all at once": (
        """
        [environments.a]
        pyton = 1
        [environments.b]
        python = 7
        [environments.'c d']
        [environments.e]
        python = 'no/python'
        [environments.f]
        python = '.'
        """,
        (
            "{file}: environments.a.pyton: is not known here; allowed is python.",
            "{file}: environments.a.python: the path of an interpreter, got nothing.",
            "{file}: environments.b.python: the path of an interpreter, got 7.",
            "{file}: environments: a name has 1–60 letters, digits and . _ -, got 'c d'.",
            "{file}: environments.e.python: {folder}/no/python does not exist.",
            "{file}: environments.f.python: {folder} is not a program that this server may start.",
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_everything_that_is_wrong_with_the_file_is_said_at_once(case: str, tmp_path: Path) -> None:
    text, problems = FILES[case]
    file = tmp_path / "engines.toml"
    file.write_text(text)
    found = environments.read(file, named=False)
    assert found.environments == ()
    said = {
        "file": file,
        "folder": tmp_path,
        "toml": "Expected ']' at the end of a table declaration (at end of document)",
    }
    assert found.problems == tuple(each.format(**said) for each in problems)


def test_a_path_counts_from_the_folder_of_the_file_and_a_missing_file_only_matters_if_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, program = tmp_path / "engines.toml", tmp_path / "bin" / "python"
    program.parent.mkdir()
    program.symlink_to("/bin/sh")
    assert environments.read(file, named=False).problems == ()
    assert environments.read(file, named=True).problems == (f"{file} does not exist.",)
    engines_file(tmp_path, near="bin/python", far="~/bin/python")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert environments.read(file, named=True) == (
        (PythonEnvironment("near", str(program)), PythonEnvironment("far", str(program))),
        (),
    )


async def test_an_interpreter_that_is_too_old_says_so(house: OwnHouse, tmp_path: Path) -> None:
    [problem] = await house.read(old=of_version(tmp_path, (3, 9)))
    assert problem.startswith("environment old: The interpreter ")
    assert problem.endswith(" is Python 3.9; an engine needs Python 3.11 or newer.")


async def test_a_program_that_is_no_interpreter_is_one_sentence(house: OwnHouse) -> None:
    [problem] = await house.read(ls="/bin/ls")
    assert problem.startswith("environment ls: The engine's process exited with code ")


async def test_an_interpreter_in_the_data_folder_is_one_sentence(
    house: OwnHouse, level: SandboxLevel, tmp_path: Path
) -> None:
    python = tmp_path / "data" / "python"
    python.symlink_to("/bin/sh")
    [problem] = await house.read(near=python)
    if level is SandboxLevel.NONE:
        assert "exited with code" in problem
    else:
        assert problem == (
            f"environment near: The interpreter {python} is in {tmp_path / 'data'}, which no engine sees. "
            "Move its environment elsewhere."
        )


async def test_an_environment_whose_msgspec_does_not_work_says_how_to_mend_it(house: OwnHouse, tmp_path: Path) -> None:
    other = environment(tmp_path / "venv")
    other.install_echo("3")
    (other.folder / "msgspec.py").write_text("raise ImportError('no _core for this Python', name='msgspec._core')\n")
    [problem] = await house.read(other=other.python)
    assert "cannot import msgspec: the environment has none that works" in problem
    assert problem.endswith(f"{other.python} -m pip install 'msgspec>=0.20'")


async def test_an_entry_that_does_not_import_is_one_sentence_and_the_others_run(house: OwnHouse, site: Site) -> None:
    site.install("broken", {"broken.py": "import torchless\n"}, "broken = broken:engine\n")
    site.install("ends", {"ends.py": "import os\nos._exit(3)\n"}, "ends = ends:engine\n")
    site.install("nothing", {"nothing.py": "engine = object()\n"}, "nothing = nothing:engine\n")
    try:
        problems = await house.read(own=site.python)
    finally:
        for package in ("broken", "ends", "nothing"):
            site.remove(package)
    lacks = f'The engine needs the package "torchless", which is not installed for {site.python}.'
    assert problems == (
        f"engine broken of environment own: {lacks}",
        "engine ends of environment own: The engine's process exited with code 3 before it answered.",
        'engine nothing of environment own: "nothing" is not an engine: it has no process().',
    )  # fmt: skip
    assert (await house.echo())["dependency"] == "2"


async def test_of_two_engines_with_one_id_the_first_is_used(house: OwnHouse, site: Site, tmp_path: Path) -> None:
    other = environment(tmp_path / "venv")
    other.install_echo("3")
    house.installation.reserved = {"reserved"}
    other.install_echo("3", package="steals", engine_id="reserved")
    taken = f'its id "{ECHO_ID}" is that of engine echo of environment first, which is used.'
    assert await house.read(first=site.python, second=other.python) == (
        f"engine echo of environment second: {taken}",
        'engine steals of environment second: its id "reserved" is that of an engine of the server itself.',
    )
    assert (await house.echo())["dependency"] == "2"


async def test_an_environment_that_vanishes_fails_its_calls_with_a_sentence(
    house: OwnHouse, level: SandboxLevel, tmp_path: Path
) -> None:
    other = environment(tmp_path / "venv")
    other.install_echo("3")
    assert await house.read(other=other.python) == ()
    other.python.unlink()
    with pytest.raises(EngineFailure, match=f"The interpreter {other.python} does not exist") as caught:
        await house.echo()
    assert caught.value.kind is FailureKind.SYSTEM_DEPENDENCY_MISSING


async def test_an_engine_does_not_choose_its_interpreter(house: OwnHouse, tmp_path: Path) -> None:
    other = environment(tmp_path / "venv")
    other.install_echo("3")
    source = other.folder / "echo_engine.py"
    source.write_text(source.read_text().replace("mode=EngineMode.BATCH", "mode=EngineMode.BATCH, python='/bin/false'"))
    assert await house.read(other=other.python) == ()
    assert (await house.echo())["prefix"] == str(other.python.parents[1])


def test_only_what_an_interpreter_needs_is_opened(tmp_path: Path, site: Site) -> None:
    opened = set(Interpreter(str(site.python)).places())
    assert str(site.python.parents[1]) in opened
    bare = tmp_path / "home" / "bin" / "python"
    bare.parent.mkdir(parents=True)
    bare.symlink_to(site.python.resolve())
    assert str(bare.parents[1]) not in set(Interpreter(str(bare)).places())


# -- a reload -----------------------------------------------------------------------------------------------


async def test_after_a_reload_warm_children_of_changed_engines_are_retired_and_others_stay(
    house: OwnHouse, site: Site, tmp_path: Path
) -> None:
    other = environment(tmp_path / "venv")
    other.install_echo("1", package="other", engine_id="other")
    await house.read(one=site.python, two=other.python)
    stays, goes = (await house.echo())["pid"], (await house.echo("other"))["pid"]
    other.install_echo("10", package="other", engine_id="other")
    assert (await house.echo("other"))["dependency"] == "1"  # nobody has looked
    difference = house.installation.use(await house.installation.read())
    assert difference == ((), ("Other",), ())
    await until(lambda: not alive(goes))
    assert (await house.echo("other"))["dependency"] == "10"
    assert (await house.echo())["pid"] == stays


async def test_a_busy_child_ends_its_item_with_the_code_with_which_it_began(
    house: OwnHouse, site: Site, tmp_path: Path
) -> None:
    other = environment(tmp_path / "venv")
    other.install_echo("1")
    await house.read(own=other.python)
    pid = (await house.echo())["pid"]
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    running = asyncio.create_task(house.echo(started=str(begun), gate=str(gate)))
    await until(begun.exists)
    other.install_echo("2", code="second")
    house.installation.use(await house.installation.read())
    gate.touch()
    said = await running
    assert (said["code"], said["dependency"], said["pid"]) == ("first", "1", pid)
    await until(lambda: not alive(pid))
    said = await house.echo()
    assert (said["code"], said["dependency"]) == ("second", "2")


async def test_a_removed_engine_is_not_found(house: OwnHouse, tmp_path: Path) -> None:
    other = environment(tmp_path / "venv")
    other.install_echo("1")
    await house.read(own=other.python)
    pid = (await house.echo())["pid"]
    other.remove("echo")
    assert house.installation.use(await house.installation.read()) == ((), (), ("Echo",))
    assert house.installation.find(ECHO_ID) is None
    await until(lambda: not alive(pid))
    other.install_echo("1")
    assert house.installation.use(await house.installation.read()) == (("Echo",), (), ())
