"""`pause` and `resume`, as jobs, engines and organizations have them."""

from typing import Any

import click

from enginehouse.cli import output
from enginehouse.cli.connection import at_server
from enginehouse.cli.problem import FailureError
from enginehouse.client import limits
from enginehouse.client.http import Connection
from enginehouse.client.limits import Noun


def add_to(group: click.Group, noun: Noun, *, what: str) -> None:
    """The group has the two commands. `what` is the thing in the words of a person: `a job`."""

    @group.command(help=f"Let nothing more of {what} start; what runs, runs on.")
    @click.argument("name", metavar="ID")
    @output.json_option
    @at_server
    def pause(server: Connection, name: str, *, as_json: bool) -> None:
        _show(limits.pause(server, noun, name), "paused", as_json=as_json)

    @group.command(help=f"Let {what} go on after a pause.")
    @click.argument("name", metavar="ID")
    @output.json_option
    @at_server
    def resume(server: Connection, name: str, *, as_json: bool) -> None:
        _show(limits.resume(server, noun, name), "resumed", as_json=as_json)


def limit_in(text: str) -> int | None:
    """The limit a person wrote; `none` is any number."""
    if text == "none":
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    raise FailureError(f'A limit is a number or "none", got "{text}".', exit_code=2)


def _show(answer: dict[str, Any], word: str, *, as_json: bool) -> None:
    if as_json:
        output.show_json(answer)
    else:
        click.echo(word)
