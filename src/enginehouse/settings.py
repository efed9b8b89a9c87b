"""All settings. The composition root reads them once and passes them down as plain arguments."""

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")  # as browsers send it
_LABEL = re.compile(r"[A-Za-z0-9._-]{1,60}=[0-9]{1,9}(?:\.[0-9]{1,6})?")
_MOST = 1e9
_URL = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")
_SECRET = re.compile(r"[!-~]{16,200}")
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9._-]+)*/?")
LOG_LEVELS = ("debug", "info", "warning", "error")
MOST_PROCESSES = 256
SANDBOXES = ("auto", "bwrap", "landlock", "uid", "none")


def machine_memory_mb() -> int:
    """Returns the memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


class UnusableSettings(ValueError):
    """Some settings cannot be used. The message names all of them, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server runs. Times are in seconds."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 9000
    processes: int = 1  # that share the port and the work; more than one need PostgreSQL
    database: str | None = None  # a postgresql:// URL; None for the embedded database in the data folder
    artifacts: str | None = None  # s3://bucket/prefix or a folder for the bytes; None for a folder in the data folder
    artifacts_cache_mb: int = 10_240  # of local copies of bytes that are elsewhere; 0 for none
    artifacts_redirect: bool = False  # signed URLs and workers go to the store
    init_token: str | None = None  # AIWARE_INIT_TOKEN: the first administrator's token
    secret_key: str | None = field(default=None, repr=False)  # ENGINEHOUSE_SECRET_KEY: the secret key of the server
    allow_private_urls: bool = False
    allow_unsafe_durability: bool = False
    download_mb: int = 2048  # that one attempt may read from a URL
    organization_download_mb: int = 20_480  # that all attempts of an organization may read from URLs within an hour
    database_read_seconds: float = 5.0  # the longest time of a transaction on PostgreSQL, also when it is frozen
    database_write_seconds: float = 10.0
    engine_sandbox: str = "auto"  # auto, bwrap, landlock, uid or none
    engine_read: tuple[Path, ...] = ()  # files and folders that every engine may read: models
    engine_write: tuple[Path, ...] = ()  # files and folders that every engine may change: caches of models
    engines: Path | None = (
        None  # the file with the Python environments of engines; None: engines.toml in the data folder
    )
    native_slots: int = 512  # with 0 for all three, this server takes requests and leaves the work to others
    python_slots: int = field(default_factory=lambda: max(2, os.cpu_count() or 2))
    cpus: float = field(default_factory=lambda: float(os.cpu_count() or 1))  # of this machine, for engines that say so
    gpus: float = 0.0
    memory_mb: int = field(default_factory=machine_memory_mb)
    label: tuple[str, ...] = ()  # further resources of this machine, as NAME=NUMBER
    http_slots: int = 32  # calls of engines over HTTP at once
    engine_callbacks: str = "127.0.0.1:0"  # host:port where engines over HTTP fetch inputs and send results
    engine_callbacks_url: str | None = None  # the same place as engines on other machines reach it
    engine_api_url: str | None = None  # where engines over HTTP find this server's interfaces
    warm_children: int = 8  # warm engine processes, busy ones included; more than python_slots avoids restarts
    idle_child_seconds: float = 300.0
    lease_seconds: float = 30.0
    drain_seconds: float = 10.0
    stop_grace_seconds: float = 10.0  # between SIGTERM and SIGKILL for the engine of a cancelled job
    retention_days: int = 30
    idempotency_days: int = 7  # how long the server recognizes a request with the same idempotency key
    audit_retention_days: int = 365
    signed_url_seconds: int = 3600  # how long a URL for a program without a token works
    signed_upload_mb: int = 10_240  # of one PUT to a signed URL
    export_days: int = 7  # how long the zip of an export is kept
    head_bytes: int = 16 * 1024  # of the request line and the headers of a request
    head_lines: int = 100
    head_seconds: float = 10.0  # between the first byte of a head and its end
    body_seconds: float = 10.0  # how far a body may fall behind its pace
    body_bytes_per_second: int = 1024
    silent_seconds: float = 30.0  # how long a connection may be open without a request
    connections_per_address: int = 1024
    silent_connections_per_address: int = 256
    token_requests: int = 1_000_000  # of one token in 10 seconds; 0 for any number
    organization_requests: int = 2_000_000
    trusted_proxy: tuple[str, ...] = ()  # addresses and networks of load balancers, whose X-Forwarded-* headers count
    cors_origin: tuple[str, ...] = ("*",)  # whose pages may call the API; "*" is any, none switches it off
    oidc: Path | None = None  # the file about the identity provider at which people sign in
    metrics: str = "token"  # who may read GET /metrics: token or open
    metrics_token: str | None = field(default=None, repr=False)  # ENGINEHOUSE_METRICS_TOKEN: opens GET /metrics
    traces: str = "auto"  # whether spans are sent to a collector: auto, on or off
    log_format: str = "console"  # or json
    log_level: str = "info"  # the least level of a line: debug, info, warning or error

    @property
    def labels(self) -> dict[str, float]:
        """The further resources of this machine."""
        return labels(self.label)

    @property
    def batches(self) -> int:
        """How many batches of a verb a process writes at the same time.

        Several processes write at the same time anyway. More batches would be smaller, and cost more in all.
        """
        return 1 if self.processes > 1 else 2

    @property
    def records_traces(self) -> bool:
        """Whether spans are sent to a collector: `auto` if the usual variables OTEL_* name one."""
        variable = os.environ.get
        if variable("OTEL_SDK_DISABLED", "").lower() == "true" or variable("OTEL_TRACES_EXPORTER") == "none":
            return False
        named = variable("OTEL_EXPORTER_OTLP_ENDPOINT") or variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        return self.traces == "on" or (self.traces == "auto" and bool(named))

    @property
    def database_place(self) -> str | None:
        """Where the PostgreSQL is, without the password that its URL may hold; None for the embedded database."""
        if self.database is None:
            return None
        parts = urlsplit(self.database)
        return f"postgresql://{parts.hostname or 'localhost'}{f':{parts.port}' if parts.port else ''}{parts.path}"

    def of_process(self, number: int) -> "Settings":
        """Returns the settings of one of its processes, which are numbered from 1.

        The native worker slots are divided. The first process runs all other engines: what they share of the machine
        (cores, memory, a GPU, warm children, the port of the callbacks) cannot be divided without loss.
        """
        each, more = divmod(self.native_slots, self.processes)
        own = replace(self, native_slots=each + (number <= more))
        if number == 1:
            return own
        return replace(own, python_slots=0, http_slots=0, cpus=0.0, gpus=0.0, memory_mb=0, label=())

    def checked(self) -> "Settings":
        """Returns these settings if all can be used. Raises UnusableSettings, which names all that cannot."""
        problems = list[str]()
        if not 0 <= self.port <= 65535:
            problems.append(f"port: 0–65535, got {self.port}.")
        problems += process_problems(self.processes, self.database)
        if self.database is not None and not self.database.startswith(("postgresql://", "postgres://")):
            problems.append(f'database: a postgresql:// URL, got "{self.database.split(":")[0]}:…".')
        if self.artifacts is not None and "://" in self.artifacts and not _PLACE.fullmatch(self.artifacts):
            problems.append(f'artifacts: s3://bucket or s3://bucket/prefix, or a folder, got "{self.artifacts}".')
        problems += [
            f"{name}: must be greater than 0, got {value}."
            for name, value in (
                ("database_read_seconds", self.database_read_seconds),
                ("database_write_seconds", self.database_write_seconds),
                ("warm_children", self.warm_children),
                ("download_mb", self.download_mb),
                ("organization_download_mb", self.organization_download_mb),
                ("lease_seconds", self.lease_seconds),
                ("retention_days", self.retention_days),
                ("idempotency_days", self.idempotency_days),
                ("audit_retention_days", self.audit_retention_days),
                ("signed_url_seconds", self.signed_url_seconds),
                ("signed_upload_mb", self.signed_upload_mb),
                ("export_days", self.export_days),
                ("head_bytes", self.head_bytes),
                ("head_lines", self.head_lines),
                ("head_seconds", self.head_seconds),
                ("body_seconds", self.body_seconds),
                ("body_bytes_per_second", self.body_bytes_per_second),
                ("silent_seconds", self.silent_seconds),
                ("connections_per_address", self.connections_per_address),
                ("silent_connections_per_address", self.silent_connections_per_address),
            )
            if value <= 0
        ]
        problems += [
            f"{name}: 0 or more, got {value}."
            for name, value in (
                ("artifacts_cache_mb", self.artifacts_cache_mb),
                ("native_slots", self.native_slots),
                ("python_slots", self.python_slots),
                ("http_slots", self.http_slots),
                ("stop_grace_seconds", self.stop_grace_seconds),
                ("token_requests", self.token_requests),
                ("organization_requests", self.organization_requests),
            )
            if value < 0
        ]
        problems += [
            f'cors_origin: an origin like https://app.example.com, or *, got "{origin}".'
            for origin in self.cors_origin
            if origin != "*" and not _ORIGIN.fullmatch(origin)
        ]
        problems += [
            f'trusted_proxy: an address like 10.0.0.7 or a network like 10.0.0.0/24, got "{place}".'
            for place in self.trusted_proxy
            if not _is_network(place)
        ]
        problems += callback_problems(self.engine_callbacks, self.engine_callbacks_url, self.engine_api_url)
        if self.engine_sandbox not in SANDBOXES:
            problems.append(f'engine_sandbox: {", ".join(SANDBOXES)}, got "{self.engine_sandbox}".')
        problems += resource_problems(self.cpus, self.gpus, self.memory_mb, self.label)
        if self.metrics not in ("token", "open"):
            problems.append(f'metrics: token or open, got "{self.metrics}".')
        if self.metrics_token is not None and not _SECRET.fullmatch(self.metrics_token):
            problems.append("metrics_token: 16–200 visible ASCII characters; make one with: openssl rand -hex 32")
        if self.log_format not in ("console", "json"):
            problems.append(f'log_format: console or json, got "{self.log_format}".')
        if self.traces not in ("auto", "on", "off"):
            problems.append(f'traces: auto, on or off, got "{self.traces}".')
        if self.log_level not in LOG_LEVELS:
            problems.append(f'log_level: {", ".join(LOG_LEVELS)}, got "{self.log_level}".')
        if problems:
            raise UnusableSettings("\n".join(problems))
        return self

    @property
    def local_url(self) -> str:
        """The URL of the server for clients on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def callbacks_address(text: str) -> tuple[str, int]:
    """Returns the host and the port of `engine_callbacks`. Raises ValueError if it is no address."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) <= 65535):
        raise ValueError
    return host.removeprefix("[").removesuffix("]"), int(port)


def callback_problems(callbacks: str, url: str | None, api_url: str | None) -> list[str]:
    """Returns what is wrong with the addresses that engines over HTTP are told."""
    problems = list[str]()
    try:
        host, _ = callbacks_address(callbacks)
    except ValueError:
        problems.append(f'engine_callbacks: HOST:PORT, got "{callbacks}".')
    else:
        if host in _EVERYWHERE and url is None:
            problems.append(f"engine_callbacks: {host} is no address that an engine can call; give the URL too.")
    problems += [
        f'{name}: an http:// or https:// URL, got "{given}".'
        for name, given in (("engine_callbacks_url", url), ("engine_api_url", api_url))
        if given is not None and not _URL.fullmatch(given)
    ]
    return problems


def process_problems(processes: int, database: str | None) -> list[str]:
    """Returns what is wrong with the number of processes."""
    if not 1 <= processes <= MOST_PROCESSES:
        return [f"processes: 1–{MOST_PROCESSES}, got {processes}."]
    if processes > 1 and database is None:
        text = "more than 1 need PostgreSQL, the setting database; the embedded database is for 1"
        return [f"processes: {text}, got {processes}."]
    return []


def resource_problems(cpus: float, gpus: float, memory_mb: int, label: Sequence[str]) -> list[str]:
    """Returns what is wrong with the resources of a machine."""
    given = {"cpus": cpus, "gpus": gpus, "memory_mb": memory_mb}
    problems = [f"{name}: 0 or more, got {value}." for name, value in given.items() if not 0 <= value < _MOST]
    problems += [f'label: NAME=NUMBER, like speech=2, got "{text}".' for text in label if not _LABEL.fullmatch(text)]
    return problems


def labels(given: Sequence[str]) -> dict[str, float]:
    """Returns the amounts of the labels, by their names."""
    return {name: float(amount) for name, _, amount in (text.partition("=") for text in given)}


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
