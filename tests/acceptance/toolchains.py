"""Programs and packages that a test needs besides Python. Without them it is skipped, or fails in CI."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, NoReturn

import pytest

ROOT: Final = Path(__file__).parents[2]
CLIENTS: Final = ROOT / ".venv" / "clients"
"""What `make clients` has installed."""

NODE: Final = ROOT / "tests" / "node"


def missing(sentence: str) -> NoReturn:
    """The test is skipped, or fails in CI, where everything must be there."""
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def program(name: str, package: str) -> Path:
    """Returns the program, which a package of Debian has."""
    found = shutil.which(name)
    return Path(found) if found else missing(f"{name} is missing; install the package {package}")


def installed(client: str) -> Path:
    """Returns the folder of a published client or generator."""
    folder = CLIENTS / client
    return folder if folder.exists() else missing(f"the environment of {client} is missing; run: make clients")


def node_modules() -> Path:
    """Returns the folder of the JavaScript packages."""
    folder = NODE / "node_modules"
    program("node", "nodejs")
    return (
        folder if folder.is_dir() else missing(f"{folder} is missing; run: npm ci --prefix tests/node --ignore-scripts")
    )


def go() -> Path:
    """Returns a `go` that compiles a module that names Go 1.23. Before 1.21 it does not insist on that version."""
    found = program("go", "golang-go")
    said = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    version = [int(number) for number in re.findall(r"\d+", said)[:2]]
    return missing(f"Go 1.23 is needed, this is {said}") if [1, 21] <= version < [1, 23] else found
