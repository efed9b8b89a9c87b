"""A graph of tasks while it is made: tasks with their folders, and the routes between them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from enginehouse.domain.job import FolderRequest, RouteRequest, TaskRequest


@dataclass(slots=True)
class GraphDraft:
    """The tasks and routes so far."""

    tasks: list[TaskRequest] = field(default_factory=list)
    routes: list[RouteRequest] = field(default_factory=list)

    def add(self, engine: str, payload: Mapping[str, Any], *folders: FolderRequest, standby: str | None = None) -> None:
        """One more task. `standby` is the engine that takes its place if it fails."""
        other = None if standby is None else TaskRequest(engine_id=standby)
        self.tasks.append(TaskRequest(engine_id=engine, payload=dict(payload) or None, folders=folders, standby=other))

    def route(self, parent: str, child: str) -> None:
        """What comes into the folder `parent` goes on to the folder `child`."""
        self.routes.append(RouteRequest(parent_folder=parent, child_folder=child))


def into(reference: str, mode: str = "chunk") -> FolderRequest:
    """Returns an input folder."""
    return FolderRequest(reference=reference, mode=mode, type="input")


def out(reference: str, mode: str = "chunk") -> FolderRequest:
    """Returns an output folder."""
    return FolderRequest(reference=reference, mode=mode, type="output")
