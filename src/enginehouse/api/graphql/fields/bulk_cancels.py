"""The fields of bulk cancels, which are ours: `cancelJobs`, `bulkCancel`."""

from typing import Any, Final

from ariadne import MutationType, QueryType

from enginehouse.api.graphql import idempotency
from enginehouse.api.graphql.context import Info
from enginehouse.api.input import refs
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.operations import accounts, bulk_cancels
from enginehouse.operations.bulk_cancels import BulkCancel

query, mutation = QueryType(), MutationType()


@mutation.field("cancelJobs")
async def cancel(_: object, info: Info, **given: Any) -> dict[str, Any]:
    """The jobs of the range that could be cancelled are aborted: none of their tasks starts any more."""
    context = info.context
    created_from, created_to = _bounds(given)
    owner = await accounts.acting(context.house, context.principal, given.get("organizationId"), "organizationId")
    include_running = bool(given.get("includeRunning"))
    if given.get("dryRun"):
        found = await bulk_cancels.preview(
            context.house, owner, created_from=created_from, created_to=created_to, include_running=include_running
        )
        return {
            "organizationId": str(owner.organization_id),
            "createdAfterDateTime": created_from,
            "createdBeforeDateTime": created_to,
            "count": found.count,
            "stopping": found.stopping,
        }
    done = await bulk_cancels.cancel_if_sure(
        context.house,
        owner,
        created_from=created_from,
        created_to=created_to,
        include_running=include_running,
        confirmed=given.get("confirmCount"),
        key=idempotency.key(context, given.get("idempotencyKey")),
    )
    context.replayed |= done.replayed
    return _shown(done)


@query.field("bulkCancel")
async def progress(_: object, info: Info, id: str, **given: Any) -> dict[str, Any]:
    """How far it has come."""
    context = info.context
    owner = await accounts.acting(context.house, context.principal, given.get("organizationId"), "organizationId")
    return _shown(await bulk_cancels.get(context.house, owner, refs.bulk_cancel(id)))


def _bounds(given: dict[str, Any]) -> tuple[int, int]:
    """The first and the last µs of the range. The zero time is no bound."""
    names = ("createdAfterDateTime", "createdBeforeDateTime")
    if problems := [Problem(name, "required.") for name in names if given.get(name) is None]:
        raise InvalidInput(problems)
    after, before = (given[name] for name in names)
    return int(after), before.last


def _shown(done: BulkCancel) -> dict[str, Any]:
    return {
        "id": str(done.id),
        "organizationId": str(done.organization_id),
        "createdAfterDateTime": done.created_from,
        "createdBeforeDateTime": done.created_to,
        "count": done.count,
        "stopping": done.stopping,
        "settled": done.settled,
        "acceptedDateTime": done.accepted_at,
        "settledDateTime": done.settled_at,
    }


BINDABLES: Final = [query, mutation]
