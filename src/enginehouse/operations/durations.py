"""How long the media of a new asset lasts, as its bytes say."""

import asyncio
from pathlib import Path
from typing import Final

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.identity import Principal
from enginehouse.engines.native import decoder
from enginehouse.operations import uploads
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.house import House
from enginehouse.wave import NotWave, read_wave

FIELD: Final = "updateStopDateTimeFromAsset"
_ELSEWHERE: Final = "the duration of what a URL names is not known here; upload the file, or give stopDateTime."
_UNKNOWN: Final = "the file says no duration that this server can read; give stopDateTime instead."


async def of_asset(house: House, principal: Principal, new: AssetRequest) -> int:
    """Returns the duration in ms. Raises InvalidInput if it cannot be known."""
    if isinstance(new.source, Path):
        return _known(await _of_file(new.source))
    upload_id = await uploads.named(house, principal.organization_id, new.uri, origin=new.origin)
    if upload_id is None:
        raise InvalidInput(_ELSEWHERE, FIELD)
    _, stored = await uploads.content(house, principal, upload_id)
    async with house.store.open(stored.key) as path:
        return _known(await _of_file(path))


async def _of_file(path: Path) -> int | None:
    try:
        sound = await asyncio.to_thread(read_wave, path)
    except NotWave:
        return await decoder.duration_ms(path)
    return sound.frames * 1000 // sound.rate


def _known(duration: int | None) -> int:
    if duration is None or duration < 0:
        raise InvalidInput(_UNKNOWN, FIELD)
    return duration
