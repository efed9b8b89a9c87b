"""The queries and mutations of engine builds, and the fields of a Build (graphql-contract §2.5, §3.6)."""

from typing import Any, Final

from ariadne import MutationType, ObjectType, QueryType

from enginehouse.api.graphql.context import Info
from enginehouse.api.graphql.fields import paging
from enginehouse.api.input import refs
from enginehouse.domain.engine import Engine
from enginehouse.domain.engine_builds import DELETED, BuildDocument, EngineBuild, actions
from enginehouse.domain.ids import parse_uuid
from enginehouse.domain.job import Task
from enginehouse.operations import engine_builds, engines

query, mutation = QueryType(), MutationType()
build_type, engine_type, task_type = ObjectType("Build"), ObjectType("Engine"), ObjectType("Task")


@query.field("engineBuild")
async def get_build(_: object, info: Info, id: str) -> EngineBuild:
    """Returns the build with this id."""
    return await engine_builds.get(info.context.house, info.context.principal, refs.engine_build(id))


@engine_type.field("builds")
async def builds_of(engine: Engine, info: Info, **args: Any) -> paging.Page:
    """Returns a page of the engine's builds, the newest first; deleted ones only if a filter names them."""
    found = await engine_builds.of_engine(info.context.house, info.context.principal, engine.id)
    statuses = {*(args.get("buildStatus") or ()), *(args.get("status") or ())}
    matches = [one for one in found if (one.status in statuses if statuses else one.status != DELETED)]
    if args.get("id") is not None:
        matches = [one for one in matches if one.id == args["id"].lower()]
    return paging.page(matches, args.get("offset"), args.get("limit"), paging.ENGINES)


@task_type.field("build")
def build_of(task: Task, info: Info) -> Any:
    """Returns the build that the task names, if it is one of the organization's own."""
    build_id = parse_uuid(str(task.plan.echo.get("buildId") or ""))
    return None if build_id is None else info.context.builds.load(build_id)


@mutation.field("createEngineBuild")
async def create(_: object, info: Info, input: dict[str, Any]) -> EngineBuild:
    """The engine has another version."""
    document = BuildDocument(
        docker_image=input.get("dockerImage"), manifest=input.get("manifest"), runtime=input.get("taskRuntime")
    )
    return await engine_builds.create(info.context.house, info.context.principal, input["engineId"], document)


@mutation.field("updateEngineBuild")
async def update(_: object, info: Info, input: dict[str, Any]) -> EngineBuild:
    """The action is done."""
    ref, image = refs.engine_build(input["id"]), input.get("dockerImage")
    house, principal = info.context.house, info.context.principal
    return await engine_builds.update(house, principal, ref, input["engineId"], input["action"], image)


@mutation.field("deleteEngineBuild")
async def delete(_: object, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """The build is deleted."""
    ref = refs.engine_build(input["id"])
    await engine_builds.delete(info.context.house, info.context.principal, ref, input["engineId"])
    return {"id": ref.uuid, "message": f"Build {ref.uuid} was deleted."}


@build_type.field("engine")
def engine_of(build: EngineBuild, info: Info) -> Engine | None:
    """Returns the engine of the build."""
    return engines.shown(info.context.house, info.context.principal, build.engine_id)


def _manifest(build: EngineBuild, name: str) -> Any:
    manifest = build.document.manifest
    return manifest.get(name) if isinstance(manifest, dict) else None


def _formats(name: str) -> Any:
    """Returns a resolver that reads a list of texts from the manifest."""

    def read(build: EngineBuild, _: Info) -> list[str]:
        formats = _manifest(build, name)
        return [one for one in formats if isinstance(one, str)] if isinstance(formats, list) else []

    return read


def _preferred(build: EngineBuild, _: Info) -> str | None:
    preferred = _manifest(build, "preferredInputFormat")
    return preferred if isinstance(preferred, str) else None


build_type.set_field("name", lambda build, _: f"v{build.version}")
build_type.set_field("version", lambda build, _: str(build.version))
build_type.set_field("engineId", lambda build, _: build.engine_id)
build_type.set_field("createdDateTime", lambda build, _: build.created_at)
build_type.set_field("modifiedDateTime", lambda build, _: build.modified_at)
build_type.set_field("createdBy", lambda build, _: build.document.created_by)
build_type.set_field("modifiedBy", lambda build, _: build.document.modified_by)
build_type.set_field("dockerImage", lambda build, _: build.document.docker_image)
build_type.set_field("manifest", lambda build, _: build.document.manifest)
build_type.set_field("runtime", lambda build, _: build.document.runtime)
build_type.set_field("preferredInputFormat", _preferred)
build_type.set_field("supportedInputFormats", _formats("supportedInputFormats"))
build_type.set_field("outputFormats", _formats("outputFormats"))
build_type.set_field("supportedSourceTypes", _formats("supportedSourceTypes"))
build_type.set_field("primaryAction", lambda build, _: next(iter(actions(build.status)), None))
build_type.set_field("secondaryActions", lambda build, _: actions(build.status)[1:])
build_type.set_field("validStateActions", lambda build, _: actions(build.status))

BINDABLES: Final = [query, mutation, build_type, engine_type, task_type]
