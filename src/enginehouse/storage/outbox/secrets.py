"""The secrets that sign messages: one for each subscription, and one for the notificationUris of an organization."""

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
    """A stored secret, and the one before."""

    organization_id: int
    subscription_id: str
    secret: str
    previous: str | None
    previous_until: int | None


_SECRETS: Final = Select("outbox.secrets", SecretRow)


async def current(tx: Tx, owners: Collection[Owner]) -> Mapping[Owner, Sequence[str]]:
    """Returns the secrets that sign now, the newest first. A secret that is missing is made."""
    found = await _read(tx, owners)
    missing = sorted(set(owners) - found.keys())
    if missing:
        await tx.many("outbox.make_secrets", [(*owner, signature.new_secret(), tx.now) for owner in missing])
        found |= await _read(tx, missing)  # another server may have made it
    return found


async def rotate(tx: Tx, organization_id: int, subscription_id: str) -> str:
    """Makes a new secret and returns it. The one before signs too for one more day."""
    secret = signature.new_secret()
    await tx.run(
        "outbox.rotate_secret",
        organization_id=organization_id,
        subscription_id=subscription_id,
        secret=secret,
        previous_until=tx.now + OVERLAP,
        now=tx.now,
    )
    return secret


async def forget(tx: Tx, organization_id: int, subscription_id: str) -> None:
    """Deletes the secrets of a subscription that is deleted."""
    await tx.run("outbox.forget_secret", organization_id=organization_id, subscription_id=subscription_id)


async def _read(tx: Tx, owners: Collection[Owner]) -> dict[Owner, Sequence[str]]:
    return {
        (row.organization_id, row.subscription_id): _signing(row, tx.now)
        for row in await _SECRETS.each(tx, sorted(owners))
    }


def _signing(row: SecretRow, now: int) -> list[str]:
    overlaps = row.previous is not None and row.previous_until is not None and row.previous_until > now
    return [row.secret, row.previous] if overlaps and row.previous is not None else [row.secret]
