"""What a server remembers of the workers on other machines that it talks to.

Storage has the truth: after a restart everything here is learned again.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

from msgspec import structs

from enginehouse.domain.identity import WorkerScope
from enginehouse.domain.instance import Instance
from enginehouse.domain.resources import Resources
from enginehouse.domain.work import ItemKey, Lease
from enginehouse.storage.work.lanes import Queue

LeaseId = tuple[ItemKey, int]

_FORGOTTEN: Final = 3600.0  # seconds after the last request


@dataclass(slots=True)
class InstanceState:
    """One worker: what it knows of its pools, its leases, and when its report was last stored (monotonic seconds).

    `offers`: the engines whose work it takes, `owners`: the organizations (None: all). `queues`: by pool, those of all
    workers that take the same, until it has one `alone`. `changed_at`: when its report was stored at once, because
    something has changed. `stop_due`: a lease of it may have to stop, and it has not been told yet. `resources`: what
    its machines have, if that has changed. `unable`: the engines that it cannot start now, by the reason.
    `last_update`: the times of its last status in the documented loop. `known`: the engines of the server when it was
    decided which the worker takes; another object holds them after a change.
    """

    instance: Instance
    offers: frozenset[str]
    owners: frozenset[int] | None
    queues: dict[str, Queue]
    leases: dict[LeaseId, Lease] = field(default_factory=dict)
    beaten_at: float = float("-inf")
    used_at: float = 0.0
    changed_at: float = float("-inf")
    stop_due: bool = False
    resources: Resources | None = None
    unable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    last_update: tuple[int | None, int | None] = (None, None)
    known: object = None
    _alone: dict[str, Queue] = field(default_factory=dict)

    def alone(self, pool: str) -> Queue:
        """Returns the worker's queue of the pool, which is its own from now on."""
        if pool not in self._alone:
            self._alone[pool] = Queue(offers=self.offers.__contains__, owners=self.owners)
        self.queues[pool] = self._alone[pool]
        return self._alone[pool]

    def forget_own(self) -> None:
        """The worker has no queue of its own, until it needs one again."""
        self._alone = {}

    def note(self, organization_id: int | None, pools: Collection[str] | None) -> None:
        """The organization has new items: as `InstanceStates.note`, for what is the worker's own."""
        for pool, queue in self._alone.items():
            if pools is None or pool in pools:
                queue.note(organization_id)


@dataclass(slots=True)
class InstanceStates:
    """The workers that have sent requests to this server, by their ids."""

    _known: dict[str, InstanceState] = field(default_factory=dict)
    _marked: dict[str, float] = field(default_factory=dict)
    _queues: WeakValueDictionary[tuple[str, frozenset[str], frozenset[int] | None], Queue] = field(
        default_factory=WeakValueDictionary
    )

    def get(self, instance_id: str, token_id: str) -> InstanceState | None:
        """Returns the worker if this token has registered it."""
        state = self._known.get(instance_id)
        if state is None or state.instance.token_id != token_id:
            return None
        state.used_at = time.monotonic()
        return state

    def put(self, instance: Instance, scope: WorkerScope) -> InstanceState:
        """Remembers the worker. Those that have sent nothing for an hour are forgotten."""
        offers = _allowed(instance, scope)
        state = InstanceState(instance, offers, scope.organizations, self._queues_of(instance, offers, scope))
        state.used_at = now = time.monotonic()
        self._known = {key: one for key, one in self._known.items() if now - one.used_at < _FORGOTTEN}
        self._known[instance.id] = state
        return state

    def offer(self, state: InstanceState, scope: WorkerScope, engines: tuple[str, ...]) -> bool:
        """From now on the worker takes the work of these engines. Returns False if it has taken it before."""
        if engines == state.instance.registered.engines:
            return False
        registered = structs.replace(state.instance.registered, engines=engines)
        state.instance = state.instance._replace(registered=registered)
        state.offers = _allowed(state.instance, scope)
        state.queues = self._queues_of(state.instance, state.offers, scope)
        state.forget_own()
        return True

    def _queues_of(self, instance: Instance, offers: frozenset[str], scope: WorkerScope) -> dict[str, Queue]:
        return {pool: self._queue(pool, offers, scope.organizations) for pool in instance.registered.pools}

    def _queue(self, pool: str, offers: frozenset[str], owners: frozenset[int] | None) -> Queue:
        key = (pool, offers, owners)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = Queue(offers=offers.__contains__, owners=owners)
        return queue

    def forget(self, instance_id: str) -> None:
        self._known.pop(instance_id, None)

    def may_mark(self, pool: str, seconds: float) -> bool:
        """Returns True once within `seconds` for the pool, for all workers together."""
        now = time.monotonic()
        if now - self._marked.get(pool, float("-inf")) < seconds:
            return False
        self._marked[pool] = now
        return True

    def note(self, organization_id: int | None, pools: Collection[str] | None = None) -> None:
        """The organization has new items: of these pools those without a lane of it are looked at again. None: all."""
        if not self._known:  # the queues are theirs
            return
        for (pool, _, _), queue in self._queues.items():
            if pools is None or pool in pools:
                queue.note(organization_id)
        for state in self._known.values():
            state.note(organization_id, pools)

    def stop(self, job_ids: Collection[int] | None) -> None:
        """The workers with a lease of these jobs (None: perhaps any worker) must prolong their leases now."""
        for state in self._known.values():
            if job_ids is None or any(key.job_id in job_ids for key, _ in state.leases):
                state.stop_due = True


def _allowed(instance: Instance, scope: WorkerScope) -> frozenset[str]:
    offers = frozenset(instance.registered.engines)
    return offers if scope.engines is None else offers & scope.engines
