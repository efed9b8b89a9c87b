"""How engines and their categories are kept: the declared spec as one document beside what an operator has set."""

from collections.abc import Iterable

import msgspec

from enginehouse.domain.engine import Engine, EngineCategory, EngineSpec
from enginehouse.storage.database.database import Tx

_ENCODER = msgspec.json.Encoder(order="deterministic")
_SPEC = msgspec.json.Decoder(EngineSpec)


async def register(tx: Tx, specs: Iterable[EngineSpec], categories: Iterable[EngineCategory]) -> None:
    """Every category and engine is stored as declared; states stay, and so do the dates of what has not changed.

    Both are written in the order of their ids: two servers starting at once must not wait for each other in a ring.
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
    """The engines of every organization, in the order in which they were first registered."""
    return [
        Engine(
            spec=_SPEC.decode(document),
            organization_id=organization_id,
            state=state,
            created_at=created_at,
            modified_at=modified_at,
            running_limit=running_limit,
        )
        for organization_id, state, document, created_at, modified_at, running_limit in await tx.all("engines.all")
    ]


async def categories(tx: Tx) -> list[EngineCategory]:
    """Every category, by name."""
    return [
        EngineCategory(id=row[0], name=row[1], type=row[2], description=row[3])
        for row in await tx.all("engines.categories")
    ]
