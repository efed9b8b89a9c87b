"""The Whisper models of this machine: which one a task gets, and the command that downloads one.

    python -m enginehouse_engines.whisper_models --download small

Only this command downloads. A model lies in the Python environment into which it was downloaded, where engines may
read it, or in the folder that ENGINEHOUSE_WHISPER_MODEL names.
"""

import argparse
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse_engines.text import invalid

VARIABLE = "ENGINEHOUSE_WHISPER_MODEL"
FOLDER = Path(sys.prefix) / "share" / "enginehouse" / "whisper"
_WEIGHTS = "model.bin"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")


def find(wanted: str | None = None) -> Path:
    """Returns the folder of a model: of the `wanted` one, of the one that the variable names, or of the largest here.

    Raises EngineFailure: invalid_data for a wanted model that is not here, system_dependency_missing without any.
    """
    here = downloaded()
    if wanted is not None:
        if wanted not in here:
            raise invalid(f"payload.model: must be one of {', '.join(here) or 'none'}, which are here, not {wanted!r}.")
        return here[wanted]
    if chosen := os.environ.get(VARIABLE):
        return _chosen(chosen, here)
    if not here:
        raise _missing(f"No Whisper model is here. {_how('small')}, or set {VARIABLE} to the folder of one.")
    return max(here.values(), key=lambda folder: (folder / _WEIGHTS).stat().st_size)


def downloaded(folder: Path | None = None) -> dict[str, Path]:
    """Returns the folders of the downloaded models by their names."""
    folder = folder or FOLDER
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return {one.name: one for one in found if _NAME.fullmatch(one.name) and (one / _WEIGHTS).is_file()}


def download(name: str, folder: Path) -> Path:
    """The model is in a folder of its name below `folder`. Returns it. Raises EngineFailure."""
    whisper: Any = import_module("faster_whisper.utils")
    if name not in (known := whisper.available_models()):
        raise invalid(f"{name!r} is no model of Whisper; there are {', '.join(known)}.")
    target = folder / name
    try:
        whisper.download_model(name, output_dir=str(target))
    except Exception as problem:  # the client raises many kinds, and those of what it stands on
        raise EngineFailure(
            f"The model {name} could not be downloaded: {problem}", FailureKind.SYSTEM_DEPENDENCY_MISSING
        ) from problem
    return target


def _chosen(chosen: str, here: dict[str, Path]) -> Path:
    folder = here.get(chosen) or Path(chosen)
    if (folder / _WEIGHTS).is_file():
        return folder
    if _NAME.fullmatch(chosen):
        known = f"; here are {', '.join(here)}" if here else ""
        raise _missing(f"{VARIABLE} is {chosen}, which is not downloaded{known}. {_how(chosen)}.")
    raise _missing(f"{VARIABLE} is {chosen}, which is not the folder of a Whisper model: it has no file {_WEIGHTS}.")


def _how(name: str) -> str:
    return f"Download one: {sys.executable} -m enginehouse_engines.whisper_models --download {name}"


def _missing(message: str) -> EngineFailure:
    return EngineFailure(message, FailureKind.SYSTEM_DEPENDENCY_MISSING)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m enginehouse_engines.whisper_models", description="Whisper models.")
    parser.add_argument(
        "--download", metavar="NAME", help="download this model (tiny, base, small, medium, large-v3 …)"
    )
    parser.add_argument("--to", metavar="FOLDER", type=Path, default=FOLDER, help=f"the folder of models [{FOLDER}]")
    given = parser.parse_args()
    try:
        if given.download:
            sys.stdout.write(f"{download(given.download, given.to)}\n")
        else:
            sys.stdout.writelines(f"{name}  {folder}\n" for name, folder in downloaded(given.to).items())
    except EngineFailure as failure:
        sys.exit(failure.message)


if __name__ == "__main__":
    main()
