"""A signed URL opens exactly one thing, without a token, until it expires or its object is gone."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from structlog.testing import capture_logs
from tests.api.clients import Api
from tests.api.samples import TRANSCRIBE

from enginehouse.domain.secret_key import SecretKey, fresh
from enginehouse.domain.signatures import Grant, Purpose, is_signed, sign

CONTENT = b"<script>alert(1)</script>"


@dataclass(frozen=True)
class Signed:
    """An asset and its signed URL."""

    id: str
    uri: str

    def changed(self, **query: str) -> str:
        """Returns the URL with other parameters."""
        parts = urlsplit(self.uri)
        return parts._replace(query=urlencode(dict(parse_qsl(parts.query)) | query)).geturl()


async def upload(api: Api, name: str = "a.html") -> Signed:
    answer = await api.graphql.http.post(
        "/v3/graphql",
        headers=api.graphql.headers(),
        data={
            "query": "mutation { createTDOWithAsset"
            '(input: {startDateTime: 1, assetType: "text", contentType: "text/html"})'
            ' { primaryAsset(assetType: "text") { id signedUri } } }'
        },
        files={"file": (name, CONTENT, "text/html")},
    )
    asset = answer.json()["data"]["createTDOWithAsset"]["primaryAsset"]
    return Signed(asset["id"], asset["signedUri"])


async def get(api: Api, uri: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Returns the answer to a program without a token."""
    return await api.graphql.http.request(method, uri, headers=headers)


async def test_a_program_without_a_token_gets_the_bytes_as_an_attachment(api: Api) -> None:
    asset = await upload(api)
    answer = await get(api, asset.uri)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-disposition"] == 'attachment; filename="a.html"'
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    part = await get(api, asset.uri, Range="bytes=1-6")
    assert (part.status_code, part.content) == (206, b"script")
    assert part.headers["content-security-policy"] == "sandbox"
    head = await get(api, asset.uri, "HEAD")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(CONTENT)))


async def test_a_changed_url_is_refused_with_a_sentence(api: Api) -> None:
    asset, other = await upload(api), await upload(api)
    query = dict(parse_qsl(urlsplit(asset.uri).query))
    later = str(int(query["expires"]) + 1)
    for uri in (
        asset.changed(expires=later),
        asset.changed(expires="0" + query["expires"]),
        asset.changed(expires=""),
        asset.changed(expires="9" * 400),
        asset.changed(organization="2"),
        asset.changed(organization="x"),
        asset.changed(signature=""),
        asset.changed(signature="é"),
        asset.changed(signature=query["signature"].upper()),
        asset.changed(signature=query["signature"][:-1]),
        asset.changed(signature="0" * 64),
        asset.uri.partition("?")[0],
        asset.uri.replace(asset.id, other.id),
        asset.uri.replace("/asset/", "/log/"),
    ):
        answer = await get(api, uri)
        assert answer.status_code == 403, uri
        assert answer.json()["description"] == (
            "The signature of this URL is wrong: it was changed, or is for something else. Request a new URL."
        )
    answer = await get(api, asset.uri, "PUT")
    assert answer.status_code == 405


async def test_it_expires(api: Api) -> None:
    api.limit(signed_url_seconds=0)
    gone = await upload(api)
    answer = await get(api, gone.uri)
    assert (answer.status_code, answer.json()["description"]) == (403, "This URL has expired. Request a new one.")
    api.limit(signed_url_seconds=60)
    assert (await get(api, (await upload(api)).uri)).status_code == 200


@pytest.mark.parametrize("verb", ["deleteAsset", "deleteTDO"])
async def test_it_ends_with_the_asset(api: Api, verb: str) -> None:
    asset = await upload(api)
    object_id = asset.id if verb == "deleteAsset" else asset.id.partition("_")[0]
    await api.graphql.ask(f'mutation {{ {verb}(id: "{object_id}") {{ id }} }}')
    assert (await get(api, asset.uri)).status_code == 404


async def test_a_signature_for_one_organization_opens_nothing_of_another(api: Api, foreign: Api) -> None:
    mine, theirs = await upload(api), await upload(foreign)
    own = urlsplit(mine.uri)
    assert (await get(api, own._replace(path=urlsplit(theirs.uri).path).geturl())).status_code == 403


async def test_two_servers_on_one_database_agree(api: Api) -> None:
    asset = await upload(api)
    key = api.house.secret_key
    object.__setattr__(api.house, "secret_key", SecretKey(key.value))  # as a server that has just started
    assert (await get(api, asset.uri)).status_code == 200
    object.__setattr__(api.house, "secret_key", fresh())
    assert (await get(api, asset.uri)).status_code == 403
    object.__setattr__(api.house, "secret_key", key)
    assert (await upload(api)).uri.partition("?")[0] != asset.uri


async def test_the_log_of_a_task_is_read_with_a_signature(api: Api) -> None:
    job = await api.graphql.change("createJob", "id tasks { records { id } }", tasks=[{"engineId": TRANSCRIBE}])
    lease = await api.edge.start_one()
    key = f"jobs/1/{lease.key.job_id}/0/logs/000000-001.log"
    await api.house.store.append(key, 0, b"one\ntwo\n")
    task_id = job["tasks"]["records"][0]["id"]
    query = "query($id: ID!) { task(id: $id) { log { uri text } } }"
    log = (await api.graphql.ask(query, {"id": task_id}))["task"]["log"]
    answer = await get(api, log["uri"])
    assert (answer.status_code, answer.text) == (200, log["text"])
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (await get(api, log["uri"].replace("/log/", "/asset/"))).status_code == 403


async def test_no_signature_is_logged(sqlite_api: Api) -> None:
    asset = await upload(sqlite_api)
    signature = dict(parse_qsl(urlsplit(asset.uri).query))["signature"]
    with capture_logs() as lines:
        await get(sqlite_api, asset.uri)
        await get(sqlite_api, asset.changed(expires="7"))
        object.__setattr__(sqlite_api.house, "store", None)  # every request fails now
        object.__setattr__(sqlite_api.house.integrity, "_store", None)
        assert (await get(sqlite_api, asset.uri)).status_code == 500
    assert lines
    assert signature not in repr(lines)


def test_a_signature_is_for_everything_that_is_granted() -> None:
    grant = Grant(Purpose.GET_ASSET, "1_a", 1, 100)
    signature = sign(b"key", grant)
    assert is_signed(b"key", grant, signature)
    others = [
        grant._replace(purpose=Purpose.PUT_UPLOAD),
        grant._replace(object_id="1_b"),
        grant._replace(organization_id=11),
        grant._replace(expires=101),
        Grant(Purpose.GET_ASSET, "1_a\n1", 1, 100),
    ]
    assert not any(is_signed(b"key", other, signature) for other in others)
    assert not is_signed(b"yek", grant, signature)
