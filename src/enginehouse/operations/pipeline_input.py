"""What the input of a pipeline is: the bytes of a target's asset, of an upload, or of what is at a URL decide."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from enginehouse.domain.artifact import Asset
from enginehouse.domain.errors import InvalidInput, NotFound, Problem, excerpt
from enginehouse.domain.identity import Principal
from enginehouse.domain.ids import NUMBER_FORM, parse_number
from enginehouse.domain.refs import Ref
from enginehouse.operations import target_assets, targets, uploads
from enginehouse.operations.house import House
from enginehouse.outgoing.failures import OutgoingFailed, OutgoingRefused
from enginehouse.text.file_type import HEAD, TAIL, file_type
from enginehouse.text.media_types import PLAIN

_ARCHIVE: Final = b"PK"  # what it holds stands at its end
LARGEST_ARCHIVE: Final = 64 << 20  # bytes of one at a URL that are read for its end
LOOK_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSource:
    """The one input of a job: a target, a URL, a text, or an upload with its name. `path` is its field in a request."""

    target_id: str | None = None
    url: str | None = None
    text: str | None = None
    upload: str | None = None
    name: str = ""

    @property
    def given(self) -> list[str]:
        """The fields that are given."""
        fields = {"targetId": self.target_id, "url": self.url, "text": self.text, "file": self.upload}
        return [name for name, value in fields.items() if value is not None]

    @property
    def payload(self) -> dict[str, Any]:
        """What the payload of the first task says about the input."""
        return {name: value for name, value in (("url", self.url), ("text", self.text)) if value is not None}


class InputType(NamedTuple):
    """What the input is called, its media type, and its field in the request."""

    name: str
    media_type: str
    path: str


async def type_of(house: House, principal: Principal, source: PipelineSource) -> InputType:
    """Returns what the input is. Raises InvalidInput if there is none or it cannot be read, NotFound (target)."""
    match source:
        case PipelineSource(url=str(url)):
            return InputType(_short(url), await _at_url(house, url), "url")
        case PipelineSource(text=str()):
            return InputType("The text", PLAIN, "text")
        case PipelineSource(upload=str(upload)):
            found = await uploads.get(house, principal, upload)
            kind = await _of_bytes(house, found.storage_key, found.size, found.content_type, source.name)
            return InputType(source.name or "The file", kind, "file")
        case PipelineSource(target_id=str(target_id)):
            return await _of_target(house, principal, target_id)
        case _:
            raise InvalidInput("give one of targetId, url and text.")


async def _of_target(house: House, principal: Principal, target_id: str) -> InputType:
    if (number := parse_number(target_id)) is None:
        raise InvalidInput([Problem("targetId", "malformed.", excerpt(target_id), NUMBER_FORM)])
    target = await targets.get(house, principal, Ref(number, target_id), path="targetId")
    asset = await target_assets.primary_asset(house, principal, Ref.of(target.id))
    if asset is None:
        raise InvalidInput(f"the target {excerpt(target_id)} has no primary asset to read.", "targetId")
    name = asset.name or f"The primary asset of target {target_id}"
    return InputType(name, await _of_asset(house, asset), "targetId")


async def _of_asset(house: House, asset: Asset) -> str:
    if asset.key is None or asset.size is None:
        return await _at_url(house, asset.uri or "", "targetId")
    try:
        return await _of_bytes(house, asset.key, asset.size, asset.content_type, asset.name or "")
    except NotFound:
        raise NotFound("Asset", asset.id) from None


async def _of_bytes(house: House, key: str, size: int, declared: str, name: str) -> str:
    head, tail = await house.store.read(key, limit=HEAD), b""
    if head.startswith(_ARCHIVE):
        async for block in house.store.stream(key, max(0, size - TAIL)):
            tail += block
    return file_type(head, declared, name, tail=tail)


async def _at_url(house: House, url: str, path: str = "url") -> str:
    """Returns the type of what is at the URL now. Only its beginning is read, of an archive also the end."""
    try:
        async with asyncio.timeout(LOOK_SECONDS), house.looks.room, house.looks.fetch(url) as found:
            head, tail, read = b"", b"", 0
            async for block in found.body:
                head += block[: max(0, HEAD - len(head))]
                tail = (tail + block)[-TAIL:]
                read += len(block)
                if len(head) >= HEAD and (not head.startswith(_ARCHIVE) or read > LARGEST_ARCHIVE):
                    break
            return file_type(head, found.media_type, found.name, tail=tail)
    except TimeoutError:
        raise InvalidInput(f"its first bytes did not come within {LOOK_SECONDS:.0f} s.", path) from None
    except (OutgoingRefused, OutgoingFailed) as failure:
        raise InvalidInput(str(failure).removeprefix("url: "), path) from None


def _short(url: str) -> str:
    return url.partition("?")[0].partition("#")[0][:200]
