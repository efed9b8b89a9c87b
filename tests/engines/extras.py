"""Calls the engines with models in the environment that has their packages, and finds speech for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.quality import calls
from tests.acceptance.toolchains import installed


def environment() -> Path:
    """Returns the folder of the environment, which `make clients` makes."""
    return installed("engines")


def python() -> Path:
    return environment() / "bin" / "python"


def model() -> Path:
    """Returns the folder of Whisper's tiny English model."""
    environment()
    return calls.whisper_model()


def speech() -> dict[Path, str]:
    """Returns recordings of clear reading, with the words that are read."""
    installed("speech")
    return calls.recordings()


def call(module: str, works: Mapping[str, Any], scratch: Path, **variables: str) -> dict[str, Any]:
    """Returns what the engine answers to each work, which is its chunks and its payload: documents, or a failure."""
    answers = calls.call(python(), module, works, scratch, variables)
    return {name: answer.said for name, answer in answers.items()}
