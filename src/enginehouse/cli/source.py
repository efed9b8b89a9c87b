"""What `enginehouse run` works on: a person's file, what a URL answers, or the sample document that is shipped."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from enginehouse.cli.problem import FailureError
from enginehouse.client import files

_SAMPLE = ("samples", "three-languages.md")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to upload, or a URL for the server to read."""

    name: str
    kind: files.Kind
    path: Path | None = None
    url: str | None = None


@contextmanager
def sourced(given: str | None) -> Iterator[Source]:
    """The source that is meant, the sample when none is. Raises FailureError."""
    if given is None:
        with resources.as_file(resources.files("enginehouse_engines").joinpath(*_SAMPLE)) as path:
            yield _file(path)
    elif "://" in given:
        if not given.startswith(("http://", "https://")):
            raise FailureError(f'"{given}": http:// and https:// URLs are read; give one of them, or a file.')
        yield Source(given, files.kind_at(given), url=given)
    else:
        yield _file(Path(given).expanduser())


def _file(path: Path) -> Source:
    if path.is_dir():
        raise FailureError(f"{path} is a folder; give a text, Markdown or WAV file.")
    try:
        return Source(path.name, files.kind_of(path), path=path)
    except files.NotUsable as fault:
        raise FailureError(str(fault)) from None
