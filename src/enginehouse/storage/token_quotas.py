"""The quotas of tokens in storage, and what the tokens have used."""

from typing import Final

from enginehouse.domain.token_quotas import HOUR, QuotaHolder, TokenQuota
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select

_OF_TOKEN: Final = Select("token_quotas.of_token", TokenQuota)
_LOCK: Final = Select("token_quotas.lock", TokenQuota)
_OF_ORGANIZATION: Final = Select("token_quotas.of_organization", TokenQuota)
_ADD: Final = Select("token_quotas.add", TokenQuota)
_LIMITS: Final = TokenQuota._fields[:8]


async def put(tx: Tx, quota: TokenQuota) -> None:
    """Stores the limits. What was used stays as it is."""
    await tx.run("token_quotas.put", **{name: getattr(quota, name) for name in _LIMITS})


async def of_token(tx: Tx, holder: QuotaHolder) -> TokenQuota | None:
    """Returns the token's quota, None if it has none."""
    return await _OF_TOKEN.one(tx, token_id=holder.token_id, organization_id=holder.organization_id)


async def of_organization(tx: Tx, organization_id: int) -> dict[str, TokenQuota]:
    """Returns the quotas of the organization's tokens, by the id of the token."""
    found = await _OF_ORGANIZATION.all(tx, organization_id=organization_id)
    return {one.token_id: one for one in found}


async def add(tx: Tx, holder: QuotaHolder, now: int, *, api: int = 0, octets: int = 0) -> TokenQuota | None:
    """Counts what the token has used. Returns its quota, None if it has none."""
    return await _ADD.one(tx, **holder._asdict(), hour=now // HOUR, api=api, bytes=octets, tasks=0)


async def take_tasks(tx: Tx, holder: QuotaHolder | None, count: int) -> None:
    """Counts tasks that this transaction creates with the token. Raises QuotaReached, NotAllowed if they are too many.

    The quota is locked until the transaction ends, so that no two creations use the same rest.
    """
    if holder is None or count == 0:
        return
    quota = await _LOCK.one(tx, **holder._asdict())
    if quota is not None:
        now = await tx.read_clock()
        quota.refuse(now, tasks=count)
        await _ADD.all(tx, **holder._asdict(), hour=now // HOUR, api=0, bytes=0, tasks=count)


async def lock(tx: Tx, holder: QuotaHolder | None) -> None:
    """The quota is locked until the transaction ends. It comes before the locks of jobs, in every transaction."""
    if holder is not None:
        await _LOCK.one(tx, **holder._asdict())
