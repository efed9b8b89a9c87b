"""The templates of engines in storage, each of one organization."""

from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.engine_templates import EngineTemplate
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class EngineTemplateRow(NamedTuple):
    """A stored template; `document` is JSON text."""

    organization_id: int
    engine_id: str
    name: str
    document: str
    created_at: int
    modified_at: int


_PUT: Final = Select("engine_templates.put", EngineTemplateRow)
_OF_ENGINE: Final = Select("engine_templates.of_engine", EngineTemplateRow)
_DELETE: Final = Select("engine_templates.delete", EngineTemplateRow)
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode: Final = msgspec.json.Encoder().encode


async def put(tx: Tx, organization_id: int, engine_id: str, name: str, document: dict[str, Any]) -> EngineTemplate:
    """Stores the template, in place of one of this name. Returns it."""
    [stored] = await _PUT.all(
        tx,
        organization_id=organization_id,
        engine_id=engine_id,
        name=name,
        document=_encode(document).decode(),
        now=tx.now,
    )
    return _template(stored)


async def of_engine(tx: Tx, organization_id: int, engine_id: str) -> list[EngineTemplate]:
    """Returns the organization's templates of the engine, by name."""
    rows = await _OF_ENGINE.all(tx, organization_id=organization_id, engine_id=engine_id)
    return [_template(row) for row in rows]


async def delete(tx: Tx, organization_id: int, engine_id: str, name: str) -> EngineTemplate | None:
    """Deletes the template. Returns what it was, None if there was none."""
    row = await _DELETE.one(tx, organization_id=organization_id, engine_id=engine_id, name=name)
    return None if row is None else _template(row)


def _template(row: EngineTemplateRow) -> EngineTemplate:
    return EngineTemplate(**row._asdict() | {"document": _decode(row.document)})
