"""Changes of engine builds over REST."""

from typing import Any, Final

import msgspec

from enginehouse.api.edge.engine_builds import MANIFEST, BuildAnswer, build_detail, get
from enginehouse.api.edge.problem_paths import refuse_unkept, within
from enginehouse.api.edge.schedule_shapes import Operation
from enginehouse.api.http.call import DELETED, Call, Reply, json
from enginehouse.api.http.declaration import answers
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.json.decode import Body
from enginehouse.api.input import refs
from enginehouse.api.spelling import read_json_text
from enginehouse.domain import ids
from enginehouse.domain.engine_builds import BuildDocument, EngineBuild
from enginehouse.domain.errors import InvalidInput, Problem, excerpt, unknown_word
from enginehouse.domain.refs import UuidRef
from enginehouse.operations import engine_builds

# The action that leads to a status in REST's words.
_ACTIONS: Final = {
    "deploy-validating": "submit",
    "deploy-validated": "approve",
    "deployed": "deploy",
    "paused": "pause",
    "failed": "disapprove",
}
_WORDS: Final = {"engineId": "engineID", "taskRuntime": "runtime", "action": "buildState"}


class BuildToWrite(msgspec.Struct, rename=spelled, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields of a build. What the server does not have is read only to refuse it.

    `createdDateTime` and `modifiedDateTime` are maintained by the server, so what a client sends back is ignored.
    """

    build_id: str | None = None
    engine_id: str | None = None
    docker_image: str | None = None
    build_state: str | None = None
    runtime: str | None = None
    manifest_cluster_size: str | None = None
    manifest_custom_profile: str | None = None
    manifest_engine_mode: str | None = None
    manifest_engine_name: str | None = None
    manifest_require_ec2: bool | None = msgspec.field(default=None, name="manifestRequireEC2")
    manifest_gpu_supported: str | None = msgspec.field(default=None, name="manifestGPUSupported")
    soft_gpu_limit: int | None = msgspec.field(default=None, name="softGPULimit")
    soft_memory_bytes_limit: int | None = None
    soft_vcpu_limit: int | None = msgspec.field(default=None, name="softVCPULimit")
    build_default_ttl: int | None = msgspec.field(default=None, name="buildDefaultTTL")
    license_expiration_timestamp: int | None = None
    disk_free_bytes: int | None = None
    version: int | None = msgspec.field(default=None, name="version")
    created_date_time: str | None = None
    modified_date_time: str | None = None


class CreateBuild(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    build: BuildToWrite


_CREATE: Final = Body(CreateBuild)
_UPDATE: Final = Body(BuildToWrite)


@answers(BuildAnswer, body=_CREATE)
async def create(call: Call) -> Reply:
    """POST admin/build/create: the next version of the organization's engine."""
    body, problems = await call.judged_body(_CREATE)
    new = body.build
    _refuse_unkept("build", new)
    if new.build_id:
        problems.append(Problem("build.buildID", "the server chooses it; leave it out."))
    if new.version:
        problems.append(Problem("build.version", "the server counts the builds; leave it out.", str(new.version)))
    if new.build_state and new.build_state != "deploy-validation":
        text = "a new build waits for its validation; update it afterwards."
        problems.append(Problem("build.buildState", text, new.build_state[:60], "deploy-validation"))
    if not new.engine_id:
        raise InvalidInput([*problems, Problem("build.engineID", "must be given.")])
    if ids.parse_uuid(new.engine_id) is None:
        raise InvalidInput([*problems, refs.UUID.problem("build.engineID", new.engine_id)])
    document = BuildDocument(
        docker_image=new.docker_image or None,
        manifest=_manifest(new),
        runtime=read_json_text(new.runtime, "build.runtime", problems),
    )
    with within("build", _WORDS):
        made = await engine_builds.create(call.house, call.principal, new.engine_id, document, problems)
    return json(BuildAnswer(result=build_detail(made)))


@answers(BuildAnswer, body=_UPDATE)
async def update(call: Call) -> Reply:
    """POST admin/build/{BuildID}/update: leads to another `buildState`, with another image if one is given."""
    ref = refs.engine_build(call.id)
    body = await call.body(_UPDATE)
    _refuse_unkept("", body)
    build = await get(call.house, call.principal, ref)
    fixed = {"runtime": body.runtime, **{name: value for name, value in _given_manifest(body).items() if value}}
    problems = [Problem(name, "cannot be changed; create another build.") for name, value in fixed.items() if value]
    problems += [
        Problem(name, f"must be {excerpt(known)}, or be left out.", excerpt(given))
        for name, given, known in (
            ("buildID", body.build_id, build.id),
            ("engineID", body.engine_id, build.engine_id),
            ("version", body.version, build.version),
        )
        if given and str(given).lower() != str(known)
    ]
    action = _ACTIONS.get(body.build_state or "")
    if action is None:
        problems.append(unknown_word("buildState", body.build_state, _ACTIONS))
        raise InvalidInput(problems)
    if problems:
        raise InvalidInput(problems)
    return json(BuildAnswer(result=build_detail(await _act(call, ref, action, body.docker_image))))


@answers(Operation)
async def pause(call: Call) -> Reply:
    """POST admin/build/{BuildID}/pause: a deployed build is paused. A body is ignored."""
    await _act(call, refs.engine_build(call.id), "pause")
    return DELETED


@answers(Operation)
async def resume(call: Call) -> Reply:
    """POST admin/build/{BuildID}/resume: a paused build is deployed again. A body is ignored."""
    await _act(call, refs.engine_build(call.id), "unpause")
    return DELETED


@answers(Operation)
async def delete(call: Call) -> Reply:
    """POST admin/build/{BuildID}/delete: the build is gone."""
    ref = refs.engine_build(call.id)
    build = await get(call.house, call.principal, ref)
    await engine_builds.delete(call.house, call.principal, ref, build.engine_id)
    return DELETED


@answers(Operation)
async def delete_of_engine(call: Call) -> Reply:
    """POST engine/{EngineID}/build/{BuildID}/delete: deletes a build of this engine."""
    engine, build = call.ids
    await engine_builds.delete(call.house, call.principal, refs.engine_build(build), refs.engine(engine).uuid)
    return DELETED


async def _act(call: Call, ref: UuidRef, action: str, image: str | None = None) -> EngineBuild:
    build = await get(call.house, call.principal, ref)
    if action == "deploy" and build.status == "paused":
        action = "unpause"
    with within("", _WORDS):
        return await engine_builds.update(call.house, call.principal, ref, build.engine_id, action, image or None)


def _given_manifest(build: BuildToWrite) -> dict[str, Any]:
    given: dict[str, Any] = msgspec.to_builtins(build)
    return {name: given.get(name) for name in MANIFEST}


def _manifest(build: BuildToWrite) -> dict[str, Any] | None:
    manifest = {MANIFEST[name][0]: value for name, value in _given_manifest(build).items() if value}
    return manifest or None


def _refuse_unkept(name: str, build: BuildToWrite) -> None:
    unkept = {
        "softGPULimit": build.soft_gpu_limit,
        "softMemoryBytesLimit": build.soft_memory_bytes_limit,
        "softVCPULimit": build.soft_vcpu_limit,
        "buildDefaultTTL": build.build_default_ttl,
        "licenseExpirationTimestamp": build.license_expiration_timestamp,
        "diskFreeBytes": build.disk_free_bytes,
        "manifestGPUSupported": build.manifest_gpu_supported if build.manifest_gpu_supported != "none" else None,
    }
    refuse_unkept(name, unkept)
