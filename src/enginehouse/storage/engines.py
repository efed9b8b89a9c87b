"""Engines and their categories in storage: the declared spec is one document; operators' settings are columns."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.engine import Engine, EngineCategory, EngineDetails, EngineSpec
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_ENCODER = msgspec.json.Encoder(order="deterministic")
_SPEC = msgspec.json.Decoder(EngineSpec)
_DETAILS = msgspec.json.Decoder(EngineDetails)


class EngineRow(NamedTuple):
    """A stored engine; `document` is its declared spec."""

    organization_id: int | None
    state: str
    document: str
    created_at: int
    modified_at: int
    running_limit: int | None
    details: str | None


_LOCK: Final = Select("engines.lock", EngineRow)
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
    return [_engine(row) for row in await _ALL.all(tx)]


async def lock(tx: Tx, organization_id: int, engine_id: str) -> Engine | None:
    """Returns the organization's engine or one of the server, locked until the transaction ends. No deleted one."""
    row = await _LOCK.one(tx, id=engine_id, organization_id=organization_id)
    return None if row is None else _engine(row)


async def insert(tx: Tx, engine: Engine) -> None:
    """Stores a new engine, of an organization or for all of them."""
    await tx.run("engines.insert", kind=engine.spec.kind.value, **_values(tx, engine))


async def put(tx: Tx, engine: Engine) -> None:
    """Stores a changed engine; of one of the server only its details."""
    if engine.organization_id is None:
        await tx.run("engines.put_details", id=engine.id, details=_details(engine), now=tx.now)
    else:
        await tx.run("engines.put", **_values(tx, engine))


def _values(tx: Tx, engine: Engine) -> dict[str, Any]:
    return {
        "id": engine.id,
        "organization_id": engine.organization_id,
        "name": engine.spec.name,
        "category_id": engine.spec.category_id,
        "state": engine.state,
        "document": _ENCODER.encode(engine.spec).decode(),
        "details": _details(engine),
        "running_limit": engine.running_limit,
        "now": tx.now,
    }


def _details(engine: Engine) -> str:
    return _ENCODER.encode(engine.details).decode()


def _engine(row: EngineRow) -> Engine:
    return Engine(
        spec=_SPEC.decode(row.document),
        organization_id=row.organization_id,
        state=row.state,
        created_at=row.created_at,
        modified_at=row.modified_at,
        running_limit=row.running_limit,
        details=EngineDetails() if row.details is None else _DETAILS.decode(row.details),
    )
