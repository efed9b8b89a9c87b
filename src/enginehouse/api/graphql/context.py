"""The shared state of the fields of one request: the caller, the upload, and the objects already read."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from enginehouse.domain.pipelines import Pipeline
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
    jobs,
    pipelines,
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


class Context:
    """One request. `principal` raises AuthenticationFailed if the caller is unknown. So a login needs no token.

    `key` is the idempotency key of its header. `replayed` is True if one of its mutations was done before for the same
    key.
    """

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
        self.refused_caller: AuthenticationFailed | None = None  # the refusal of a field that needs a caller
        self.upload: Upload | None = None
        self._me: asyncio.Task[tuple[User | None, Organization]] | None = None
        self._categories: asyncio.Task[list[EngineCategory]] | None = None
        self.organizations: Loader[int, Organization] = Loader(
            lambda ids: accounts.get_many(house, self.principal, ids)
        )
        self.targets: Loader[int, Target] = Loader(lambda ids: targets.get_many(house, self.principal, ids))
        self.asset_counts: Loader[int, int] = Loader(lambda ids: target_assets.asset_counts(house, self.principal, ids))
        self.asset_pages: Loader[tuple[int, AssetFilter], list[Asset]] = Loader(self._asset_pages)
        self.primary_assets: Loader[tuple[int, str], Asset] = Loader(
            lambda wanted: target_assets.primary_assets(house, self.principal, wanted)
        )
        self.assets_of_bytes: Loader[str, str] = Loader(
            lambda keys: target_assets.assets_of_bytes(house, self.principal, keys)
        )
        self.results: Loader[tuple[int, int], Artifact] = Loader(
            lambda tasks: artifacts.results(house, self.principal, tasks)
        )
        self.attempts: Loader[AttemptPage, list[Attempt]] = Loader(
            lambda pages: attempts.of_tasks(house, self.principal, pages)
        )
        self.jobs: Loader[int, Job] = Loader(lambda ids: jobs.get_many(house, self.principal, ids))
        self.job_templates: Loader[int, JobTemplate] = Loader(
            lambda ids: templates.get_many(house, self.principal, ids)
        )
        self.pipelines: Loader[int, Pipeline] = Loader(lambda ids: pipelines.get_many(house, self.principal, ids))
        self.pipeline_templates: Loader[int, list[JobTemplate]] = Loader(
            lambda ids: pipelines.templates(house, self.principal, ids)
        )
        self.launched: Loader[int, ScheduleLaunches] = Loader(
            lambda ids: templates.launched(house, self.principal, ids)
        )
        self.content_templates: Loader[int, Sequence[ContentTemplate]] = Loader(
            lambda ids: content_templates.of_schedules(house, self.principal, ids)
        )
        self.sources: Loader[int, Source] = Loader(lambda ids: sources.get_many(house, self.principal, ids))
        self.schedules: Loader[int, Schedule] = Loader(lambda ids: schedules.get_many(house, self.principal, ids))
        self.job_pages: Loader[JobFilter, tuple[Job, ...]] = Loader(
            lambda filters: jobs.pages(house, self.principal, filters)
        )
        self.warnings: Loader[int, list[str]] = Loader(self._warnings)
        self._now: asyncio.Task[int] | None = None
        self._source_types: asyncio.Task[dict[int, SourceType]] | None = None
        self.events: Loader[EventPage, list[Event]] = Loader(lambda pages: events.pages(house, self.principal, pages))
        self.task_warnings: Loader[tuple[int, int], list[TaskWarning]] = Loader(
            lambda tasks: task_notes.warnings(house, self.principal, tasks)
        )
        self.task_outputs: Loader[tuple[int, int], TaskSaid] = Loader(
            lambda tasks: task_updates.outputs(house, self.principal, tasks)
        )
        self.task_polls: Loader[tuple[int, int], Any] = Loader(
            lambda tasks: task_updates.polls(house, self.principal, tasks)
        )
        self.builds: Loader[str, EngineBuild] = Loader(lambda ids: engine_builds.get_many(house, self.principal, ids))
        self.unavailable: Loader[str, EngineHealth] = Loader(
            lambda ids: engine_health.unavailable(house, self.principal)
        )
        self.why: Loader[int, JobExplanation] = Loader(lambda ids: why.explanations(house, self.principal, ids))

    @property
    def principal(self) -> Principal:
        """The caller. Raises AuthenticationFailed."""
        if isinstance(self._principal, AuthenticationFailed):
            self.refused_caller = self._principal
            raise self._principal
        return self._principal

    @property
    def known_principal(self) -> Principal | None:
        """The caller, None if it is unknown."""
        return None if isinstance(self._principal, AuthenticationFailed) else self._principal

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
