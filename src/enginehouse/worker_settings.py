"""The settings of a worker on another machine. Its composition root reads them once."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from enginehouse.settings import (
    LOG_LEVELS,
    SANDBOXES,
    UnusableSettings,
    callback_problems,
    labels,
    machine_memory_mb,
    resource_problems,
)

RAY: Final = "ray"
EXECUTORS: Final = ("local", RAY)
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._-]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How one worker runs. Times are in seconds."""

    server: str
    token: str = field(repr=False)
    data: Path
    name: str
    executor: str = "local"  # or ray: the engines run on a cluster
    ray_address: str | None = None  # HOST:PORT of the cluster's head
    allow_open_ray: bool = False  # use a cluster that has no token
    max_hosts: int = 16  # engines that run on the cluster at a time
    start_seconds: float = 60.0  # until an engine that has no place on the cluster is given back
    host_data: Path | None = None  # a folder on the nodes; None for one in their place for temporary files
    allow_private_urls: bool = False
    download_mb: int = 2048  # that one attempt may read from a URL
    organization_download_mb: int = 20_480  # that all attempts of an organization may read from URLs within an hour
    engine_sandbox: str = "auto"
    engine_read: tuple[Path, ...] = ()
    engine_write: tuple[Path, ...] = ()
    engines: Path | None = (
        None  # the file with the Python environments of engines; None: engines.toml in the data folder
    )
    native_slots: int = 64
    python_slots: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))
    http_slots: int = 0  # calls of engines over HTTP at once; 0 for none
    engine_callbacks: str = "127.0.0.1:0"  # host:port where engines over HTTP fetch inputs and send results
    engine_callbacks_url: str | None = None  # the same place as engines on other machines reach it
    engine_api_url: str | None = None  # where engines over HTTP find the server's interfaces
    cpus: float = field(default_factory=lambda: float(os.cpu_count() or 1))  # of this machine, for engines that say so
    gpus: float = 0.0
    memory_mb: int = field(default_factory=machine_memory_mb)
    label: tuple[str, ...] = ()  # further resources of this machine, as NAME=NUMBER
    warm_children: int = 8  # warm engine processes, busy ones included
    idle_child_seconds: float = 300.0
    drain_seconds: float = 60.0  # for which running attempts may go on when the worker stops
    stop_grace_seconds: float = 10.0
    cache_mb: int = 1024  # of inputs that are kept for other attempts
    log_format: str = "console"  # or json
    log_level: str = "info"  # the least level of a line: debug, info, warning or error

    @property
    def on_ray(self) -> bool:
        """True if the engines run on a Ray cluster."""
        return self.executor == RAY

    @property
    def python_pool(self) -> int:
        """The most Python engines that run at a time."""
        return self.max_hosts if self.on_ray else self.python_slots

    @property
    def labels(self) -> dict[str, float]:
        """The further resources of this machine."""
        return labels(self.label)

    def checked(self) -> "WorkerSettings":
        """Returns these settings if all can be used. Raises UnusableSettings, which names all that cannot."""
        problems = list[str]()
        if not self.server.startswith(("http://", "https://")):
            problems.append(f'server: http:// or https:// and a host, got "{self.server}".')
        if not self.token:
            problems.append("token: must be given; create one with: enginehouse token create --worker")
        problems += self._executor_problems()
        at_least = {"download_mb": 1, "organization_download_mb": 1, "warm_children": 1, "max_hosts": 1}
        at_least |= dict.fromkeys(
            (
                "native_slots",
                "python_slots",
                "http_slots",
                "drain_seconds",
                "stop_grace_seconds",
                "cache_mb",
                "start_seconds",
            ),
            0,
        )
        problems += [
            f"{name}: {least} or more, got {value}."
            for name, least in at_least.items()
            if (value := getattr(self, name)) < least
        ]
        if self.native_slots + self.python_pool + self.http_slots == 0:
            problems.append("python_slots: a worker needs at least one slot.")
        problems += callback_problems(self.engine_callbacks, self.engine_callbacks_url, self.engine_api_url)
        if self.engine_sandbox not in SANDBOXES:
            problems.append(f'engine_sandbox: {", ".join(SANDBOXES)}, got "{self.engine_sandbox}".')
        problems += resource_problems(self.cpus, self.gpus, self.memory_mb, self.label)
        if self.log_format not in ("console", "json"):
            problems.append(f'log_format: console or json, got "{self.log_format}".')
        if self.log_level not in LOG_LEVELS:
            problems.append(f'log_level: {", ".join(LOG_LEVELS)}, got "{self.log_level}".')
        if problems:
            raise UnusableSettings("\n".join(problems))
        return self

    def _executor_problems(self) -> list[str]:
        problems = list[str]()
        if self.executor not in EXECUTORS:
            problems.append(f'executor: {", ".join(EXECUTORS)}, got "{self.executor}".')
        if self.ray_address is not None and not _ADDRESS.fullmatch(self.ray_address):
            text = "ray_address: HOST:PORT of the head of the cluster, like 10.0.0.5:6379, got"
            problems.append(f'{text} "{self.ray_address}".')
        if self.on_ray and self.ray_address is None:
            problems.append("ray_address: must be given with --executor ray.")
        if not self.on_ray and self.ray_address is not None:
            problems.append("ray_address: only with --executor ray.")
        return problems
