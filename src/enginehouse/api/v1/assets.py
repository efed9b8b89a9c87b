"""The bytes of assets, at the address that GraphQL names as an asset's `uri`."""

from starlette.responses import FileResponse

from enginehouse.api.http.call import Call
from enginehouse.domain.errors import NotFound
from enginehouse.operations import targets


async def content(call: Call) -> FileResponse:
    """GET asset/{AssetID}/content: the bytes as they were given. An asset that lies elsewhere has none here."""
    asset = await targets.asset(call.house, call.principal, call.ids[0])
    path = await targets.open_asset(call.house, asset)
    if path is None or not path.is_file():
        raise NotFound("Asset", asset.id)
    return FileResponse(
        path,
        media_type=asset.content_type,
        filename=asset.name or asset.id,
        # An attachment that is not sniffed: what a client gave must not run in a browser.
        headers={"x-content-type-options": "nosniff"},
    )
