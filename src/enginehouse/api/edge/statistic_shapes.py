"""The REST bodies of statistics (rest-contract §2.8). Pairs are (Unix seconds, number)."""

from typing import Generic, TypeVar

import msgspec

from enginehouse.api.http.json.casing import spelled

Row = TypeVar("Row")
Pairs = list[tuple[int, int]]


class Statistic(msgspec.Struct, Generic[Row], rename=spelled, kw_only=True):
    """The numbers of a range of time."""

    success: bool = True
    counts: list[Row]
    start_date_time: str
    end_date_time: str


class StatusCount(msgspec.Struct, rename=spelled, kw_only=True):
    """How many of the jobs or tasks that were created in this time have the status."""

    status: str
    count: int
    start_date_time: str
    end_date_time: str


class JobSeries(msgspec.Struct, rename=spelled, kw_only=True):
    """The same over time, of jobs."""

    status: str
    values: Pairs


class TaskSeries(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """The same over time, of tasks: of one engine category, if the request names one."""

    engine_category_id: str | None = None
    engine_category_name: str | None = None
    status: str
    values: Pairs


class OrganizationJobs(msgspec.Struct, rename=spelled, kw_only=True):
    internal_organization_id: str
    organization_id: int
    organization_name: str
    status: str
    count: int


class CategoryTasks(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """How many tasks of the category's engines have the status."""

    engine_category_id: str | None = None
    engine_category_name: str | None = None
    status: str
    count: int


class EngineTasks(CategoryTasks, rename=spelled, kw_only=True, omit_defaults=True):
    """How many tasks of the engine have the status."""

    engine_id: str
    engine_name: str | None = None


class OrganizationTasks(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """How many tasks of the organization and the engine have the status."""

    internal_organization_id: str
    engine_id: str
    engine_name: str | None = None
    status: str
    count: int


class EngineFailures(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """How many tasks of the engine failed for this reason."""

    engine_id: str
    engine_name: str | None = None
    error_type: str
    count: int


class Failures(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """How many tasks failed: of those that were created in this time, or of one engine over time."""

    count: int | None = None
    start_date_time: str | None = None
    end_date_time: str | None = None
    engine_id: str | None = None
    engine_name: str | None = None
    values: Pairs | None = None


class EngineSeries(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """The numbers of one engine's tasks of one priority over time."""

    engine_id: str
    engine_name: str | None = None
    priority: int
    values: Pairs


class NamedSeries(msgspec.Struct):
    name: str
    values: Pairs


class InstancesOfCategory(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """How many instances of the category's engines each host runs; `values` are in the order of the hosts."""

    engine_category_id: str | None = None
    engine_category_name: str | None = None
    count: int
    values: list[int]


class Instances(msgspec.Struct, rename=spelled, kw_only=True):
    success: bool = True
    hosts: list[str]
    counts: list[InstancesOfCategory]
    start_date_time: str
    end_date_time: str
