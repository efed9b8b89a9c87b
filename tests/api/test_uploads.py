"""A program puts bytes to a signed URL, and an asset takes them over."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from tests.api.clients import Api

from enginehouse.domain.identity import Role
from enginehouse.operations import uploads
from enginehouse.operations.house import House

FIELDS = "bucket key expiresInSeconds expiresAtDateTime url getUrl unsignedUrl"
CONTENT = b"RIFF, a sound"


async def writable(api: Api, arguments: str = "") -> dict[str, Any]:
    made: dict[str, Any] = (await api.graphql.ask(f"{{ getSignedWritableUrl{arguments} {{ {FIELDS} }} }}"))[
        "getSignedWritableUrl"
    ]
    return made


async def put(api: Api, url: str, content: bytes = CONTENT, media_type: str = "audio/wav") -> httpx.Response:
    return await api.graphql.http.put(url, content=content, headers={"content-type": media_type})


async def get(api: Api, url: str) -> httpx.Response:
    return await api.graphql.http.get(url)


async def new_target(api: Api) -> str:
    made: str = (await api.graphql.change("createTDO", startDateTime=1, stopDateTime=2))["id"]
    return made


def kept(house: House) -> list[bytes]:
    """Returns everything in the store."""
    return [path.read_bytes() for path in sorted(house.store.kept.rglob("*")) if path.is_file()]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "name", "media_type"),
    [(b"%PDF-1.7", "a.txt", "application/pdf"), (b"# a", "a.md", "text/markdown"), (b"\0\1", "a.md", uploads.ANY_TYPE)],
)
async def test_an_asset_of_an_upload_without_a_type_is_what_its_bytes_and_its_name_say(
    api: Api, content: bytes, name: str, media_type: str
) -> None:
    url = await writable(api)
    await put(api, url["url"], content, uploads.ANY_TYPE)
    asset = await api.graphql.change(
        "createAsset", "contentType", containerId=await new_target(api), uri=url["unsignedUrl"], name=name
    )
    assert asset["contentType"] == media_type


async def test_what_is_put_is_read_and_becomes_an_asset_without_a_copy(api: Api) -> None:
    url = await writable(api, '(key: "a.wav", path: "in/today")')
    upload_id = url["unsignedUrl"].rpartition("/")[2]
    assert (url["bucket"], url["key"], url["expiresInSeconds"]) == (
        "enginehouse", f"uploads/1/in/today/{upload_id}/a.wav", 3600
    )  # fmt: skip
    assert (await get(api, url["getUrl"])).status_code == 404
    answer = await put(api, url["url"])
    assert answer.status_code == 200
    md5, sha256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()
    assert answer.json() == {"size": len(CONTENT), "md5sum": md5, "sha256": sha256}
    assert answer.headers["etag"] == f'"{md5}"'
    read = await get(api, url["getUrl"])
    assert (read.content, read.headers["content-type"]) == (CONTENT, "audio/wav")
    assert read.headers["content-security-policy"] == "sandbox"
    asset = await api.graphql.change(
        "createAsset",
        "id contentType uri signedUri fileData { md5sum size }",
        containerId=await new_target(api),
        uri=url["getUrl"],
    )
    assert asset["contentType"] == "audio/wav"
    assert asset["fileData"] == {"md5sum": md5, "size": len(CONTENT)}
    assert asset["uri"].endswith(f"/api/v1/asset/{asset['id']}/content")
    assert (await get(api, asset["signedUri"])).content == CONTENT
    assert (await get(api, url["getUrl"])).content == CONTENT
    assert kept(api.house) == [CONTENT]
    # It belongs to the asset now.
    again = await put(api, url["url"], b"other")
    assert again.status_code == 403
    assert again.json()["description"] == (
        f"What was uploaded here is asset {asset['id']}, and stays so. Request a new URL."
    )
    second = await api.graphql.refused(
        *api.graphql.mutation("createAsset", containerId=await new_target(api), uri=url["unsignedUrl"])
    )
    assert second["message"] == f"uri: what was uploaded there is asset {asset['id']} already."
    assert kept(api.house) == [CONTENT]
    await api.graphql.ask(f'mutation {{ deleteAsset(id: "{asset["id"]}") {{ id }} }}')
    assert kept(api.house) == []
    assert (await get(api, url["getUrl"])).status_code == 404


async def test_a_target_and_its_asset_take_an_upload_over(api: Api) -> None:
    url = await writable(api)
    await put(api, url["url"])
    target = await api.graphql.change(
        "createTDOWithAsset",
        'primaryAsset(assetType: "media") { signedUri contentType }',
        startDateTime=1,
        contentType="audio/x-wav",
        uri=url["unsignedUrl"],
    )
    assert target["primaryAsset"]["contentType"] == "audio/x-wav"
    assert (await get(api, target["primaryAsset"]["signedUri"])).content == CONTENT


async def test_a_repeated_put_replaces_the_bytes_also_at_once(api: Api) -> None:
    url = await writable(api)
    for round_ in range(10):
        answers = await asyncio.gather(*(put(api, url["url"], b"%d %d" % (round_, n)) for n in range(4)))
        assert [answer.status_code for answer in answers] == [200] * 4
        [left] = kept(api.house)
        assert left in {b"%d %d" % (round_, n) for n in range(4)}
        assert (await get(api, url["getUrl"])).content == left


async def test_two_assets_at_once_one_gets_the_bytes(api: Api) -> None:
    target = await new_target(api)
    for _ in range(10):
        url = await writable(api)
        await put(api, url["url"])
        wish = api.graphql.mutation("createAsset", containerId=target, uri=url["unsignedUrl"])
        answers = [(await one).json() for one in [asyncio.ensure_future(api.graphql.post(*wish)) for _ in range(3)]]
        assert sorted("errors" in answer for answer in answers) == [False, True, True]


async def test_refusals_of_a_put(api: Api, foreign: Api) -> None:
    url, other = await writable(api), await writable(api)
    api.limit(signed_upload_bytes=10)
    answer = await put(api, url["url"])
    assert (answer.status_code, answer.json()["id"]) == (413, "too_large")

    async def pieces() -> Any:
        for _ in range(20):
            yield b"12345"

    assert (await api.graphql.http.put(url["url"], content=pieces())).status_code == 413
    api.limit(signed_upload_bytes=100)
    for wrong in (
        url["getUrl"],
        url["unsignedUrl"],
        url["url"].replace("organization=1", "organization=2"),
        other["unsignedUrl"] + "?" + url["url"].partition("?")[2],
    ):
        assert (await put(api, wrong)).status_code == 403, wrong
    assert (await get(api, url["url"])).status_code == 403
    assert kept(api.house) == []
    api.limit(signed_url_seconds=0)
    late = await writable(api)
    assert (await put(api, late["url"])).json()["description"] == "This URL has expired. Request a new one."
    reader = await api.in_role(Role.READER)
    assert (await reader.graphql.refused("{ getSignedWritableUrl { url } }"))["name"] == "not_allowed"
    refused = await api.graphql.refused("{ getSignedWritableUrls(number: 1001) { url } }")
    assert refused["message"] == "number: 1–1000, got 1001."


async def test_an_upload_of_another_organization_or_of_nobody_is_no_source(api: Api, foreign: Api) -> None:
    url = await writable(foreign)
    nothing = await writable(api)
    await put(api, url["url"])
    target = await new_target(api)
    for uri in (url["unsignedUrl"], nothing["getUrl"]):
        refused = await api.graphql.refused(*api.graphql.mutation("createAsset", containerId=target, uri=uri))
        assert refused["message"] == "uri: nothing was uploaded to this URL, or it was not used in time."
    elsewhere = "https://h.example/signed/upload/" + "0" * 32
    asset = await api.graphql.change("createAsset", "uri", containerId=target, uri=elsewhere)
    assert asset["uri"] == elsewhere


async def test_another_md5_sum_is_refused_and_the_upload_stays(api: Api) -> None:
    url = await writable(api)
    await put(api, url["url"])
    wrong = {"containerId": await new_target(api), "uri": url["unsignedUrl"], "md5sum": "0" * 32}
    refused = await api.graphql.refused(*api.graphql.mutation("createAsset", **wrong))
    assert refused["message"] == "md5sum: the bytes that were uploaded have another MD5 sum."
    assert (await get(api, url["getUrl"])).content == CONTENT
    assert (await api.graphql.change("createAsset", **wrong | {"md5sum": hashlib.md5(CONTENT).hexdigest()}))["id"]


async def test_what_nobody_claimed_is_removed_after_its_time(api: Api) -> None:
    urls = (await api.graphql.ask(f"{{ getSignedWritableUrls(number: 2) {{ {FIELDS} }} }}"))["getSignedWritableUrls"]
    for url in urls:
        await put(api, url["url"])
    await api.graphql.change("createAsset", containerId=await new_target(api), uri=urls[0]["unsignedUrl"])
    now = await api.house.database.read(lambda tx: tx.read_clock())
    hour = 3_600_000_000
    assert await uploads.prune(api.house, now=now + 2 * hour - 60_000_000) == 0
    assert await uploads.prune(api.house, now=now + 2 * hour) == 2
    assert kept(api.house) == [CONTENT]
    assert [(await get(api, url["getUrl"])).status_code for url in urls] == [404, 404]


async def test_a_put_is_in_the_audit(api: Api) -> None:
    url = await writable(api)
    await put(api, url["url"])
    entry = (await api.audit())[-1]
    assert (entry.event, entry.object_type, entry.token_id) == ("putUpload", "Upload", "signed URL")
    assert entry.object_id == url["unsignedUrl"].rpartition("/")[2]


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("http://h:9000/signed/upload/" + "a" * 32, "a" * 32),
        ("https://h/signed/upload/" + "a" * 32 + "?x=1&y=2", "a" * 32),
        ("https://h/signed/upload/" + "A" * 32, None),
        ("https://h/signed/upload/" + "a" * 33, None),
        ("https://h/signed/upload/" + "a" * 32 + "/b", None),
        ("https://h/x/signed/upload/" + "a" * 32, None),
        ("https://h/?/signed/upload/" + "a" * 32, None),
        ("ftp://h/signed/upload/" + "a" * 32, None),
        (None, None),
    ],
)
def test_which_address_names_an_upload(uri: str | None, found: str | None) -> None:
    assert uploads.id_in(uri) == found
