"""What runs the items of Python engines: warm children on this machine, or hosts on the nodes of a cluster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from enginehouse.domain.resources import Resources
from enginehouse.engine import EngineSpec, Output, Work


class CallPython(Protocol):
    """Runs one item of a Python engine in a warm child process. Its output goes to `log` while it runs.

    Raises EngineFailure; of the kind NOT_STARTED if the engine never got the item. When the task is cancelled, nothing
    of the engine is left before CancelledError is raised.
    """

    async def __call__(
        self,
        spec: EngineSpec,
        work: Work,
        *,
        log: Callable[[bytes], None],
        log_limit: int,
        timeout: float,  # noqa: ASYNC109 — the child is stopped by its keeper, not by cancelling this call
        memory_mb: int,
        organization_id: int,
        grace: Callable[[], float],
    ) -> list[Output]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorCapacity:
    """What an executor can run now: `calls` at once, those that run included.

    `resources`: what its nodes have for these calls in all; None if the settings of the machine say it. `most`: engines
    of which fewer items may start now than there is room for calls. `unable`: engines of which nothing can start, by
    the sentence that says why.
    """

    calls: int
    resources: Resources | None = None
    most: Mapping[str, int] = field(default_factory=dict)
    unable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class PythonExecutor(Protocol):
    """An executor. A worker claims no more than its capacity. `on_change` is called when that may be another."""

    on_change: Callable[[], None]

    @property
    def call(self) -> CallPython: ...

    def capacity(self) -> ExecutorCapacity:
        """Returns what can run now."""

    async def wanted(self, demand: Mapping[str, int]) -> None:
        """So many items of these engines wait. An executor that can grow may do so."""

    async def close(self) -> None:
        """Nothing of a call is left, and none starts any more."""
