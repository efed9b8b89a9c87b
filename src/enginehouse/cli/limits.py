"""The commands `pause` and `resume` of jobs, schedules, engines and organizations."""

from typing import Final

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_types import ENGINE, JOB, ORGANIZATION, SCHEDULE
from enginehouse.cli.options import engine_id
from enginehouse.client import Client, limits
from enginehouse.client.limits import Noun

_TYPES: Final = {"jobs": JOB, "schedules": SCHEDULE, "engines": ENGINE, "organizations": ORGANIZATION}


def add_pause_commands(group: click.Group, noun: Noun, *, pause_help: str, resume_help: str) -> None:
    """The group has the two commands."""

    @group.command(help=pause_help)
    @click.argument("name", type=_TYPES[noun], metavar="ID")
    @output.json_option
    @with_client
    def pause(client: Client, name: str, *, as_json: bool) -> None:
        output.show(limits.pause(client, noun, _id(client, noun, name)), "paused", as_json=as_json)

    @group.command(help=resume_help)
    @click.argument("name", type=_TYPES[noun], metavar="ID")
    @output.json_option
    @with_client
    def resume(client: Client, name: str, *, as_json: bool) -> None:
        output.show(limits.resume(client, noun, _id(client, noun, name)), "resumed", as_json=as_json)


def _id(client: Client, noun: Noun, name: str) -> str:
    """Returns the id: an engine may also be named by its slug or a part of its name. Raises CommandError."""
    return engine_id(client, name) if noun == "engines" else name
