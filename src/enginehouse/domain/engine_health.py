"""Whether an engine over HTTP gets work: available, unavailable until its next probe, or on trial. Pure.

An engine that is not ready, or whose calls fail, is unavailable. It is probed again and again, with growing pauses.
When it is ready again it is on trial: it gets one call, and with that call's success it is available.
"""

from enum import StrEnum
from typing import Final, NamedTuple

SECOND: Final = 1_000_000
QUICK_PROBES: Final = 60  # one a second: an engine that starts takes so long (engine-contract a.7)
LONGEST_PAUSE: Final = 60 * SECOND
PROBE_MICROS: Final = 15 * SECOND  # how long one server has for a probe before another one tries


class HealthEvent(StrEnum):
    """What somebody has learned about an engine."""

    NOT_READY = "not_ready"  # it does not answer, or not yet
    GIVEN_UP = "given_up"  # it says that it gives up, or too many of its calls failed
    READY = "ready"  # a probe found it ready
    WORKS = "works"  # a call succeeded


class EngineHealth(NamedTuple):
    """The health of one engine, by default a good one.

    `until`: when an unavailable engine is probed next (µs), None if it may get work. `reason`: why it is unavailable.
    `probes`: how many times it was found unavailable in a row.
    """

    until: int | None = None
    reason: str | None = None
    probes: int = 0

    @property
    def on_trial(self) -> bool:
        """True if the engine may get one call, which decides."""
        return self.until is None and self.probes > 0


HEALTHY: Final = EngineHealth()


def after(health: EngineHealth, event: HealthEvent, reason: str | None, *, now: int, probed: bool) -> EngineHealth:
    """Returns the engine's health after the event. `probed`: a probe found it out, not a call.

    A call that began while the engine was available says nothing about one that is unavailable now.
    """
    if health.until is not None and not probed:
        return health
    match event:
        case HealthEvent.READY:
            return EngineHealth(None, health.reason, max(1, health.probes))
        case HealthEvent.WORKS:
            return HEALTHY
        case HealthEvent.NOT_READY:
            probes = health.probes + 1
        case HealthEvent.GIVEN_UP:
            probes = max(health.probes + 1, QUICK_PROBES)
    return EngineHealth(now + pause(probes), reason, probes)


def pause(probes: int) -> int:
    """Returns the time until the next probe (µs): a second at first, later twice as long each time, up to a minute."""
    return min(SECOND << min(max(0, probes - QUICK_PROBES), 20), LONGEST_PAUSE)
