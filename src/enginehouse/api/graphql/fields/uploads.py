"""`getSignedWritableUrl`: URLs to which a program puts bytes, without a token (graphql-contract §3.7)."""

from typing import Any, Final

from ariadne import QueryType

from enginehouse.api.graphql.context import Context, Info
from enginehouse.operations import accounts, uploads
from enginehouse.operations.uploads import Offer

query = QueryType()

_BUCKET: Final = "enginehouse"


@query.field("getSignedWritableUrl")
async def writable_url(_: object, info: Info, **args: Any) -> dict[str, Any]:
    """Returns a place for one upload."""
    [url] = await _urls(info.context, 1, args)
    return url


@query.field("getSignedWritableUrls")
async def writable_urls(_: object, info: Info, number: int, **args: Any) -> list[dict[str, Any]]:
    """Returns places for as many uploads."""
    return await _urls(info.context, number, args)


async def _urls(context: Context, count: int, args: dict[str, Any]) -> list[dict[str, Any]]:
    owner = await accounts.acting(context.house, context.principal, args.get("organizationId"), "organizationId")
    seconds = context.house.limits.signed_url_seconds
    offers = await uploads.offer(context.house, owner, count, key=args.get("key"), path=args.get("path"))
    return [_url(context, offer, seconds) for offer in offers]


def _url(context: Context, offer: Offer, seconds: int) -> dict[str, Any]:
    return {
        "bucket": _BUCKET,
        "key": offer.key,
        "expiresInSeconds": seconds,
        "expiresAtDateTime": offer.expires_at,
        "url": context.origin + offer.url,
        "getUrl": context.origin + offer.read,
        "unsignedUrl": context.origin + offer.place,
    }


BINDABLES: Final = [query]
