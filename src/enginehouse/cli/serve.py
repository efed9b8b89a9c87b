"""`enginehouse serve`: starts a server from flags, variables and a file, and runs it until it is stopped."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from enginehouse.cli import config_view, terminal
from enginehouse.cli.settings_options import file_in_use, file_options, settings_options, settled
from enginehouse.settings import Settings

_setting = settings_options(Settings)
_path = click.Path(path_type=Path)


@click.command()
@_setting("--data", "The folder that holds everything the server keeps.", type=_path, required=True)
@_setting("--port", "The port to listen on; 0 means any free one.")
@_setting("--host", "The address to listen on.")
@_setting("--processes", "Server processes that share the port and the work; more than 1 need --database.")
@_setting("--database", "postgresql://…; without it, an embedded database in the data folder.", metavar="URL")
@_setting(
    "--artifacts",
    "Where the bytes are: s3://bucket/prefix, or a folder; without it, a folder in the data folder. "
    "AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say how to reach a bucket.",
    metavar="PLACE",
)
@_setting("--artifacts-cache-mb", "The most megabytes of local copies of bytes in a bucket.")
@_setting("--artifacts-redirect", "Let readers of signed URLs and workers go straight to the bucket.", is_flag=True)
@_setting(
    "--allow-private-urls", "Let jobs read from private and local addresses, and webhooks call them.", is_flag=True
)
@_setting("--allow-unsafe-durability", "Serve a PostgreSQL that can lose what it acknowledged.", is_flag=True)
@_setting("--download-mb", "The most megabytes that one attempt may read from URLs.")
@_setting("--organization-download-mb", "The most megabytes of all attempts of an organization within an hour.")
@_setting("--database-read-seconds", "How long PostgreSQL may take to read.")
@_setting("--database-write-seconds", "How long PostgreSQL may take to write.")
@_setting("--engine-sandbox", "How engines are kept apart: auto, bwrap, landlock, uid or none.")
@_setting("--engine-read", "A file or folder that engines may also read, such as a model.", type=_path, multiple=True)
@_setting(
    "--engine-write", "A file or folder that engines may also change, such as a cache.", type=_path, multiple=True
)
@_setting(
    "--engines",
    "A file that names further Python environments with engines.  [default: engines.toml in the data folder]",
    type=_path,
    metavar="FILE",
)
@_setting("--native-slots", "Worker slots for native engines.")
@_setting("--python-slots", "Worker slots for Python engines.  [default: one per core, at least 2]", type=int)
@_setting("--http-slots", "Calls of engines over HTTP at once.")
@_setting(
    "--engine-callbacks",
    "Where engines over HTTP fetch their inputs and send results; port 0 means any free one.",
    metavar="HOST:PORT",
)
@_setting("--engine-callbacks-url", "The address of that place for engines on other machines.", metavar="URL")
@_setting("--engine-api-url", "The address of this server that engines get.  [default: its own]", metavar="URL")
@_setting("--cpus", "The cores that engines may count on.  [default: those of the machine]", type=float)
@_setting("--gpus", "The GPUs that engines may count on.")
@_setting("--memory-mb", "The memory that engines may count on.  [default: that of the machine]", type=int)
@_setting("--label", "Another resource of this machine that engines ask for.", multiple=True, metavar="NAME=NUMBER")
@_setting("--warm-children", "Engine processes that stay warm.")
@_setting("--lease-seconds", "How long a worker that sends no heartbeat keeps its leases.")
@_setting("--drain-seconds", "How long running tasks may continue when the server stops.")
@_setting("--stop-grace-seconds", "How long a cancelled engine may take to end.")
@_setting("--retention-days", "How long ended jobs are kept.")
@_setting("--idempotency-days", "How long idempotency keys are kept.")
@_setting("--audit-retention-days", "How long audit rows are kept.")
@_setting("--signed-url-seconds", "How long a signed URL works.")
@_setting("--signed-upload-mb", "The largest upload to a signed URL.")
@_setting("--export-days", "How long the zip of an export is kept.")
@_setting("--head-bytes", "The longest head of a request.")
@_setting("--head-lines", "The most headers of a request.")
@_setting("--head-seconds", "How long the head of a request may take.")
@_setting("--body-seconds", "How long a body may be behind its slowest pace.")
@_setting("--body-bytes-per-second", "The slowest pace of a body.")
@_setting("--silent-seconds", "How long a connection may be open without a request.")
@_setting("--connections-per-address", "The most connections of one address.")
@_setting(
    "--silent-connections-per-address",
    "The most connections of one address that wait for a request; then the oldest is closed.",
)
@_setting("--token-requests", "The most requests with one token in 10 seconds; 0 for any number.")
@_setting("--organization-requests", "The most requests of an organization in 10 seconds; 0 for any number.")
@_setting(
    "--trusted-proxy",
    "A load balancer's address or network, whose X-Forwarded-For and X-Forwarded-Proto count.",
    multiple=True,
    metavar="ADDRESS",
)
@_setting(
    "--cors-origin",
    "Whose web pages may call the API: origins, separated by commas, or *; an empty value means none.",
    multiple=True,
    default=("*",),
    show_default="*",
    metavar="ORIGIN",
)
@_setting(
    "--oidc", "A file about the identity provider at which people sign in (OpenID Connect).", type=_path, metavar="FILE"
)
@_setting(
    "--metrics",
    "Who may read GET /metrics: whoever has a token (of the server's administrator, or ENGINEHOUSE_METRICS_TOKEN), or "
    "everybody: open.",
)
@_setting(
    "--traces",
    "Send spans to a collector by OTLP over HTTP: on, off, or auto, if OTEL_EXPORTER_OTLP_ENDPOINT names one.",
)
@_setting("--log-format", "console or json.")
@_setting(
    "--log-level", "The least level of a line: debug (also every request and end of a job), info, warning or error."
)
@_setting("--metrics-token", "Opens GET /metrics. Others on the machine can read it in a flag.", hidden=True)
@_setting("--init-token", "The first administrator's token.", envvar="AIWARE_INIT_TOKEN", hidden=True)
@_setting("--secret-key", "The secret key of the server.", hidden=True)
@file_options("serve")
@click.option("--while-stdin-is-open", is_flag=True, hidden=True)
def serve(while_stdin_is_open: bool, print_config: bool, **values: Any) -> None:
    """Start a server, which runs until it is stopped.

    AIWARE_INIT_TOKEN sets the first administrator's token. Without it, the server makes one and keeps it in the data
    folder. Ctrl-C or SIGTERM lets running tasks end; a second one does not wait for them.
    """
    settings = settled(_settings, values, {"data": Path()})
    if print_config:
        terminal.echo("\n".join(config_view.lines("serve", settings)))
        return
    # The imports of the server take most of a second. A wrong flag is refused before them.
    module = "server" if settings.processes == 1 else "server_processes"
    keep_up = import_module(f"enginehouse.cli.{module}").keep_up
    file = file_in_use()
    keep_up(settings, config=file.path if file is not None else None, while_stdin_is_open=while_stdin_is_open)


def _settings(given: Mapping[str, Any]) -> Settings:
    made = {**given, "data": given["data"].expanduser().absolute()}
    if "cors_origin" in made:
        made["cors_origin"] = _origins(made["cors_origin"])
    return Settings(**made).checked()


def _origins(given: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the origins of all values, without spaces and final slashes. An empty variable is a value too."""
    source = click.get_current_context().get_parameter_source("cors_origin")
    if source is not ParameterSource.COMMANDLINE and os.environ.get("ENGINEHOUSE_CORS_ORIGIN") == "":
        return ()
    parts = [part.strip().rstrip("/").lower() for value in given for part in value.split(",")]
    return tuple(part for part in parts if part)
