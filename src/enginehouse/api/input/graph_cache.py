"""The graphs of recent inputs, by what they say without payloads. A graph that comes again is not translated again.

Clients send the same graph with other payloads. What its tasks and routes become depends on nothing else but the job's
addresses and its number of retries.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from enginehouse.domain.job import KnownGraph, RouteRequest, TaskRequest
from enginehouse.domain.planning.shapes import known_graph

Input = dict[str, Any]
Translate = Callable[[Sequence[Input], Sequence[Input]], tuple[tuple[TaskRequest, ...], tuple[RouteRequest, ...]]]

_MOST: Final = 128
_LARGEST: Final = 16 * 1024  # bytes of a text
_PAYLOADS: Final = frozenset({"payload", "payloadString"})
_encode: Final = msgspec.msgpack.Encoder().encode
_replace: Final = msgspec.structs.replace


class KnownInputs:
    """The last graphs that were translated, at most 128. Nothing of a payload is kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, KnownGraph] = OrderedDict()

    def find(
        self, tasks: Sequence[Input], routes: Sequence[Input], settings: Any, translate: Translate
    ) -> tuple[KnownGraph, tuple[TaskRequest, ...]] | None:
        """Returns the graph of these tasks and routes, and the tasks with their payloads.

        `settings` are what the translation depends on besides. Returns None if it depends on the payloads, too.
        """
        bare, payloads = list[Input](), dict[int, Input]()
        for task in tasks:
            if task.get("standbyTask") is not None:  # it has a payload of its own
                return None
            if task.keys().isdisjoint(_PAYLOADS):
                bare.append(task)
            else:
                payloads[len(bare)] = task
                bare.append({name: value for name, value in task.items() if name not in _PAYLOADS})
        try:
            text = _encode((bare, routes, settings))
        except (OverflowError, TypeError, ValueError, RecursionError):
            return None
        graph = self._kept.get(text)
        if graph is not None:
            self._kept.move_to_end(text)
        elif len(text) > _LARGEST:
            return None
        else:
            graph = self._kept[text] = known_graph(*translate(bare, routes))
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        if not payloads:
            return graph, graph.tasks
        together = list(graph.tasks)
        for ordinal, task in payloads.items():
            payload, said = task.get("payload"), task.get("payloadString")
            together[ordinal] = _replace(graph.tasks[ordinal], payload=payload, payload_text=said)
        return graph, tuple(together)
