"""The fields of bulk cancels: `cancelJobs` and `bulkCancel`, which are ours."""

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
async def cancel(_: object, info: Info, **args: Any) -> dict[str, Any]:
    """The jobs of the range that could be cancelled are aborted: none of their tasks starts any more."""
    context = info.context
    created_from, created_to = _bounds(args)
    owner = await accounts.acting(context.house, context.principal, args.get("organizationId"), "organizationId")
    include_running = bool(args.get("includeRunning"))
    if args.get("dryRun"):
        preview = await bulk_cancels.preview(
            context.house, owner, created_from=created_from, created_to=created_to, include_running=include_running
        )
        return {
            "organizationId": str(owner.organization_id),
            "createdAfterDateTime": created_from,
            "createdBeforeDateTime": created_to,
            "count": preview.count,
            "stopping": preview.stopping,
        }
    bulk_cancel = await bulk_cancels.cancel_if_sure(
        context.house,
        owner,
        created_from=created_from,
        created_to=created_to,
        include_running=include_running,
        confirmed=args.get("confirmCount"),
        key=idempotency.key(context, args.get("idempotencyKey")),
    )
    context.replayed |= bulk_cancel.replayed
    return _view(bulk_cancel)


@query.field("bulkCancel")
async def progress(_: object, info: Info, id: str, **args: Any) -> dict[str, Any]:
    """Returns the progress of the bulk cancel."""
    context = info.context
    owner = await accounts.acting(context.house, context.principal, args.get("organizationId"), "organizationId")
    return _view(await bulk_cancels.get(context.house, owner, refs.bulk_cancel(id)))


def _bounds(args: dict[str, Any]) -> tuple[int, int]:
    """Returns the first and the last µs of the range. The zero time is not a bound."""
    names = ("createdAfterDateTime", "createdBeforeDateTime")
    if problems := [Problem(name, "required.") for name in names if args.get(name) is None]:
        raise InvalidInput(problems)
    after, before = (args[name] for name in names)
    return int(after), before.last


def _view(bulk_cancel: BulkCancel) -> dict[str, Any]:
    return {
        "id": str(bulk_cancel.id),
        "organizationId": str(bulk_cancel.organization_id),
        "createdAfterDateTime": bulk_cancel.created_from,
        "createdBeforeDateTime": bulk_cancel.created_to,
        "count": bulk_cancel.count,
        "stopping": bulk_cancel.stopping,
        "settled": bulk_cancel.applied,
        "acceptedDateTime": bulk_cancel.accepted_at,
        "settledDateTime": bulk_cancel.applied_at,
    }


BINDABLES: Final = [query, mutation]
