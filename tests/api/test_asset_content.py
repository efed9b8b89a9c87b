"""An asset's bytes are at its `uri`, for its organization and nobody else."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.api.clients import TOKEN

from enginehouse.api.asgi import application
from enginehouse.operations import accounts, identity
from enginehouse.operations.house import House

MAKE = (
    'mutation { createTDOWithAsset(input: {startDateTime: 1, assetType: "text", contentType: "text/plain"})'
    ' { primaryAsset(assetType: "text") { id uri signedUri } } }'
)


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application(house), raise_app_exceptions=True)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://house:9000", headers=headers) as opened:
        yield opened


async def test_the_uri_of_an_asset_answers_its_bytes_to_its_organization_only(
    client: httpx.AsyncClient, house: House
) -> None:
    made = await client.post(
        "/v3/graphql", data={"query": MAKE}, files={"file": ("a.txt", b"<b>harbour</b>", "text/plain")}
    )
    asset = made.json()["data"]["createTDOWithAsset"]["primaryAsset"]
    assert asset["uri"] == asset["signedUri"] == f"http://house:9000/api/v1/asset/{asset['id']}/content"
    answer = await client.get(asset["uri"])
    assert (answer.status_code, answer.content) == (200, b"<b>harbour</b>")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await client.get(asset["uri"], headers={"Authorization": ""})).status_code == 401

    chief = await identity.authenticate(house, TOKEN)
    other = await accounts.create_organization(house, chief, "Other")
    foreign = await identity.create_token(house, chief, organization_id=other.id)
    as_stranger = {"Authorization": f"Bearer {foreign.secret}"}
    stranger = await client.get(asset["uri"], headers=as_stranger)
    nobody = await client.get(asset["uri"].replace(asset["id"], "1_aaaaaaaaaa"), headers=as_stranger)
    assert stranger.status_code == nobody.status_code == 404
    assert stranger.text.replace(asset["id"], "X") == nobody.text.replace("1_aaaaaaaaaa", "X")


async def test_an_asset_that_lies_elsewhere_has_no_bytes_here(client: httpx.AsyncClient) -> None:
    query = MAKE.replace('contentType: "text/plain"', 'contentType: "text/plain", uri: "https://h.example/a.txt"')
    made = await client.post("/v3/graphql", json={"query": query})
    asset = made.json()["data"]["createTDOWithAsset"]["primaryAsset"]
    assert asset["uri"] == "https://h.example/a.txt"
    assert (await client.get(f"/api/v1/asset/{asset['id']}/content")).status_code == 404
