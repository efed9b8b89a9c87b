"""The view of a wait reason that all interfaces share: its facts and their names. Each writes ids and times itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from msgspec import structs

from enginehouse.domain.wait_reasons import reasons
from enginehouse.domain.wait_reasons.reasons import AnyReason, OtherTask

_TIMES: Final = {
    "at": "not_before_date_time",
    "since": "since_date_time",
    "last_seen": "last_seen_date_time",
}
_CALLED: Final = {"engine": "engine_name", "taken": "slots_taken", "ahead": "items_ahead", "more": "more_ahead"}
_ONLY_IN_WORDS: Final = frozenset({"now", "calls_back", "lacking"})


@dataclass(frozen=True, slots=True)
class ReasonWriter:
    """Writes a reason. An interface sets how to write a task of the job and a time (µs)."""

    task: Callable[[OtherTask], Any]
    time: Callable[[int], str]

    def facts(self, reason: AnyReason) -> dict[str, Any]:
        """Returns the reason's kind, sentence and facts. Facts that its kind does not have are left out."""
        facts = {"kind": reasons.kind(reason), "sentence": reasons.sentence([reason])}
        for name, value in structs.asdict(reason).items():
            if value is not None and name not in _ONLY_IN_WORDS:
                called, written = self._fact(name, value)
                facts[called] = written
        return facts

    def _fact(self, name: str, value: Any) -> tuple[str, Any]:
        match name:
            case "parents":
                return "tasks", [self.task(each) for each in value]
            case "principal":
                return "tasks", [self.task(value)]
            case _ if name in _TIMES:
                return _TIMES[name], self.time(value)
            case _:
                return _CALLED.get(name, name), value
