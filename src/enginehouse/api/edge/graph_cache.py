"""The graphs of recent bodies, by their text without payloads. A graph that comes again is not translated again.

Clients send the same graph with other payloads. What its tasks and routes become depends on nothing else.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from enginehouse.api.edge.job_shapes import CreateJob
from enginehouse.api.edge.task_shapes import CreateTask
from enginehouse.domain.errors import Problem
from enginehouse.domain.job import KnownGraph, RouteRequest, TaskRequest
from enginehouse.domain.planning.shapes import known_graph

_MOST: Final = 128
_LARGEST: Final = 16 * 1024  # bytes of a text
_encode: Final = msgspec.msgpack.Encoder().encode
_replace: Final = msgspec.structs.replace
Translate = Callable[[CreateJob, str, list[Problem]], tuple[tuple[TaskRequest, ...], tuple[RouteRequest, ...]]]


class KnownGraphs:
    """The last graphs that were translated, at most 128. Nothing of a payload is kept."""

    def __init__(self, translate: Translate) -> None:
        self._translate = translate
        self._kept: OrderedDict[bytes, KnownGraph] = OrderedDict()

    def find(self, body: CreateJob) -> tuple[KnownGraph, tuple[TaskRequest, ...]] | None:
        """Returns the graph of the body, and its tasks with their payloads.

        Returns None if it must be translated with its payloads or its problems.
        """
        bare, payloads = list[CreateTask](), dict[int, str]()
        for task in body.tasks or ():
            if task.payload_json:  # it decides about other fields of the task, too
                return None
            if text := task.task_payload_json:
                payloads[len(bare)] = text
                bare.append(_replace(task, task_payload_json=None))
            else:
                bare.append(task)
        graph = self._graph(body, bare)
        if graph is None or not payloads:
            return None if graph is None else (graph, graph.tasks)
        tasks = enumerate(graph.tasks)
        return graph, tuple([_replace(task, payload_text=payloads[n]) if n in payloads else task for n, task in tasks])

    def _graph(self, body: CreateJob, bare: list[CreateTask]) -> KnownGraph | None:
        try:
            text = _encode((bare, body.task_routes))
        except (OverflowError, ValueError):  # a number or a text that JSON can hold
            return None
        graph = self._kept.get(text)
        if graph is not None:
            self._kept.move_to_end(text)
            return graph
        return None if len(text) > _LARGEST else self._new(_replace(body, tasks=bare), text)

    def _new(self, bare: CreateJob, text: bytes) -> KnownGraph | None:
        problems: list[Problem] = []
        tasks, routes = self._translate(bare, "", problems)
        if problems:
            return None
        graph = self._kept[text] = known_graph(tasks, routes)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return graph
