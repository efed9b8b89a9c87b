"""`enginehouse engine reload`: every server reads its installed engines again, without a restart."""

import time
from typing import Final

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.human_time import LENGTH
from enginehouse.client import Client, Json, engines

_PAUSE: Final = 0.1  # seconds between two looks


@click.command()
@click.option(
    "--timeout", type=LENGTH, default="3 min", show_default=True, metavar="LENGTH", help="How long to wait for servers."
)
@output.json_option
@with_client
def reload(client: Client, *, timeout: int, as_json: bool) -> None:
    """Let every server read its installed engines again, after a package was installed, upgraded or removed.

    Running tasks end with the engine with which they began. Work of an engine that is gone waits. Only a super
    administrator may do that. The exit code is 1 if a server has not done it in time.
    """
    started = engines.reload(client)
    until = time.monotonic() + timeout
    found = started
    while _late(found, started["number"]) and time.monotonic() < until:
        time.sleep(_PAUSE)
        found = engines.reloaded(client)
    if as_json:
        output.show_json(found)
    else:
        _show(found)
    if late := _late(found, started["number"]):
        names = ", ".join(server["name"] for server in late)
        raise CommandError(
            f"Not done within {timeout:g} s: {names}. What they find will be in: GET /api/v1/engine-reload"
        )


def _late(found: Json, number: int) -> list[Json]:
    """Returns the servers that have not done this reload. After a later one, they need not show this one."""
    return [server for server in found["servers"] if not server["reloaded"]] if found["number"] == number else []


def _show(found: Json) -> None:
    console = output.console()
    if not found["servers"]:
        console.print("No connected server has a worker slot, so none runs installed engines.")
    for server in found["servers"]:
        said = [f"{server['engines']} installed engines" if server["engines"] != 1 else "1 installed engine"]
        said += [f"{word}: {', '.join(server[field])}" for word, field in _CHANGES if server[field]]
        console.print(f"{server['name']}: {'; '.join(said)}", markup=False)
        for problem in server["problems"]:
            console.print(f"  not used: {problem}", markup=False, soft_wrap=True)


_CHANGES: Final = (("new", "added"), ("changed", "changed"), ("gone", "removed"))
