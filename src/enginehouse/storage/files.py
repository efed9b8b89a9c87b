"""The stored files of outputs, assets and exports as the database describes them, page by page, to check them all."""

from typing import Final, NamedTuple, assert_never

from enginehouse.storage import artifacts
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

PAGE: Final = 1000


class OutputFile(NamedTuple):
    """The file of an output."""

    job_id: int
    ordinal: int
    folder: int
    item: int
    part: int
    name: str
    storage_key: str
    size: int
    sha256: str


class AssetFile(NamedTuple):
    """The file of an asset."""

    id: str
    storage_key: str
    size: int
    sha256: str


class ExportFile(NamedTuple):
    """The zip of an export."""

    id: str
    organization_id: int
    storage_key: str
    size: int
    sha256: str


StoredFile = OutputFile | AssetFile | ExportFile

_OUTPUTS_AFTER: Final = Select("files.outputs_after", OutputFile)
_ASSETS_AFTER: Final = Select("files.assets_after", AssetFile)
_ASSET: Final = Select("files.asset", AssetFile)
_EXPORTS_AFTER: Final = Select("files.exports_after", ExportFile)
_EXPORT: Final = Select("files.export", ExportFile)


async def count(tx: Tx) -> int:
    """Returns how many files there are."""
    [(files,)] = await tx.all("files.count")
    return int(files)


async def next_page(tx: Tx, last: StoredFile | None) -> list[StoredFile]:
    """Returns the files after this one: all outputs, then all assets, then all exports. Empty after the last one."""
    if not isinstance(last, AssetFile | ExportFile):
        job_id, ordinal, folder, item, part = last[:5] if last else (-1, -1, -1, -1, -1)
        outputs = await _OUTPUTS_AFTER.all(
            tx, job_id=job_id, ordinal=ordinal, folder=folder, item=item, part=part, limit=PAGE
        )
        if outputs:
            return list(outputs)
    if not isinstance(last, ExportFile):
        assets = await _ASSETS_AFTER.all(tx, id=last.id if isinstance(last, AssetFile) else "", limit=PAGE)
        if assets:
            return list(assets)
    return list(await _EXPORTS_AFTER.all(tx, id=last.id if isinstance(last, ExportFile) else "", limit=PAGE))


async def exists(tx: Tx, file: StoredFile) -> bool:
    """Returns False if the row was deleted meanwhile."""
    match file:
        case OutputFile():
            return await artifacts.input_(tx, *file[:5]) is not None
        case AssetFile():
            return await _ASSET.one(tx, id=file.id) is not None
        case ExportFile():
            named = {"id": file.id, "organization_id": file.organization_id, "storage_key": file.storage_key}
            return await _EXPORT.one(tx, **named) is not None
        case unknown:
            assert_never(unknown)
