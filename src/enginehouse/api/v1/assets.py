"""The bytes of assets, at the address of an asset's `uri` in GraphQL."""

from enginehouse.api.http.call import Call
from enginehouse.api.http.declaration import sends_file
from enginehouse.api.http.download import Download
from enginehouse.api.input import refs
from enginehouse.operations import target_assets


@sends_file()
async def content(call: Call) -> Download:
    """GET asset/{AssetID}/content: the unchanged bytes. An asset that is only a URI has none here."""
    asset = await target_assets.asset(call.house, call.principal, refs.asset(call.id))
    stored = await target_assets.content(call.house, asset)
    return Download(stored, media_type=asset.content_type, filename=asset.name or asset.id)
