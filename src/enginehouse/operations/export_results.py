"""The results of engines that an export may contain: of each engine the newest documents of a target."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enginehouse.domain.artifact import Asset
from enginehouse.domain.documents import LARGEST, DocumentError, is_json, read_document
from enginehouse.domain.engine import Engine
from enginehouse.domain.errors import IntegrityError, NotFound
from enginehouse.domain.exports import AION, FormatRequest, OutputRequest
from enginehouse.domain.identity import Principal
from enginehouse.operations import engines, target_assets
from enginehouse.operations.house import House
from enginehouse.storage import exports as storage

MOST: Final = 1_000  # results of one target that are looked at, the newest first
_READ: Final = 200  # documents that a request reads to find an engine
_AS_IT_IS: Final = (FormatRequest(AION),)


class ExportResult(NamedTuple):
    """One of the newest results of an engine, and the formats in which it is wanted. `engine` is None if it is gone."""

    asset: Asset
    engine_id: str
    engine: Engine | None
    formats: tuple[FormatRequest, ...]


async def of_target(
    house: House, principal: Principal, target_id: int, outputs: Sequence[OutputRequest]
) -> list[ExportResult]:
    """Returns the results of the organization's target that the outputs want; without outputs those of every engine.

    What a task has published at one time are results of the same age.
    """
    newest: dict[str, list[Asset]] = {}
    for asset in await _documents(house, principal, target_id):
        alike = newest.setdefault(await _producer(house, principal, asset), [asset])
        if alike[0] is not asset and _made_at(alike[0]) == _made_at(asset):
            alike.append(asset)
    found = []
    for engine_id, assets in newest.items():
        engine = engines.shown(house, principal, engine_id)
        wanted = _wanted(engine_id, engine, outputs)
        found += [ExportResult(asset, engine_id, engine, wanted) for asset in assets if wanted]
    return found


def _made_at(asset: Asset) -> tuple[int | None, int | None, int]:
    return asset.job_id, asset.ordinal, asset.created_at


async def without(
    house: House, principal: Principal, target_ids: Sequence[int], outputs: Sequence[OutputRequest]
) -> list[int]:
    """Returns the places of those outputs that no engine has a result for, on any of the targets."""
    if not outputs:
        return []
    ids = await house.database.read(lambda tx: storage.engines(tx, principal.organization_id, target_ids))
    made = {_spelled(house, principal, engine_id) for engine_id in ids}
    missing = _missing(house, principal, outputs, made)
    left = _READ
    if missing and any(_gathers(house, principal, engine_id) for engine_id in made):
        # What a writer has put together says in the document whose result it is.
        for target_id in target_ids:
            for asset in await _documents(house, principal, target_id):
                if _gathers(house, principal, asset.engine_id or ""):
                    left -= 1
                    made.add(await _producer(house, principal, asset))
                    missing = _missing(house, principal, outputs, made)
                if left == 0 or not missing:
                    return []  # with so many results the export itself finds out
    return missing


def _missing(house: House, principal: Principal, outputs: Sequence[OutputRequest], made: set[str]) -> list[int]:
    known = [(engine_id, engines.shown(house, principal, engine_id)) for engine_id in made]
    return [n for n, output in enumerate(outputs) if not any(_wanted(*one, [output]) for one in known)]


def _wanted(engine_id: str, engine: Engine | None, outputs: Sequence[OutputRequest]) -> tuple[FormatRequest, ...]:
    """Returns the formats in which the result of the engine is wanted, each once."""
    if not outputs:
        return _AS_IT_IS
    category = None if engine is None else engine.spec.category_id
    chosen = [
        each
        for output in outputs
        if (output.engine_id == engine_id if output.engine_id is not None else output.category_id == category)
        for each in output.formats or _AS_IT_IS
    ]
    return tuple(dict.fromkeys(chosen))


async def _documents(house: House, principal: Principal, target_id: int) -> list[Asset]:
    owner = principal.organization_id
    assets = await house.database.read(lambda tx: storage.results(tx, owner, target_id, limit=MOST))
    return [asset for asset in assets if is_json(asset.content_type)]


async def _producer(house: House, principal: Principal, asset: Asset) -> str:
    """Returns the id of the engine whose result it is: what a writer has put together is that of another engine."""
    engine_id = _spelled(house, principal, asset.engine_id or "")
    if not _gathers(house, principal, engine_id) or (asset.size or 0) > LARGEST:
        return engine_id
    try:
        document = read_document(await target_assets.read(house, asset))
    except (DocumentError, IntegrityError, NotFound):
        return engine_id
    source = document.get("sourceEngineId") if isinstance(document, dict) else None
    return _spelled(house, principal, source) if isinstance(source, str) and source else engine_id


def _gathers(house: House, principal: Principal, engine_id: str) -> bool:
    engine = engines.shown(house, principal, engine_id)
    return engine is not None and engine.spec.gathers


def _spelled(house: House, principal: Principal, engine_id: str) -> str:
    """Returns the id of the engine that an alias or a slug names."""
    engine = engines.shown(house, principal, engine_id)
    return engine_id if engine is None else engine.spec.id
