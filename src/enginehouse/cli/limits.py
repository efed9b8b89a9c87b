"""The commands `pause` and `resume` of jobs, schedules, engines and organizations."""

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.client import Client, limits
from enginehouse.client.limits import Noun


def add_pause_commands(group: click.Group, noun: Noun, *, pause_help: str, resume_help: str) -> None:
    """The group has the two commands."""

    @group.command(help=pause_help)
    @click.argument("name", metavar="ID")
    @output.json_option
    @with_client
    def pause(client: Client, name: str, *, as_json: bool) -> None:
        output.show(limits.pause(client, noun, name), "paused", as_json=as_json)

    @group.command(help=resume_help)
    @click.argument("name", metavar="ID")
    @output.json_option
    @with_client
    def resume(client: Client, name: str, *, as_json: bool) -> None:
        output.show(limits.resume(client, noun, name), "resumed", as_json=as_json)
