"""The house's periodic duties, each at its own pace."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from enginehouse.runtime.loop import Loop


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do every `seconds`; `run` does a bounded batch and answers whether there is more at once."""

    name: str
    seconds: float
    run: Callable[[], Awaitable[bool]]


def loops(duties: list[Duty]) -> list[Loop]:
    """One loop a duty, so that a slow one delays no other."""
    return [Loop(duty.name, _ticking(duty)) for duty in duties]


def _ticking(duty: Duty) -> Callable[[], Awaitable[float]]:
    async def tick() -> float:
        return 0.0 if await duty.run() else duty.seconds

    return tick
