"""Virtual environments with engines of their own, for tests: real ones, in which packages are laid without an index."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CATEGORY = "67cd4dd0-2f75-445d-a6f0-2f297d6cd182"
ECHO_ID = "1f0f3a2e-7d35-4c3b-9d6c-2f3b1a0c9e11"

ENGINE = '''
"""Says which Python and which version of a dependency it runs with. Waits for payload.gate, if there is one."""
import json, os, sys, time
import dependency
from enginehouse.engine import EngineKind, EngineMode, EngineSpec, Output

class Echo:
    spec = EngineSpec(
        id="{id}", name="{name}", slug="{slug}", category_id="{category}", kind=EngineKind.PYTHON, mode=EngineMode.BATCH
    )

    def process(self, work):
        payload = work.payload or {{}}
        if "started" in payload:
            open(payload["started"], "w").close()
        while "gate" in payload and not os.path.exists(payload["gate"]):
            time.sleep(0.01)
        said = {{"dependency": dependency.VERSION, "prefix": sys.prefix, "code": "{code}", "pid": os.getpid()}}
        return [Output(media_type="application/json", data=json.dumps(said).encode(), name="said.json")]

engine = Echo()
'''


@dataclass(frozen=True)
class Site:
    """A folder in which packages are installed. `python` is the interpreter of its environment."""

    folder: Path
    python: Path = Path(sys.executable)

    def install(self, package: str, files: dict[str, str], points: str = "") -> None:
        """The package is installed, as an installer of packages leaves it, in place of an earlier one."""
        self.remove(package)
        described = self.folder / f"{package}-1.dist-info"
        described.mkdir(parents=True)
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
        (described / "entry_points.txt").write_text(f"[enginehouse.engines]\n{points}")
        for name, text in files.items():
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            # Python takes a file of the same second and size for the one whose bytecode it has. Installers renew that.
            for bytecode in place.parent.glob(f"__pycache__/{place.stem}.*.pyc"):
                bytecode.unlink()
        (described / "RECORD").write_text("\n".join(files))

    def remove(self, package: str) -> None:
        """The package is not installed."""
        described = self.folder / f"{package}-1.dist-info"
        if not described.exists():
            return
        for name in (described / "RECORD").read_text().splitlines():
            (self.folder / name).unlink()
        for file in described.iterdir():
            file.unlink()
        described.rmdir()

    def install_echo(
        self,
        dependency: str,
        *,
        package: str = "echo",
        engine_id: str = ECHO_ID,
        code: str = "first",
        category: str = CATEGORY,
    ) -> None:
        """The engine `Echo`, and this version of the module on which it depends."""
        source = ENGINE.format(id=engine_id, name=package.capitalize(), slug=package, category=category, code=code)
        files = {f"{package}_engine.py": source, "dependency.py": f"VERSION = {dependency!r}\n"}
        self.install(package, files, f"{package} = {package}_engine:engine\n")


def environment(folder: Path) -> Site:
    """Returns a new virtual environment, in which nothing is installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    [site] = folder.glob("lib/python3*/site-packages")
    return Site(site, python)


def of_version(folder: Path, version: tuple[int, int]) -> Path:
    """Returns an interpreter that is this one, and says that it is another version."""
    program = f"import sys, runpy; sys.version_info = {(*version, 0, 'final', 0)}; sys.argv[:] = sys.argv[3:]; "
    program += "runpy.run_path(sys.argv[0], run_name='__main__')"
    place = folder / "python"
    place.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}" "$@"\n')
    place.chmod(0o755)
    return place


def engines_file(folder: Path, **pythons: Path | str) -> Path:
    """Returns a file that names these environments."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "engines.toml"
    file.write_text("".join(f'[environments.{name}]\npython = "{python}"\n' for name, python in pythons.items()))
    return file


def path_of(*folders: Path) -> str:
    """Returns a PYTHONPATH with these folders before that of this process."""
    return os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])
