"""A host that is ready, and whom it works for."""

import itertools
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from enginehouse.domain.resources import Resources
from enginehouse.engines.ray.messages import HostFacts
from enginehouse.engines.ray.placement import HostPlace


class HostOwner(NamedTuple):
    """Whom a host works for. `organization_id` is None if its engine may serve several."""

    engine_id: str
    organization_id: int | None


@dataclass(eq=False, slots=True)
class LiveHost:
    """A host that was ready once. `used_at` (monotonic seconds): when it last answered."""

    handle: Any
    owner: HostOwner
    takes: Resources
    facts: HostFacts
    used_at: float
    key: int = field(default_factory=itertools.count().__next__)

    @property
    def place(self) -> HostPlace:
        """What it takes, and where."""
        return HostPlace(self.key, self.facts.node, self.takes)
