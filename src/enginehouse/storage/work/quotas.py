"""Reads the quotas: weights, limits, pauses, and the number of leases."""

from dataclasses import replace
from typing import Final, NamedTuple

from enginehouse.domain.quotas import Lane, Quotas
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select


class OrganizationSettings(NamedTuple):
    """The settings of an organization."""

    id: int
    weight: int
    running_limit: int | None
    paused_at: int | None


class EngineSettings(NamedTuple):
    """The settings of an engine."""

    id: str
    state: str
    unavailable_until: int | None
    running_limit: int | None


_ORGANIZATIONS: Final = Select("quotas.organizations", OrganizationSettings)
_ENGINES: Final = Select("quotas.engines", EngineSettings)


async def read(tx: Tx) -> Quotas:
    """Returns the quotas of the whole server, as this transaction sees them."""
    return await count_live(tx, await read_settings(tx))


async def read_settings(tx: Tx) -> Quotas:
    """Returns the settings of operators. Counts no leases."""
    organizations, engines = await _ORGANIZATIONS.all(tx), await _ENGINES.all(tx)
    return Quotas(
        weights={row.id: row.weight for row in organizations},
        organization_limits={row.id: row.running_limit for row in organizations if row.running_limit is not None},
        engine_limits={row.id: row.running_limit for row in engines if row.running_limit is not None},
        paused_organizations=frozenset(row.id for row in organizations if row.paused_at is not None),
        # A disabled engine does not start anything either.
        paused_engines=frozenset(row.id for row in engines if row.state != "active"),
        unavailable_engines=frozenset(row.id for row in engines if row.unavailable_until is not None),
    )


async def count_live(tx: Tx, quotas: Quotas) -> Quotas:
    """Returns the same quotas with the current number of leases."""
    rows = await tx.all("quotas.live")
    return replace(quotas, live={Lane(organization_id, engine_id): int(n) for organization_id, engine_id, n in rows})
