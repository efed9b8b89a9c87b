"""Which Whisper model a task gets. Nothing here has one, and nothing is downloaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse_engines import whisper, whisper_models


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(whisper_models, "FOLDER", tmp_path / "models")
    monkeypatch.delenv("ENGINEHOUSE_WHISPER_MODEL", raising=False)
    return tmp_path / "models"


def model(folder: Path, size: int = 1) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"x" * size)
    return folder


def test_without_a_variable_it_is_the_largest_one_here(folder: Path) -> None:
    model(folder / "tiny", 1)
    small = model(folder / "small", 9)
    (folder / "half").mkdir()
    assert whisper_models.find() == small
    assert whisper_models.find("tiny") == folder / "tiny"


def test_the_variable_names_a_folder_or_a_model_that_is_here(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(folder / "tiny")
    model(folder / "small", 9)
    for value, found in (("tiny", folder / "tiny"), (str(model(tmp_path / "own")), tmp_path / "own")):
        monkeypatch.setenv("ENGINEHOUSE_WHISPER_MODEL", value)
        assert whisper_models.find() == found


HOW = f"Download one: {sys.executable} -m enginehouse_engines.whisper_models --download"
FAILURES = {
    None: f"No Whisper model is here. {HOW} small, or set ENGINEHOUSE_WHISPER_MODEL to the folder of one.",
    "base": f"ENGINEHOUSE_WHISPER_MODEL is base, which is not downloaded. {HOW} base.",
    "/nowhere": (
        "ENGINEHOUSE_WHISPER_MODEL is /nowhere, which is not the folder of a Whisper model: it has no file model.bin."
    ),
}


@pytest.mark.parametrize("value", FAILURES)
def test_without_a_model_the_engine_is_not_offered_and_says_how_to_get_one(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value:
        monkeypatch.setenv("ENGINEHOUSE_WHISPER_MODEL", value)
    with pytest.raises(EngineFailure) as caught:
        _ = whisper.engine.spec
    assert (caught.value.message, caught.value.kind) == (FAILURES[value], FailureKind.SYSTEM_DEPENDENCY_MISSING)


def test_a_request_names_only_models_that_are_here(folder: Path) -> None:
    model(folder / "tiny")
    for wanted in ("base", "../tiny", "/etc"):
        with pytest.raises(EngineFailure, match=r"payload\.model: must be one of tiny, which are here, not") as caught:
            whisper_models.find(wanted)
        assert caught.value.kind is FailureKind.INVALID_DATA


def test_the_command_lists_what_is_here(folder: Path) -> None:
    model(folder / "tiny")
    command = [sys.executable, "-m", "enginehouse_engines.whisper_models", "--to", str(folder)]
    assert subprocess.check_output(command, text=True) == f"tiny  {folder / 'tiny'}\n"
