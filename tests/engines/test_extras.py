"""Engines with models: an entry point with an extra counts where its packages are, in an environment of its own too."""

import shutil
from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint, distributions, entry_points
from pathlib import Path

import msgspec
import pytest
from tests.acceptance.toolchains import ROOT
from tests.engines import extras
from tests.engines.own_environment import environment
from tests.engines.test_child_pool import keeper, until
from tests.engines.test_environments import OwnHouse

from enginehouse.engine import ENTRY_POINT_GROUP, Chunk
from enginehouse.engines.entry_points import installed
from enginehouse.engines.extras import is_whole
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import AUTO, Sandbox, choose
from enginehouse_engines import whisper

__all__ = ["keeper"]


def point(package: Path, value: str, *requirements: str) -> EntryPoint:
    """Returns the only entry point of a package with these requirements."""
    described = package / "a-1.dist-info"
    described.mkdir(parents=True)
    lines = "".join(f"Requires-Dist: {line}\n" for line in requirements)
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: a\nVersion: 1\n{lines}")
    (described / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\na = {value}\n")
    [found] = [one for dist in distributions(path=[str(package)]) for one in dist.entry_points]
    return found


WITH_MODELS = {"whisper", "ocr", "entities", "translation"}
HERE, THERE = "msgspec>=0.1", "no-such-package[x]>=2"


@pytest.mark.parametrize(
    ("value", "requirements", "whole"),
    [
        ("a:engine", [THERE], True),
        ("a:engine", [f'{THERE}; extra == "models"'], True),
        ("a:engine [models]", [f'{HERE}; extra == "models"', f'{THERE}; extra == "other"'], True),
        ("a:engine [models]", [f'{HERE}; extra == "models"', f'{THERE}; extra == "models"'], False),
        ("a:engine [my_models]", [f"{THERE}; extra == 'my-models'"], False),
        ("a:engine [models,other]", [f'{HERE}; extra == "models"', f'{THERE}; extra == "other"'], False),
        ("a:engine [models]", [], True),
    ],
)
def test_an_entry_point_counts_where_the_packages_of_its_extras_are(
    tmp_path: Path, value: str, requirements: list[str], whole: bool
) -> None:
    assert is_whole(point(tmp_path, value, *requirements)) is whole


def test_the_servers_environment_has_no_engine_whose_packages_are_missing() -> None:
    everything = {one.name for one in entry_points(group=ENTRY_POINT_GROUP)}
    assert {one.name for one in installed()} == everything - WITH_MODELS


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Returns the interpreter of an environment in which the server's package and the extra `whisper` are installed."""
    site = environment(tmp_path / "venv")
    shutil.copytree(ROOT / "src" / "enginehouse_engines", site.folder / "enginehouse_engines")
    [packages] = extras.environment().glob("lib/python3*/site-packages")
    (site.folder / "models.pth").write_text(f"{packages}\n")
    points = "".join(f"{one.name} = {one.value}\n" for one in entry_points(group=ENTRY_POINT_GROUP))
    site.install("enginehouse", {}, points + "other = other:engine [other]\n")
    with (site.folder / "enginehouse-1.dist-info" / "METADATA").open("a") as file:
        file.write('Requires-Dist: faster-whisper>=1; extra == "whisper"\n')
        others = sorted(WITH_MODELS - {"whisper"} | {"other"})
        file.writelines(f'Requires-Dist: no-such-package; extra == "{extra}"\n' for extra in others)
    return site.python


@pytest.fixture
async def house(keeper: Keeper, tmp_path: Path) -> AsyncIterator[OwnHouse]:
    (tmp_path / "data").mkdir(mode=0o700)
    level = choose(AUTO)
    read = (extras.environment(),) if level is not SandboxLevel.NONE else ()
    made = OwnHouse(keeper, tmp_path, Sandbox(level, hidden=(tmp_path / "data",), read=read))
    yield made
    await made.children.close()
    await until(lambda: not made.alive())


async def test_whisper_runs_in_an_environment_of_its_own_and_only_with_a_model(
    house: OwnHouse, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, words = next(iter(extras.speech().items()))
    problems = await house.read(models=models)
    assert house.installation.find(whisper.ID) is None
    [problem] = problems
    assert problem.startswith("engine whisper of environment models: No Whisper model is here. Download one: ")
    monkeypatch.setenv("ENGINEHOUSE_WHISPER_MODEL", str(extras.model()))
    assert await house.read(models=models) == ()
    spec = house.installation.find(whisper.ID)
    assert spec is not None
    given = Chunk(path=clip, media_type="audio/wav", size=clip.stat().st_size)
    [output] = await house.call(spec, inputs=(given,), seconds=120, memory_mb=spec.memory_mb)
    heard = " ".join(item["words"][0]["word"] for item in msgspec.json.decode(output.data or b"")["series"])
    assert heard.endswith("power to do for them.")
    assert words.endswith("power to do for them")
