"""The shared state of the fields of one request: the caller, the upload, and the objects already read."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from graphql import GraphQLResolveInfo

from enginehouse.api.http.upload import Upload
from enginehouse.domain.artifact import Artifact, Asset, AssetFilter, Target
from enginehouse.domain.content_templates import ContentTemplate
from enginehouse.domain.engine import EngineCategory
from enginehouse.domain.engine_builds import EngineBuild
from enginehouse.domain.engine_health import EngineHealth
from enginehouse.domain.errors import AuthenticationFailed, InvalidInput
from enginehouse.domain.event import Event
from enginehouse.domain.identity import Organization, Principal, User
from enginehouse.domain.job import Job, JobFilter
from enginehouse.domain.job_pipelines import JobPipeline
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.signatures import Purpose
from enginehouse.domain.sources import Source, SourceType
from enginehouse.domain.task_notes import TaskWarning
from enginehouse.domain.task_updates import TaskSaid
from enginehouse.domain.templates import JobTemplate
from enginehouse.domain.wait_reasons.explanation import JobExplanation
from enginehouse.domain.work import Attempt, AttemptPage
from enginehouse.operations import (
    accounts,
    artifacts,
    attempts,
    content_templates,
    engine_builds,
    engine_categories,
    engine_health,
    events,
    identity,
    job_pipelines,
    jobs,
    signatures,
    sources,
    target_assets,
    targets,
    task_notes,
    task_updates,
    templates,
    why,
)
from enginehouse.operations.events import EventPage
from enginehouse.operations.house import House
from enginehouse.operations.schedules import schedules, slots
from enginehouse.operations.templates import ScheduleLaunches

K = TypeVar("K")
V = TypeVar("V")


class Loader(Generic[K, V]):
    """Collects the keys that sibling fields need, and fetches them with one call."""

    def __init__(self, fetch: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._fetch = fetch
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._known: dict[K, V | None] = {}
        self._fetching: set[asyncio.Task[None]] = set()

    def load(self, key: K) -> "V | asyncio.Future[V | None] | None":
        """Returns the value of the key if it is known, else a future of it.

        The value is None if the key names nothing.
        """
        if key in self._known:
            return self._known[key]
        future = self._waiting.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            if not self._waiting:
                loop.call_soon(self._start)
            future = self._waiting[key] = loop.create_future()
        return future

    async def get(self, key: K) -> V | None:
        """Returns the value of the key, after a wait if it must be fetched."""
        value = self.load(key)
        return await value if isinstance(value, asyncio.Future) else value

    def prime(self, key: K, value: V) -> None:
        """The value of the key is known."""
        self._known[key] = value

    def forget(self) -> None:
        """No value is known any more. Call it after a change."""
        self._known.clear()

    def _start(self) -> None:
        waiting, self._waiting = self._waiting, {}
        task = asyncio.ensure_future(self._run(waiting))
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    async def _run(self, waiting: dict[K, "asyncio.Future[V | None]"]) -> None:
        try:
            values = await self._fetch(list(waiting))
        except Exception as error:
            for future in waiting.values():
                if not future.done():
                    future.set_exception(error)
            return
        for key, future in waiting.items():
            value = self._known[key] = values.get(key)
            if not future.done():
                future.set_result(value)


class Loading(Generic[K, V]):
    """A loader of each context, which is made when it is first used: a request uses few of them."""

    def __init__(self, fetch: "Callable[[Context, list[K]], Awaitable[Mapping[K, V]]]") -> None:
        self._fetch = fetch
        self._name = ""

    def __set_name__(self, _: "type[Context]", name: str) -> None:
        self._name = name

    def __get__(self, context: "Context", _: "type[Context]") -> Loader[K, V]:
        loader = Loader(partial(self._fetch, context))
        context.__dict__[self._name] = loader  # from now on it is found without this
        return loader


class Context:
    """One request. `principal` raises AuthenticationFailed if the caller is unknown. So a login needs no token.

    `key` is the idempotency key of its header. `replayed` is True if one of its mutations was done before for the same
    key.
    """

    house: House

    organizations: Loading[int, Organization] = Loading(
        lambda context, ids: accounts.get_many(context.house, context.principal, ids)
    )
    targets: Loading[int, Target] = Loading(
        lambda context, ids: targets.get_many(context.house, context.principal, ids)
    )
    asset_counts: Loading[int, int] = Loading(
        lambda context, ids: target_assets.asset_counts(context.house, context.principal, ids)
    )
    asset_pages: Loading[tuple[int, AssetFilter], list[Asset]] = Loading(
        lambda context, wanted: context._asset_pages(wanted)
    )
    primary_assets: Loading[tuple[int, str], Asset] = Loading(
        lambda context, wanted: target_assets.primary_assets(context.house, context.principal, wanted)
    )
    assets_of_bytes: Loading[str, str] = Loading(
        lambda context, keys: target_assets.assets_of_bytes(context.house, context.principal, keys)
    )
    results: Loading[tuple[int, int], Artifact] = Loading(
        lambda context, tasks: artifacts.results(context.house, context.principal, tasks)
    )
    attempts: Loading[AttemptPage, list[Attempt]] = Loading(
        lambda context, pages: attempts.of_tasks(context.house, context.principal, pages)
    )
    jobs: Loading[int, Job] = Loading(lambda context, ids: jobs.get_many(context.house, context.principal, ids))
    job_templates: Loading[int, JobTemplate] = Loading(
        lambda context, ids: templates.get_many(context.house, context.principal, ids)
    )
    pipelines: Loading[int, JobPipeline] = Loading(
        lambda context, ids: job_pipelines.get_many(context.house, context.principal, ids)
    )
    pipeline_templates: Loading[int, list[JobTemplate]] = Loading(
        lambda context, ids: job_pipelines.templates(context.house, context.principal, ids)
    )
    launched: Loading[int, ScheduleLaunches] = Loading(
        lambda context, ids: templates.launched(context.house, context.principal, ids)
    )
    content_templates: Loading[int, Sequence[ContentTemplate]] = Loading(
        lambda context, ids: content_templates.of_schedules(context.house, context.principal, ids)
    )
    sources: Loading[int, Source] = Loading(
        lambda context, ids: sources.get_many(context.house, context.principal, ids)
    )
    schedules: Loading[int, Schedule] = Loading(
        lambda context, ids: schedules.get_many(context.house, context.principal, ids)
    )
    job_pages: Loading[JobFilter, tuple[Job, ...]] = Loading(
        lambda context, filters: jobs.pages(context.house, context.principal, filters)
    )
    warnings: Loading[int, list[str]] = Loading(lambda context, ids: context._warnings(ids))
    events: Loading[EventPage, list[Event]] = Loading(
        lambda context, pages: events.pages(context.house, context.principal, pages)
    )
    task_warnings: Loading[tuple[int, int], list[TaskWarning]] = Loading(
        lambda context, tasks: task_notes.warnings(context.house, context.principal, tasks)
    )
    task_outputs: Loading[tuple[int, int], TaskSaid] = Loading(
        lambda context, tasks: task_updates.outputs(context.house, context.principal, tasks)
    )
    task_polls: Loading[tuple[int, int], Any] = Loading(
        lambda context, tasks: task_updates.polls(context.house, context.principal, tasks)
    )
    builds: Loading[str, EngineBuild] = Loading(
        lambda context, ids: engine_builds.get_many(context.house, context.principal, ids)
    )
    unavailable: Loading[str, EngineHealth] = Loading(
        lambda context, ids: engine_health.unavailable(context.house, context.principal)
    )
    why: Loading[int, JobExplanation] = Loading(
        lambda context, ids: why.explanations(context.house, context.principal, ids)
    )

    def __init__(
        self,
        house: House,
        principal: Principal | AuthenticationFailed,
        *,
        upload: Upload | None = None,
        origin: str = "",
        key: str | None = None,
    ) -> None:
        self.house = house
        self.origin = origin
        self.key = key
        self.replayed = False
        self._principal = principal
        # The caller, None if it is unknown.
        self.known_principal = None if isinstance(principal, AuthenticationFailed) else principal
        self.refused_caller: AuthenticationFailed | None = None  # the refusal of a field that needs a caller
        self.upload: Upload | None = None
        self._me: asyncio.Task[tuple[User | None, Organization]] | None = None
        self._categories: asyncio.Task[list[EngineCategory]] | None = None
        self._now: asyncio.Task[int] | None = None
        self._source_types: asyncio.Task[dict[int, SourceType]] | None = None

    @property
    def principal(self) -> Principal:
        """The caller. Raises AuthenticationFailed."""
        if isinstance(self._principal, AuthenticationFailed):
            self.refused_caller = self._principal
            raise self._principal
        return self._principal

    def me(self) -> "asyncio.Task[tuple[User | None, Organization]]":
        """Returns the caller's user and organization, which are read once in a request."""
        if self._me is None:
            self._me = asyncio.ensure_future(identity.me(self.house, self.principal))
        return self._me

    async def _asset_pages(self, wanted: list[tuple[int, AssetFilter]]) -> dict[tuple[int, AssetFilter], list[Asset]]:
        """Returns the pages; those of one field of many targets come from one statement."""
        alike: dict[AssetFilter, list[int]] = defaultdict(list)
        for target_id, criteria in wanted:
            alike[criteria].append(target_id)
        found: dict[tuple[int, AssetFilter], list[Asset]] = {}
        for criteria, ids in alike.items():
            pages = await target_assets.asset_pages(self.house, self.principal, ids, criteria)
            found |= {(target_id, criteria): page for target_id, page in pages.items()}
        return found

    async def _warnings(self, ids: list[int]) -> dict[int, list[str]]:
        loaded = await asyncio.gather(*(self.schedules.get(schedule_id) for schedule_id in ids))
        return await slots.warnings(self.house, filter(None, loaded))

    def now(self) -> "asyncio.Task[int]":
        """Returns the time of the storage, by which schedules fire. It is read once in a request."""
        if self._now is None:
            self._now = asyncio.ensure_future(schedules.now(self.house))
        return self._now

    async def signed(self, purpose: Purpose, object_id: str) -> str:
        """Returns a URL of this server that allows this without a token, for as long as the settings say."""
        path = await signatures.signed_path(self.house, self.principal, purpose, object_id, now=await self.now())
        return self.origin + path

    async def category(self, category_id: str) -> EngineCategory | None:
        """Returns the engine category with this id. All categories are read once in a request."""
        if self._categories is None:
            self._categories = asyncio.ensure_future(engine_categories.list_(self.house, self.principal))
        return next((one for one in await self._categories if one.id == category_id), None)

    async def source_type(self, type_id: int) -> SourceType | None:
        """Returns the source type with this id. All types are read once in a request."""
        if self._source_types is None:
            self._source_types = asyncio.ensure_future(sources.types(self.house, self.principal))
        return (await self._source_types).get(type_id)

    def take_upload(self, argument: Upload | None) -> Upload | None:
        """Returns the file of this request, for the one field that stores it. `argument` is the value of a variable."""
        upload = argument or self.upload
        if upload is not None and upload.taken:
            raise InvalidInput("the uploaded file is used by another field of this request already.", "file")
        if upload is not None:
            upload.taken = True
        return upload


Info = GraphQLResolveInfo[Context]
"""The second argument of a resolver, after its object."""
