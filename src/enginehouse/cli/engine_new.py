"""`enginehouse engine new`: the package of a new Python engine, with a test."""

import re
from pathlib import Path
from typing import Final
from uuid import uuid4

import click

from enginehouse.cli import output
from enginehouse.cli.errors import CommandError

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST: Final = 60
_OTHER_CATEGORY: Final = "00000000-0000-4000-8000-0000000c0006"

_PROJECT: Final = """\
[build-system]
requires = ["setuptools>=70"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = []  # what the engine imports, besides enginehouse.engine

[project.entry-points."enginehouse.engines"]
{name} = "{module}:engine"

[tool.setuptools]
py-modules = ["{module}"]
"""

_ENGINE: Final = '''\
"""The engine {title}."""

import json

from enginehouse.engine import EngineFailure, EngineKind, EngineSpec, FailureKind, Output, Work


class {title}:
    """Says how many characters each of its inputs has."""

    spec = EngineSpec(
        id="{id}",  # it never changes: jobs name the engine by it
        name="{title}",
        slug="{name}",
        category_id="{category}",
        kind=EngineKind.PYTHON,
        inputs=("text/*",),
        outputs=("application/json",),
        timeout_seconds=60,
    )

    def process(self, work: Work) -> list[Output]:
        """Is called once for each item, in a process of its own. What it prints is the log of the task."""
        if not work.inputs:
            raise EngineFailure("There is nothing to read.", FailureKind.INVALID_DATA)
        outputs = []
        for chunk in work.inputs:
            text = chunk.path.read_text("utf-8")
            print(f"reading {{chunk.name or chunk.path.name}}")
            outputs.append(Output(media_type="application/json", data=json.dumps({{"characters": len(text)}}).encode()))
        return outputs


engine = {title}()
'''

_TEST: Final = '''\
"""The engine on a small file."""

import json
from pathlib import Path

from enginehouse.engine import Chunk, Work
from {module} import engine


def test_the_characters_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "input.txt"
    file.write_text("abc")
    chunk = Chunk(path=file, media_type="text/plain", size=3)
    work = Work(
        job_id="job", task_id="task", organization_id=1, target_id=None, engine_id=engine.spec.id, payload={{}},
        inputs=(chunk,), folders=(), directory=tmp_path,
    )
    [output] = engine.process(work)
    assert json.loads(output.data or b"") == {{"characters": 3}}
'''


@click.command("new")
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the package goes.  [default: its name, here]")
@output.json_option
def new(*, name: str, folder: Path | None, as_json: bool) -> None:
    """Make the package of a Python engine with this name: the engine, its test, and its entry point."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        text = f'NAME: small letters, digits and single hyphens, at most {_LONGEST} characters, got "{name}".'
        raise CommandError(text, exit_code=2)
    place = folder or Path(name)
    module = name.replace("-", "_")
    values = {
        "name": name,
        "module": module,
        "title": "".join(part.capitalize() for part in name.split("-")),
        "id": str(uuid4()),
        "category": _OTHER_CATEGORY,
    }
    files = {"pyproject.toml": _PROJECT, f"{module}.py": _ENGINE, f"test_{module}.py": _TEST}
    try:
        place.mkdir(parents=True)
        for file, text in files.items():
            (place / file).write_text(text.format(**values), encoding="utf-8")
    except FileExistsError:
        raise CommandError(f"{place} exists already. Give another --folder.") from None
    except OSError as error:
        raise CommandError(f"{place} cannot be written: {error.strerror}.") from None
    text = (
        f"{place} has the engine {module}.py and its test.\n"
        f"  cd {place}\n"
        "  python -m pytest                            # its test\n"
        f"  enginehouse engine try {module}:engine FILE    # on a file, kept apart as a server does, without a server\n"
        "  pip install .                               # then: enginehouse engine reload"
    )
    record = {"folder": str(place), "files": list(files), "engineID": values["id"], "slug": name}
    output.show(record, text, as_json=as_json)
