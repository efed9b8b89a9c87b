"""Refuses what an engine returns if it could be stored, but not shown: documents, metadata and positions."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from enginehouse.artifacts.temporary_file import open_regular
from enginehouse.domain.documents import DEEPEST_PUBLISHED, LARGEST, DocumentError, is_json, read_document
from enginehouse.domain.engine import EngineKind, EngineSpec
from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure, Output

_POSITIONS: Final = range(-(1 << 31), 1 << 31)  # what both databases store and GraphQL shows
_READ_AT_ONCE: Final = 1 << 16  # bytes; a larger document, and every file, is read in a thread


async def check_contents(
    spec: EngineSpec, outputs: Sequence[Output], names: Sequence[str], sources: Sequence[bytes | Path]
) -> None:
    """Raises EngineFailure for the first output that no interface could show, with the place of the fault.

    An engine of the server, and one that ingests, passes on documents of others. They are stored as they are.
    """
    for output, name, source in zip(outputs, names, sources, strict=True):
        _check_positions(output, name)
        _check_metadata(output, name)
        if spec.kind is not EngineKind.NATIVE and not spec.ingests and is_json(output.media_type):
            if isinstance(source, bytes) and len(source) <= _READ_AT_ONCE:
                _check_document(name, source)
            else:
                await asyncio.to_thread(_check_document, name, source)


def _check_document(name: str, source: bytes | Path) -> None:
    if isinstance(source, Path):
        with open_regular(source) as file:
            source = file.read(LARGEST + 1)
    if len(source) > LARGEST:
        return  # it is never shown as JSON
    try:
        read_document(source, DEEPEST_PUBLISHED)
    except DocumentError as fault:
        raise _invalid(f'The engine returned the output "{name}", which is {fault}') from None


def _check_metadata(output: Output, name: str) -> None:
    try:
        read_document(msgspec.json.encode(output.metadata), DEEPEST_PUBLISHED)
    except DocumentError as fault:
        raise _invalid(f'The metadata of the output "{name}" is {fault}') from None
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _invalid(f'The metadata of the output "{name}" cannot be JSON ({type(error).__name__}).') from None


def _check_positions(output: Output, name: str) -> None:
    for field in ("index", "start_ms", "stop_ms"):
        value = getattr(output, field)
        if value is not None and value not in _POSITIONS:
            bounds = f"{_POSITIONS[0]} to {_POSITIONS[-1]}"
            raise _invalid(f'The engine returned the output "{name}" with {field} out of bounds ({bounds}).')


def _invalid(text: str) -> EngineFailure:
    return EngineFailure(text, FailureKind.INVALID_DATA)
