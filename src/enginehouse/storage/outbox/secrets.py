"""The salts of the secrets that sign messages: one for each subscription, one for an organization's notificationUris.

A secret is derived from the secret key of the server and its salt, so the database holds no secret.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from enginehouse.domain.webhooks import signature
from enginehouse.domain.webhooks.retry import SECOND
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

OF_ORGANIZATION: Final = ""
OVERLAP: Final = 24 * 3_600 * SECOND
"""How long the secret before the current one also signs (µs)."""

Owner = tuple[int, str]
"""(organization, subscription or OF_ORGANIZATION)"""


class SecretRow(NamedTuple):
    """A stored salt, and the one before."""

    organization_id: int
    subscription_id: str
    salt: str
    previous: str | None
    previous_until: int | None


_SECRETS: Final = Select("outbox.secrets", SecretRow)


async def current(tx: Tx, owners: Collection[Owner]) -> Mapping[Owner, Sequence[str]]:
    """Returns the salts of the secrets that sign now, the newest first. A salt that is missing is made."""
    found = await _read(tx, owners)
    missing = sorted(set(owners) - found.keys())
    if missing:
        await tx.many("outbox.make_secrets", [(*owner, signature.new_salt(), tx.now) for owner in missing])
        found |= await _read(tx, missing)  # another server may have made it
    return found


async def rotate(tx: Tx, organization_id: int, subscription_id: str) -> str:
    """Makes a new salt and returns it. The secret of the one before signs too for one more day."""
    salt = signature.new_salt()
    await tx.run(
        "outbox.rotate_secret",
        organization_id=organization_id,
        subscription_id=subscription_id,
        salt=salt,
        previous_until=tx.now + OVERLAP,
        now=tx.now,
    )
    return salt


async def forget(tx: Tx, organization_id: int, subscription_id: str) -> None:
    """Deletes the salts of a subscription that is deleted."""
    await tx.run("outbox.forget_secret", organization_id=organization_id, subscription_id=subscription_id)


async def _read(tx: Tx, owners: Collection[Owner]) -> dict[Owner, Sequence[str]]:
    return {
        (row.organization_id, row.subscription_id): _signing(row, tx.now)
        for row in await _SECRETS.each(tx, sorted(owners))
    }


def _signing(row: SecretRow, now: int) -> list[str]:
    overlaps = row.previous is not None and row.previous_until is not None and row.previous_until > now
    return [row.salt, row.previous] if overlaps and row.previous is not None else [row.salt]
