"""Turns the outputs of an engine into durable bytes with a place: a folder, an index, a name."""

import re
from collections.abc import Sequence
from mimetypes import guess_extension
from pathlib import Path
from uuid import uuid4

from enginehouse.domain.artifact import PUBLISHED, is_media_type
from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.job import FolderType
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Lease, NewArtifact
from enginehouse.engine import EngineFailure, Output, Work
from enginehouse.engines.outcome import check_number
from enginehouse.runtime.attempt import AttemptRun
from enginehouse.runtime.documents import check_contents

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_JSON = {"application/json", "application/vnd.veritone.aion+json"}


async def put_outputs(attempt: AttemptRun, work: Work, outputs: Sequence[Output]) -> tuple[NewArtifact, ...]:
    """Every output is durable in a place of this attempt. The finish that names it will make it visible.

    The outputs of a single input chunk take over its times and metadata, unless the engine sets them. An output without
    a folder goes to every output folder of the task, or is published if there is none. Raises EngineFailure for an
    output that is neither bytes nor a file inside the attempt's folder, for a media type that cannot be a header, for
    too many outputs, and for one that no interface could show.
    """
    _check(outputs)
    places = [_folders(output, work) for output in outputs]
    names = [_name(output, number, attempt.spec, attempt.lease) for number, output in enumerate(outputs)]
    parts = [
        (f"{number:06d}-{_UNSAFE.sub('_', name)[-80:]}", _source(output, work))
        for number, (output, name) in enumerate(zip(outputs, names, strict=True))
    ]
    await check_contents(attempt.spec, outputs, names, [source for _, source in parts])
    stored = await attempt.source.put(attempt.lease, parts)
    only = work.inputs[0] if len(work.inputs) == 1 else None
    return tuple(
        NewArtifact(
            folder=position,
            part=number,
            index=_index(output, number, work),
            name=name,
            media_type=output.media_type,
            size=kept.size,
            sha256=kept.sha256,
            key=kept.key,
            start_ms=output.start_ms if output.start_ms is not None or only is None else only.start_ms,
            stop_ms=output.stop_ms if output.stop_ms is not None or only is None else only.stop_ms,
            metadata={**(only.metadata if only else {}), **output.metadata} or None,
        )
        for number, (output, name, kept) in enumerate(zip(outputs, names, stored, strict=True))
        for position in places[number]
    )


def _check(outputs: Sequence[Output]) -> None:
    check_number(outputs)
    for output in outputs:
        if not is_media_type(output.media_type):
            text = f"The engine returned an output of the media type {output.media_type[:100]!a}, which is none."
            raise EngineFailure(text)


def _folders(output: Output, work: Work) -> tuple[int, ...]:
    places = tuple(n for n, folder in enumerate(work.folders) if folder.type is FolderType.OUTPUT)
    if output.published or not places:
        return (PUBLISHED,)
    if output.folder is None:
        return places
    if output.folder not in places:
        raise EngineFailure(f"The engine answered into folder {output.folder}, which is no output folder of its task.")
    return (output.folder,)


def _index(output: Output, number: int, work: Work) -> int:
    """Returns the output's own index, or that of a single input (engine-contract d.4), or else its number."""
    if output.index is not None:
        return output.index
    return work.inputs[0].index if len(work.inputs) == 1 else number


def _name(output: Output, number: int, spec: EngineSpec, lease: Lease) -> str:
    """Returns the output's own name.

    AION results without one get the name that clients look for (engine-contract d.7).
    """
    if output.name:
        name = _plain(Path(output.name.replace("\\", "/")).name)[:200]
        return name if name.strip(".") else "output"
    if output.media_type in _JSON and not any(
        f.type is FolderType.OUTPUT for f in lease.plan.tasks[lease.key.ordinal].folders
    ):
        return f"vtn-standard-{uuid4()}.json"
    extension = ".txt" if output.media_type.startswith("text/plain") else guess_extension(output.media_type) or ".bin"
    return f"{spec.slug or 'output'}-{lease.key.item:05d}-{number:03d}{extension}"


def _plain(name: str) -> str:
    """Returns the name with replacements for everything that a terminal or a header may act on."""
    return "".join(char if char.isprintable() else "\ufffd" for char in printable(name))


def printable(text: str) -> str:
    """Returns the text with replacements for NUL and for half a surrogate pair, which no database stores."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _source(output: Output, work: Work) -> bytes | Path:
    if output.data is not None:
        return output.data
    if output.path is None:
        raise EngineFailure("The engine answered an output with neither bytes nor a file.")
    path = output.path if output.path.is_absolute() else work.directory / output.path
    if not path.resolve().is_relative_to(work.directory.resolve()):
        raise EngineFailure(
            f"The engine answered a file outside its folder: {output.path}", FailureKind.FILE_WRITE_ERROR
        )
    return path
