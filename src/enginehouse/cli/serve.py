"""`enginehouse serve`: starts a server from flags and environment, and runs it until it is stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from enginehouse.cli.errors import CommandError
from enginehouse.settings import Settings, UnusableSettings


def _setting(name: str, **options: Any) -> Callable[[Any], Any]:
    """Returns an option that the variable ENGINEHOUSE_<NAME> sets, too."""
    variable = "ENGINEHOUSE_" + name.removeprefix("--").upper().replace("-", "_")
    return click.option(name, envvar=variable, show_envvar=True, **options)


@click.command()
@_setting(
    "--data", type=click.Path(path_type=Path), required=True, help="The folder that holds everything the server keeps."
)
@_setting("--port", type=int, default=9000, show_default=True, help="The port to listen on; 0 means any free one.")
@_setting("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@_setting("--database", metavar="URL", help="postgresql://…; without it, an embedded database in the data folder.")
@_setting("--allow-private-urls", is_flag=True, help="Let jobs read from private and local addresses.")
@_setting("--allow-unsafe-durability", is_flag=True, help="Serve a PostgreSQL that can lose what it acknowledged.")
@_setting("--download-mb", type=int, default=2048, show_default=True, help="What one attempt may read from a URL.")
@_setting(
    "--organization-download-mb",
    type=int,
    default=20_480,
    show_default=True,
    help="What the attempts of an organization may read from URLs within an hour.",
)
@_setting(
    "--database-read-seconds", type=float, default=5.0, show_default=True, help="How long PostgreSQL may take to read."
)
@_setting(
    "--database-write-seconds",
    type=float,
    default=10.0,
    show_default=True,
    help="How long PostgreSQL may take to write.",
)
@_setting(
    "--engine-sandbox",
    default="auto",
    show_default=True,
    help="How engines are kept apart: auto, bwrap, landlock, uid or none.",
)
@_setting("--engine-read", type=click.Path(path_type=Path), multiple=True, help="What engines may read, too: models.")
@_setting(
    "--engine-write", type=click.Path(path_type=Path), multiple=True, help="What engines may change, too: caches."
)
@_setting("--native-slots", type=int, default=512, show_default=True, help="Worker slots for native engines.")
@_setting("--python-slots", type=int, help="Worker slots for Python engines.  [default: one per core, at least 2]")
@_setting("--warm-children", type=int, default=8, show_default=True, help="Engine processes that stay warm.")
@_setting(
    "--lease-seconds", type=float, default=30.0, show_default=True, help="How long a silent worker keeps its leases."
)
@_setting("--drain-seconds", type=float, default=10.0, show_default=True, help="What running tasks get when it stops.")
@_setting(
    "--stop-grace-seconds", type=float, default=10.0, show_default=True, help="What a cancelled engine gets to end."
)
@_setting("--retention-days", type=int, default=30, show_default=True, help="How long ended jobs are kept.")
@_setting("--idempotency-days", type=int, default=7, show_default=True, help="How long idempotency keys are kept.")
@_setting("--audit-retention-days", type=int, default=365, show_default=True, help="How long audit rows are kept.")
@_setting("--head-bytes", type=int, default=16384, show_default=True, help="The longest head of a request.")
@_setting("--head-lines", type=int, default=100, show_default=True, help="The most headers of a request.")
@_setting("--head-seconds", type=float, default=10.0, show_default=True, help="What the head of a request may take.")
@_setting(
    "--body-seconds", type=float, default=10.0, show_default=True, help="How far a body may fall behind its pace."
)
@_setting("--body-bytes-per-second", type=int, default=1024, show_default=True, help="The slowest pace of a body.")
@_setting(
    "--silent-seconds", type=float, default=30.0, show_default=True, help="What a connection may be open without use."
)
@_setting(
    "--connections-per-address", type=int, default=1024, show_default=True, help="The most connections of one address."
)
@_setting(
    "--silent-connections-per-address",
    type=int,
    default=256,
    show_default=True,
    help="The most of them without a request; then the oldest is closed.",
)
@_setting("--log-format", default="console", show_default=True, help="console or json.")
@click.option("--init-token", envvar="AIWARE_INIT_TOKEN", hidden=True)
@click.option("--while-stdin-is-open", is_flag=True, hidden=True)
def serve(data: Path, python_slots: int | None, while_stdin_is_open: bool, **values: Any) -> None:
    """Start a server, which runs until it is stopped.

    AIWARE_INIT_TOKEN sets the first administrator's token. Without it, the server makes one and keeps it in the data
    folder. Ctrl-C or SIGTERM lets running tasks end; a second one does not wait for them.
    """
    if python_slots is not None:
        values["python_slots"] = python_slots
    try:
        settings = Settings(data=data.expanduser().absolute(), **values).checked()
    except UnusableSettings as unusable:
        raise CommandError("; ".join(map(_as_flag, str(unusable).splitlines())), exit_code=2) from None
    # The imports of the server take most of a second. A wrong flag is refused before them.
    from enginehouse.cli import server  # noqa: PLC0415

    server.keep_up(settings, while_stdin_is_open=while_stdin_is_open)


def _as_flag(problem: str) -> str:
    name, colon, text = problem.partition(":")
    return f"--{name.replace('_', '-')}{colon}{text}"
