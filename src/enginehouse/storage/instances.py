"""Workers on other machines in storage."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.instance import Instance, RegisteredInstance
from enginehouse.domain.work import REMEMBERED
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(RegisteredInstance).decode


class InstanceRow(NamedTuple):
    """A stored instance; `document` is JSON text."""

    id: str
    worker: str
    token_id: str
    document: str


_BY_ID: Final = Select("instances.by_id", InstanceRow)
_REVOKED: Final = Select("instances.revoked", InstanceRow)


async def insert(tx: Tx, new: Instance) -> None:
    """Stores the instance. Deletes those that have not been heard of for a day."""
    document = _encode(new.registered).decode()
    await tx.run("instances.insert", id=new.id, worker=new.worker, token_id=new.token_id, document=document, now=tx.now)
    await tx.run("instances.forget", before=tx.now - REMEMBERED)


async def by_id(tx: Tx, instance_id: str, token_id: str) -> Instance | None:
    """Returns the instance if this token has registered it."""
    row = await _BY_ID.one(tx, id=instance_id, token_id=token_id)
    return None if row is None else _instance(row)


async def seen(tx: Tx, instance_ids: Iterable[str]) -> None:
    """Records that the instances were heard of now."""
    await tx.many("instances.seen", [(each, tx.now) for each in sorted(instance_ids)])


async def remove(tx: Tx, instance_id: str) -> None:
    """Deletes the instance."""
    await tx.run("instances.remove", id=instance_id)


async def revoked(tx: Tx) -> list[Instance]:
    """Returns the instances whose token is no longer valid."""
    return [_instance(row) for row in await _REVOKED.all(tx, now=tx.now)]


def _instance(row: InstanceRow) -> Instance:
    return Instance(row.id, row.worker, row.token_id, _decode(row.document))
