"""Engine builds over REST: a build, those of an engine, and those of all engines."""

from typing import Final

import msgspec

from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import PAGE, answers, one_of
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.api.spelling import json_text, optional
from enginehouse.domain import times
from enginehouse.domain.engine_builds import DELETED, EngineBuild
from enginehouse.domain.errors import NotFound
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import UuidRef
from enginehouse.operations import engine_builds, engines
from enginehouse.operations.house import House

# The status of a build in REST's words.
_WORDS: Final = {
    "pending": "deploy-validation",
    "uploaded": "deploy-validation",
    "available": "deploy-validating",
    "approved": "deploy-validated",
    "deployed": "deployed",
    "paused": "paused",
    "disapproved": "failed",
    "invalid": "failed",
}
STATES: Final = tuple(dict.fromkeys([*_WORDS.values(), "deploying"]))
MANIFEST: Final = {
    "manifestClusterSize": ("clusterSize", str),
    "manifestCustomProfile": ("customProfile", str),
    "manifestEngineMode": ("engineMode", str),
    "manifestEngineName": ("engineName", str),
    "manifestRequireEC2": ("requireEC2", bool),
}


class BuildDetail(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    build_id: str
    engine_id: str
    build_state: str
    version: int
    docker_image: str | None = None
    runtime: str | None = None
    manifest_cluster_size: str | None = None
    manifest_custom_profile: str | None = None
    manifest_engine_mode: str | None = None
    manifest_engine_name: str | None = None
    manifest_require_ec2: bool | None = msgspec.field(default=None, name="manifestRequireEC2")
    created_date_time: str
    modified_date_time: str


class BuildAnswer(msgspec.Struct, kw_only=True):
    success: bool = True
    result: BuildDetail


class BuildList(msgspec.Struct, kw_only=True):
    success: bool = True
    result: list[BuildDetail]


@answers(BuildList, query={"BuildState": one_of(*STATES)})
async def list_builds(call: Call) -> Reply:
    """GET admin/engine/{EngineID}/builds: the builds of the engine, the newest first."""
    query = Query(call.query)
    state = query.word("BuildState", STATES)
    query.finish()
    engine = await engines.get(call.house, call.principal, refs.engine(call.id).uuid)
    found = await engine_builds.of_engine(call.house, call.principal, engine.id)
    shown = [build_detail(one) for one in found if one.status != DELETED]
    return json(BuildList(result=[one for one in shown if state in {None, one.build_state}]))


@answers(BuildAnswer)
async def detail(call: Call) -> Reply:
    """GET admin/build/{BuildID}/detail: the build."""
    return json(BuildAnswer(result=build_detail(await get(call.house, call.principal, refs.engine_build(call.id)))))


@answers(BuildList, query={"state": one_of(*STATES), **PAGE})
async def list_all(call: Call) -> Reply:
    """GET engine/builds: a page of the builds of the organization's engines, the newest first."""
    query = Query(call.query)
    state = query.word("state", STATES)
    offset, limit = query.page()
    query.finish()
    statuses = tuple(status for status, word in _WORDS.items() if state in {None, word})
    found = await engine_builds.page(call.house, call.principal, statuses, offset=offset, limit=limit)
    return json(BuildList(result=[build_detail(one) for one in found]))


async def get(house: House, principal: Principal, ref: UuidRef) -> EngineBuild:
    """Returns the build. Raises NotFound, also for a deleted one."""
    build = await engine_builds.get(house, principal, ref)
    if build.status == DELETED:
        raise NotFound(engine_builds.BUILD, ref.text)
    return build


def build_detail(one: EngineBuild) -> BuildDetail:
    """Returns the build as the interface shows it."""
    manifest = one.document.manifest if isinstance(one.document.manifest, dict) else {}
    shown = {name: manifest[key] for name, (key, kind) in MANIFEST.items() if isinstance(manifest.get(key), kind)}
    return BuildDetail(
        build_id=one.id,
        engine_id=one.engine_id,
        build_state=_WORDS[one.status],
        version=one.version,
        docker_image=one.document.docker_image,
        runtime=optional(json_text, one.document.runtime),
        manifest_cluster_size=shown.get("manifestClusterSize"),
        manifest_custom_profile=shown.get("manifestCustomProfile"),
        manifest_engine_mode=shown.get("manifestEngineMode"),
        manifest_engine_name=shown.get("manifestEngineName"),
        manifest_require_ec2=shown.get("manifestRequireEC2"),
        created_date_time=times.rest(one.created_at),
        modified_date_time=times.rest(one.modified_at),
    )
