"""The bytes of an attempt on another machine, over REST: below `/api/v1/instances/{InstanceID}/items/{LeaseID}`."""

import base64
import binascii
import re
from typing import Final

import msgspec

from enginehouse.api.http import body as http_body
from enginehouse.api.http.call import Answer, Call, Reply, json, redirect
from enginehouse.api.http.declaration import answers, sends_file
from enginehouse.api.http.download import Download
from enginehouse.api.http.json.decode import Body
from enginehouse.api.http.query import Query
from enginehouse.api.v1.envelope import Result, result
from enginehouse.api.v1.instances import LEASE_FORM, base, instance
from enginehouse.domain.errors import InvalidInput, MalformedId, NotFound, Problem, TooLarge
from enginehouse.domain.work import Lease
from enginehouse.operations import attempt_bytes, direct_transfers
from enginehouse.operations.uploads import ANY_TYPE
from enginehouse.wire.work import AssetBody, InputBody, parse_artifact, parse_lease
from enginehouse.wire.worker import DIRECT, AddressBody, LogEnd, UploadBody, UploadedBody

_DIGEST: Final = re.compile(r"sha-256=:([A-Za-z0-9+/=]{44}):")
_ARTIFACT_FORM: Final = "four numbers with points between them: task, folder, item and part"
_UPLOAD: Final = Body(UploadBody)


class AssetAnswer(msgspec.Struct, kw_only=True):
    """An asset of the job's target, null if there is none."""

    success: bool = True
    result: AssetBody | None


@answers(Result[list[InputBody]])
async def list_artifacts(call: Call) -> Reply:
    """GET instances/{InstanceID}/items/{LeaseID}/artifacts: every visible result of the job so far."""
    Query(call.query).finish()
    held = await held_lease(call)
    found = await attempt_bytes.visible(call.house, held)
    place = base(call.ids[0], held)
    return result([InputBody.of(artifact, artifact.folder, place) for artifact in found])


@sends_file()
async def artifact(call: Call) -> Answer:
    """GET instances/{InstanceID}/items/{LeaseID}/artifacts/{ArtifactID}: the bytes of an output of the job."""
    held = await held_lease(call)
    try:
        named = parse_artifact(call.ids[2])
    except ValueError:
        raise MalformedId("Output", call.ids[2][:80], _ARTIFACT_FORM) from None
    found = await attempt_bytes.artifact(call.house, held, *named)
    if _directly(call) and (address := await direct_transfers.input_address(call.house, found)) is not None:
        return redirect(address)
    return Download(await attempt_bytes.content(call.house, found), media_type=ANY_TYPE)


@answers(AssetAnswer)
async def primary_asset(call: Call) -> Reply:
    """GET instances/{InstanceID}/items/{LeaseID}/primary-asset: the primary asset of the job's target."""
    Query(call.query).finish()
    held = await held_lease(call)
    asset = await attempt_bytes.primary_asset(call.house, held)
    return json(AssetAnswer(result=None if asset is None else AssetBody.of(asset, base(call.ids[0], held))))


@sends_file()
async def primary_content(call: Call) -> Answer:
    """GET instances/{InstanceID}/items/{LeaseID}/primary-asset/content: its bytes."""
    held = await held_lease(call)
    asset = await attempt_bytes.primary_asset(call.house, held)
    if asset is None or asset.key is None:
        raise NotFound("Asset", "primary")
    if _directly(call) and (address := await direct_transfers.input_address(call.house, asset)) is not None:
        return redirect(address)
    return Download(await attempt_bytes.asset_content(call.house, asset), media_type=ANY_TYPE)


@answers(Result[UploadedBody])
async def put_output(call: Call) -> Reply:
    """PUT instances/{InstanceID}/items/{LeaseID}/outputs/{OutputName}: stores the body."""
    Query(call.query).finish()
    held = await held_lease(call)
    limit = call.house.limits.signed_upload_bytes
    if _length(call) > limit:
        raise TooLarge(f"An output has at most {limit} bytes.")
    digest = _digest(call.headers.content_digest)
    stored = await attempt_bytes.put_output(
        call.house, held, call.ids[2], http_body.stream(call.receive), sha256=digest
    )
    return result(UploadedBody(key=stored.key, size=stored.size, sha256=stored.sha256, md5=stored.md5))


@answers(Result[AddressBody], body=_UPLOAD)
async def output_address(call: Call) -> Reply:
    """POST instances/{InstanceID}/items/{LeaseID}/outputs/{OutputName}/address: where the worker puts the bytes."""
    Query(call.query).finish()
    held = await held_lease(call)
    body = await call.body(_UPLOAD)
    problems = [
        Problem(name, f"{digits} hexadecimal digits in lower case", text[:80])
        for name, text, digits in (("sha256", body.sha256, 64), ("md5", body.md5, 32))
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}", text)
    ]
    if not 0 <= body.size <= (most := call.house.limits.signed_upload_bytes):
        problems.append(Problem("size", f"0–{most}, got {body.size}.", str(body.size)))
    if problems:
        raise InvalidInput(problems)
    upload = (body.size, body.sha256, body.md5)
    return result(AddressBody(address=await direct_transfers.output_address(call.house, held, call.ids[2], *upload)))


@answers(Result[UploadedBody])
async def store_output(call: Call) -> Reply:
    """POST instances/{InstanceID}/items/{LeaseID}/outputs/{OutputName}/stored: the bytes are at that address."""
    Query(call.query).finish()
    held = await held_lease(call)
    stored = await direct_transfers.store_output(call.house, held, call.ids[2])
    return result(UploadedBody(key=stored.key, size=stored.size, sha256=stored.sha256, md5=stored.md5))


@answers(
    AssetAnswer,
    query={"assetType": str, "contentType": str, "name": str, "asPrimary": bool, "replayKey": str},
)
async def create_asset(call: Call) -> Reply:
    """POST instances/{InstanceID}/items/{LeaseID}/assets: creates an asset, once per replayKey."""
    query = Query(call.query)
    given = {
        "asset_type": query.text("assetType") or "media",
        "content_type": query.text("contentType") or ANY_TYPE,
        "name": query.text("name"),
        "replay_key": query.text("replayKey") or "",
    }
    as_primary = query.boolean("asPrimary") or False
    query.finish()
    held = await held_lease(call)
    _length(call)
    body = http_body.stream(call.receive)
    asset = await attempt_bytes.create_asset(call.house, held, body, as_primary=as_primary, **given)  # type: ignore[arg-type]
    return json(AssetAnswer(result=None if asset is None else AssetBody.of(asset, base(call.ids[0], held))))


@answers(Result[LogEnd], query={"offset": int})
async def append_log(call: Call) -> Reply:
    """PUT instances/{InstanceID}/items/{LeaseID}/log: the log of the attempt from the offset on is the body."""
    query = Query(call.query)
    offset = query.integer("offset", 0, 0, attempt_bytes.LOG_BYTES)
    query.finish()
    held = await held_lease(call)
    data = await http_body.read(call.receive, length=call.headers.content_length, limit=attempt_bytes.LOG_BYTES)
    return result(LogEnd(offset=await attempt_bytes.append_log(call.house, held, offset, data)))


def _directly(call: Call) -> bool:
    """Returns True if the worker follows an address at the store of the bytes."""
    return call.headers.others.get(DIRECT.encode()) == b"true"


async def held_lease(call: Call) -> Lease:
    """Returns the lease that the path names, which the worker holds. Raises MalformedId, NotFound, StaleAttempt."""
    instance_id, name = instance(call.ids[0]), call.ids[1]
    try:
        key, token = parse_lease(name)
    except ValueError:
        raise MalformedId("Lease", name[:80], LEASE_FORM) from None
    return await attempt_bytes.lease(call.house, call.principal, instance_id, key, token)


def _length(call: Call) -> int:
    """Returns the declared length of the body, without which the server could not refuse it in time."""
    length = call.headers.content_length or b""
    if not length.isdigit():
        raise InvalidInput([Problem("Content-Length", "must be given.")])
    return int(length[:20])


def _digest(header: bytes | None) -> str:
    """Returns the SHA-256 in the header (RFC 9530), in hex."""
    found = _DIGEST.search((header or b"").decode("latin-1"))
    try:
        return base64.b64decode(found[1], validate=True).hex() if found else _no_digest()
    except binascii.Error:
        return _no_digest()


def _no_digest() -> str:
    raise InvalidInput([Problem("Content-Digest", "must be given, as sha-256=:BASE64: of the body.")])
