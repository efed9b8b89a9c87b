"""Uploaded outputs of attempts in storage, until a result takes them over or nobody can any more."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from enginehouse.domain.work import ItemKey
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class UploadedOutput(NamedTuple):
    """The bytes of an upload: their key, size, SHA-256 and MD5 (hex)."""

    key: str
    size: int
    sha256: str
    md5: str


_BY_KEYS: Final = Select("attempt_outputs.by_keys", UploadedOutput)
_EXPECTED: Final = Select("attempt_outputs.expected", UploadedOutput)


async def put(tx: Tx, lease: tuple[ItemKey, int], new: UploadedOutput, *, is_expected: bool = False) -> None:
    """Records that a worker has uploaded these bytes under its lease, or that it will. A stored one does not change."""
    await tx.run(
        "attempt_outputs.put",
        **new._asdict(),
        **lease[0]._asdict(),
        token=lease[1],
        now=tx.now,
        is_expected=int(is_expected),
    )


async def expected(tx: Tx, key: str) -> UploadedOutput | None:
    """Returns the upload for which a worker got an address at the store, None if there is none or it is stored."""
    return await _EXPECTED.one(tx, key=key)


async def by_keys(tx: Tx, keys: Collection[str]) -> dict[str, UploadedOutput]:
    """Returns those of the uploads that are stored, by their keys."""
    if not keys:
        return {}
    return {row.key: row for row in await _BY_KEYS.all(tx, keys=sorted(keys))}


async def due(tx: Tx, *, before: int, limit: int) -> tuple[list[str], list[str]]:
    """Returns the keys of old uploads: those whose bytes nobody needs, and those that an output has taken over."""
    rows = await tx.all("attempt_outputs.due", before=before, limit=limit)
    return [key for key, is_kept in rows if not is_kept], [key for key, is_kept in rows if is_kept]


async def delete(tx: Tx, keys: Sequence[str]) -> None:
    """Deletes the rows of these uploads."""
    await tx.run("attempt_outputs.delete", keys=list(keys))
