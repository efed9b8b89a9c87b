"""What the engines of a job have found, as one AION document, and that document in the forms that people read."""

import asyncio
from typing import Any, Final

from enginehouse.artifacts.store import Content
from enginehouse.domain.artifact import Artifact
from enginehouse.domain.documents import LARGEST, is_json
from enginehouse.domain.errors import InvalidInput, NotFound, Problem, UnreadableDocument
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.refs import Ref
from enginehouse.engines.native.collation import Part, collate
from enginehouse.operations import artifacts
from enginehouse.operations.house import House
from enginehouse.text.findings_formats import AION, FORMS, NoTranscript, written

_COLLATED: Final = "vtn-standard"  # the names of what output writers publish begin so
_MOST: Final = 1_000  # documents that are read for one result
_PARTS: Final = ("series", "object", "sentiment", "emotions", "summary", "language", "tags", "validationContracts")


def file_name(ref: Ref, form: str) -> str:
    """Returns the name of the file with the result of the job in this form."""
    return f"{job_graphql(ref.number)}.{'json' if form in (AION, 'json') else form}"


async def stored(house: House, principal: Principal, ref: Ref, name: str | None) -> Content | None:
    """Returns the bytes of the result, if one output of the job is its result as AION. Raises NotFound."""
    match await _documents(house, principal, ref, name):
        case [only] if name is not None or only.name.startswith(_COLLATED):
            return await artifacts.content(house, only)
        case _:
            return None


async def result(house: House, principal: Principal, ref: Ref, form: str, name: str | None = None) -> bytes:
    """Returns the result of the job in one of FORMS: that of its output writer, or else all AION that it published.

    `name` is another output. Raises NotFound, also if there is no AION, UnreadableDocument, and InvalidInput if the
    form is for subtitles and nothing was said.
    """
    chosen = await _documents(house, principal, ref, name)
    if sum(artifact.size for artifact in chosen) > LARGEST:
        text = f"The outputs of this job have more than {LARGEST} bytes in all"
        raise UnreadableDocument(f"{text}, too many to be shown as one result. Each can be downloaded.")
    found: list[Part] = []
    for artifact in chosen:
        document = await artifacts.document(house, artifact)
        if _is_aion(document):
            found.append(_part(artifact, document))
    if not found:
        why = "The job has published no AION document; each of its outputs can be downloaded."
        raise NotFound("Result", job_graphql(ref.number), why=why)
    return await rendered(found[0].document if len(found) == 1 else await asyncio.to_thread(collate, found), form)


async def rendered(document: Any, form: str) -> bytes:
    """Returns the document in one of FORMS. Raises InvalidInput if nothing was said and the form is for subtitles."""
    try:
        return await asyncio.to_thread(written, document, form)
    except NoTranscript:
        others = ", ".join(sorted(FORMS.keys() - {"srt", "ttml", "vtt"}))
        text = f"one of {others}, got {form}; nothing in the result has words with times."
        raise InvalidInput([Problem("format", text, form, others)]) from None


async def _documents(house: House, principal: Principal, ref: Ref, name: str | None) -> list[Artifact]:
    """Returns the outputs that the result is made of."""
    outputs = await artifacts.of_job(house, principal, ref)
    documents = [one for one in outputs if is_json(one.media_type) or one.name.endswith(".json")]
    if name is not None:
        if (one := artifacts.named(outputs, name)) not in documents:
            raise InvalidInput([Problem("output", f'a JSON document, got "{name}" ({one.media_type}).', name)])
        return [one]
    return [one for one in documents if one.name.startswith(_COLLATED)][:1] or documents[:_MOST]


def _is_aion(document: Any) -> bool:
    return isinstance(document, dict) and any(part in document for part in _PARTS)


def _part(artifact: Artifact, document: dict[str, Any]) -> Part:
    return Part(
        document=document,
        index=artifact.item,
        folder=artifact.ordinal,
        start_ms=artifact.start_ms,
        stop_ms=artifact.stop_ms,
        metadata=artifact.metadata or {},
    )
