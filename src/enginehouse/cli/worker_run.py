"""`enginehouse worker run`: starts a worker from flags, variables and a file, and runs it until it is stopped."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from enginehouse.cli import config_view, terminal
from enginehouse.cli.settings_options import file_options, settings_options, settled
from enginehouse.worker_settings import WorkerSettings

_setting = settings_options(WorkerSettings)
_path = click.Path(path_type=Path)


@click.command("run")
@_setting("--server", "The address of the server.", required=True, metavar="URL")
@_setting(
    "--token",
    "A token from: enginehouse token create --worker. Others on the machine can read it in a flag.",
    envvar="ENGINEHOUSE_WORKER_TOKEN",
    required=True,
)
@_setting("--name", "The worker's name in lists.  [default: that of the machine]")
@_setting("--data", "A folder for unfinished files.", type=_path, default="~/.enginehouse/worker", show_default=True)
@_setting("--executor", "Where Python engines run: local, on this machine, or ray, on a cluster.")
@_setting("--ray-address", "The head of the Ray cluster, for --executor ray.", metavar="HOST:PORT")
@_setting("--allow-open-ray", "Use a Ray cluster that has no token: whoever reaches it can run code.", is_flag=True)
@_setting("--max-hosts", "The most engines that run on the cluster at a time, in place of --python-slots.")
@_setting("--start-seconds", "How long an engine may wait for a place on the cluster before its task is given back.")
@_setting("--host-data", "A folder on the nodes for unfinished files.  [default: a temporary one]", type=_path)
@_setting("--native-slots", "Worker slots for native engines.")
@_setting("--python-slots", "Worker slots for Python engines.  [default: one per core, at least 2]", type=int)
@_setting("--http-slots", "Calls of engines over HTTP at once, from this machine; 0 for none.")
@_setting(
    "--engine-callbacks",
    "Where engines over HTTP fetch their inputs and send results; port 0 means any free one.",
    metavar="HOST:PORT",
)
@_setting("--engine-callbacks-url", "The address of that place for engines on other machines.", metavar="URL")
@_setting("--engine-api-url", "The address of the server that engines get.  [default: that of --server]", metavar="URL")
@_setting("--cpus", "The cores that engines may count on.  [default: those of the machine]", type=float)
@_setting("--gpus", "The GPUs that engines may count on.")
@_setting("--memory-mb", "The memory that engines may count on.  [default: that of the machine]", type=int)
@_setting("--label", "Another resource of this machine that engines ask for.", multiple=True, metavar="NAME=NUMBER")
@_setting("--warm-children", "Engine processes that stay warm.")
@_setting("--allow-private-urls", "Let jobs read from private and local addresses.", is_flag=True)
@_setting("--download-mb", "The most megabytes that one attempt may read from URLs.")
@_setting("--organization-download-mb", "The most megabytes of all attempts of an organization within an hour.")
@_setting("--cache-mb", "The most megabytes of inputs that are kept for other attempts.")
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
@_setting("--drain-seconds", "How long running tasks may continue when the worker stops.")
@_setting("--stop-grace-seconds", "How long a cancelled engine may take to end.")
@_setting("--log-format", "console or json.")
@_setting("--log-level", "The least level of a line: debug, info, warning or error.")
@file_options("worker")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON when the worker is ready.")
def run(*, as_json: bool, print_config: bool, **values: Any) -> None:
    """Run tasks of a server on this machine, until it is stopped.

    It needs no access to the server's database or files. Ctrl-C or SIGTERM lets running tasks end; a second one gives
    them back at once.
    """
    settings = settled(_settings, values, {"server": "http://localhost", "token": "-"})
    if print_config:
        terminal.echo("\n".join(config_view.lines("worker", settings)))
        return
    # The imports of the runtime take most of a second. A wrong flag is refused before them.
    from enginehouse.cli import worker_process  # noqa: PLC0415

    worker_process.keep_up(settings, as_json=as_json)


def _settings(given: Mapping[str, Any]) -> WorkerSettings:
    made = {"name": socket.gethostname(), **given, "data": given["data"].expanduser().absolute()}
    return WorkerSettings(**made).checked()
