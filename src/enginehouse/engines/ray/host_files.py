"""The files of one item on its node: its inputs as they come from the worker, its outputs until they are fetched."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from enginehouse.engine import Chunk, Output, Work
from enginehouse.engines.ray.messages import INLINE

_OUT: Final = "out"


def append(place: Path, number: int, piece: bytes) -> None:
    """The piece is at the end of the input."""
    place.mkdir(exist_ok=True, mode=0o700)
    with _received(place, number).open("ab") as file:
        file.write(piece)


def bring_in(work: Work, inputs: list[bytes | None], place: Path) -> Work:
    """Returns the item with its inputs as files of this node, under the names that they had. Raises OSError."""
    out = place / _OUT
    out.mkdir(parents=True, mode=0o700)
    chunks = list[Chunk]()
    for number, (chunk, data) in enumerate(zip(work.inputs, inputs, strict=True)):
        path = place / f"{number:06d}" / chunk.path.name
        path.parent.mkdir()
        if data is None:
            _received(place, number).rename(path)
        else:
            path.write_bytes(data)
        chunks.append(replace(chunk, path=path))
    return replace(work, inputs=tuple(chunks), directory=out)


def bring_out(outputs: list[Output]) -> tuple[list[Output], dict[str, int]]:
    """Returns the outputs with as many bytes as go with an answer, and the sizes of the files that must be fetched."""
    room, found, files = INLINE, list[Output](), dict[str, int]()
    for output in outputs:
        if output.path is None:
            found.append(output)
            continue
        size = output.path.stat().st_size
        if size <= room:
            room -= size
            found.append(replace(output, data=output.path.read_bytes(), path=None))
        else:
            files[output.path.name] = size
            found.append(replace(output, path=Path(output.path.name)))
    return found, files


def read(place: Path, name: str, offset: int, size: int) -> bytes:
    """Returns a part of an output."""
    with (place / _OUT / Path(name).name).open("rb") as file:
        file.seek(offset)
        return file.read(size)


def _received(place: Path, number: int) -> Path:
    return place / f"in-{number}"
