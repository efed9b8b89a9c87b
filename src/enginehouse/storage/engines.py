"""Engines and their categories in storage: the declared spec is one document; operators' settings are columns."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.engine import Engine, EngineCategory, EngineSpec
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_ENCODER = msgspec.json.Encoder(order="deterministic")
_SPEC = msgspec.json.Decoder(EngineSpec)


class EngineRow(NamedTuple):
    """A stored engine; `document` is its declared spec."""

    organization_id: int | None
    state: str
    document: str
    created_at: int
    modified_at: int
    running_limit: int | None


_ALL: Final = Select("engines.all", EngineRow)


async def register(tx: Tx, specs: Iterable[EngineSpec], categories: Iterable[EngineCategory]) -> None:
    """Stores every category and engine as declared. States stay, and the dates of unchanged rows stay too.

    Both are written in the order of their ids, so that two servers that start at once do not deadlock.
    """
    await tx.many(
        "engines.upsert_categories",
        [(c.id, c.name, c.type, c.description, tx.now) for c in sorted(categories, key=lambda c: c.id)],
    )
    await tx.many(
        "engines.upsert",
        [
            (s.id, s.slug, s.name, s.category_id, s.kind.value, _ENCODER.encode(s).decode(), tx.now)
            for s in sorted(specs, key=lambda s: s.id)
        ],
    )


async def all_engines(tx: Tx) -> list[Engine]:
    """Returns the engines of every organization, in the order in which they were first registered."""
    return [
        Engine(
            spec=_SPEC.decode(row.document),
            organization_id=row.organization_id,
            state=row.state,
            created_at=row.created_at,
            modified_at=row.modified_at,
            running_limit=row.running_limit,
        )
        for row in await _ALL.all(tx)
    ]
