"""The input of a root task as a local file: from a URL, text in the payload, or the target's primary asset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from enginehouse.engine import Work
from enginehouse.engines.native.files import link_or_copy, save
from enginehouse.engines.native.payload import invalid, text
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.engines.threads import in_thread
from enginehouse.text.charset import NotText, declares_itself, encode_utf8, with_charset
from enginehouse.text.file_type import type_of_file
from enginehouse.text.media_types import OCTETS, PLAIN, bare, is_written

DAMAGED: Final = "; damaged characters are replaced by U+FFFD"


@dataclass(frozen=True, slots=True)
class RootInput:
    """A whole stream, in a file below the item's directory."""

    path: Path
    media_type: str
    name: str


async def read_root_input(work: Work, context: NativeContext, payload: dict[str, Any]) -> RootInput:
    """Returns the data that the payload names. Raises EngineFailure, of the kind invalid_data if it names none."""
    found = await find_root_input(work, context, payload)
    if found is None:
        raise invalid(
            "payload.url: missing, and the job's target has no primary asset. "
            "Give payload.url or payload.text, or make the target with createTDOWithAsset."
        )
    return found


async def find_root_input(work: Work, context: NativeContext, payload: dict[str, Any]) -> RootInput | None:
    """Returns the data that the payload names, or the target's primary asset; None if there is neither.

    Raises EngineFailure.
    """
    url, inline = (text(payload, "url") or "").strip(), text(payload, "text")
    if url and inline is not None:
        raise invalid("payload: give url or text, not both.")
    target = work.directory / "stream"
    if url:
        context.log(f"reading {_without_query(url)}")
        async with context.fetch(url) as fetched:
            await save(fetched, target)
        return await in_thread(_describe, target, fetched.media_type, fetched.name)
    if inline is not None:
        await in_thread(target.write_bytes, inline.encode("utf-8", "replace"))
        return RootInput(target, PLAIN, "text.txt")
    asset = await context.primary_asset()
    if asset is None:
        return None
    context.log("reading the target's primary asset")
    await in_thread(link_or_copy, asset.path, target)
    return await in_thread(_describe, target, asset.media_type, asset.name)


async def text_in_utf8(source: RootInput, context: NativeContext) -> RootInput:
    """Returns the input, text as UTF-8 without a byte order mark. What is not text after all is bytes.

    The engines of a job read text that another server wrote. So it is decoded once, before the first of them.
    """
    if not is_written(source.media_type):
        return source
    target = source.path.with_name(f"{source.path.name}-utf-8")
    try:
        encoding = await in_thread(encode_utf8, source.path, target, source.media_type)
    except NotText as problem:
        context.log(f"{source.media_type} that is not text, passed on as {OCTETS}: {problem}")
        return RootInput(source.path, OCTETS, source.name)
    kind = bare(source.media_type)
    if encoding.is_utf8:
        target = source.path
    else:
        context.log(f"text read as {encoding.name}{DAMAGED if encoding.errors == 'replace' else ''}")
    # What a document says about its own encoding may be wrong now, so the media type says it.
    return RootInput(target, with_charset(kind, "utf-8") if declares_itself(kind) else kind, source.name)


def _describe(path: Path, declared: str, name: str) -> RootInput:
    return RootInput(path, type_of_file(path, declared, name), name)


def _without_query(url: str) -> str:
    # Signed URLs have their secret in the query.
    return url.partition("?")[0]
