"""The wheel builds, and runs a job in an environment that has nothing of the checkout."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.acceptance.server import CHECKOUT
from tests.acceptance.servers import clean
from tests.acceptance.toolchains import missing

ENVIRONMENT = CHECKOUT / ".venv/wheel"
SECONDS = 240


@pytest.mark.slow
def test_the_wheel_runs_a_job_in_an_environment_of_its_own(tmp_path: Path) -> None:
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        missing("the environment of the wheel is missing; run: make clients")
    source, made, elsewhere = tmp_path / "source", tmp_path / "made", tmp_path / "elsewhere"
    source.mkdir()
    elsewhere.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, source)
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(CHECKOUT / "src", source / "src", ignore=left_out)
    pip = [str(CHECKOUT / ".venv/bin/python"), "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "wheel", "-qq", "--no-deps", "--no-build-isolation", "--wheel-dir", str(made), str(source)], elsewhere)
    [wheel] = made.glob("enginehouse-*-py3-none-any.whl")
    install = ["install", "-qq", "--no-deps", "--force-reinstall", str(wheel)]
    _run([*pip, "--python", str(python), *install], elsewhere)
    ended = _run([str(python.with_name("enginehouse")), "run", "--json"], elsewhere)
    result = json.loads(ended)
    assert result["document"]["object"], result
    where = _run([str(python), "-P", "-c", "import enginehouse; print(enginehouse.__file__)"], elsewhere)
    assert where.startswith(str(ENVIRONMENT))


def _run(command: list[str], folder: Path) -> str:
    """Returns what the command prints. It ends well."""
    ended = subprocess.run(
        command, cwd=folder, env=clean(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout
