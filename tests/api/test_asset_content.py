"""An asset's bytes are at its `uri`, for its organization and nobody else."""

from tests.api.clients import Api

MAKE = (
    'mutation { createTDOWithAsset(input: {startDateTime: 1, assetType: "text", contentType: "text/plain"})'
    ' { primaryAsset(assetType: "text") { id uri signedUri } } }'
)


async def test_the_uri_of_an_asset_returns_its_bytes_to_its_organization_only(api: Api, foreign: Api) -> None:
    made = await api.graphql.http.post(
        "http://house:9000/v3/graphql", headers=api.graphql.headers(),
        data={"query": MAKE}, files={"file": ("a.txt", b"<b>harbour</b>", "text/plain")},
    )  # fmt: skip
    asset = made.json()["data"]["createTDOWithAsset"]["primaryAsset"]
    assert asset["uri"] == f"http://house:9000/api/v1/asset/{asset['id']}/content"
    answer = (await api.ask(f"GET {asset['uri']}")).response
    assert (answer.status_code, answer.content) == (200, b"<b>harbour</b>")
    assert answer.headers["content-type"] == "text/plain"  # the upload has declared no charset
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await api.holding(None).ask(f"GET {asset['uri']}")).status == 401
    theirs, nobodys = [await foreign.ask(f"GET /api/v1/asset/{id_}/content") for id_ in (asset["id"], "1_aaaaaaaaaa")]
    assert theirs.status == nobodys.status == 404
    assert theirs.response.text.replace(asset["id"], "X") == nobodys.response.text.replace("1_aaaaaaaaaa", "X")


async def test_an_asset_that_lies_elsewhere_has_no_bytes_here(api: Api) -> None:
    query = MAKE.replace('contentType: "text/plain"', 'contentType: "text/plain", uri: "https://h.example/a.txt"')
    asset = (await api.ask(query)).result["primaryAsset"]
    assert asset["uri"] == asset["signedUri"] == "https://h.example/a.txt"
    assert (await api.ask(f"GET /api/v1/asset/{asset['id']}/content")).status == 404
