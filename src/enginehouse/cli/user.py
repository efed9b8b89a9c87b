"""`enginehouse user …`: also on a data folder that no server runs on, for whoever has lost the password."""

import sys
from typing import Any

import click

from enginehouse.cli import output
from enginehouse.cli.connection import Where, asking, at_server, server_options
from enginehouse.cli.problem import FailureError
from enginehouse.client import accounts
from enginehouse.client.http import Connection

_PASSWORD = click.option(
    "--password-file", type=click.File("r"), help="Read the password from the first line of this file; - is stdin."
)


@click.group()
def user() -> None:
    """Create users and set their passwords."""


@user.command()
@click.argument("name")
@_PASSWORD
@click.option(
    "--role",
    type=click.Choice(["admin", "user", "reader"]),
    default="user",
    show_default=True,
    help="What the user may do: everything, work with jobs, only look.",
)
@click.option("--organization", metavar="ID", help="Another organization than the token's own.")
@click.option("--display-name", help="How the user is shown to people.")
@click.option("--email", help="Where the user is reached.")
@output.json_option
@at_server
def create(
    server: Connection,
    name: str,
    *,
    password_file: Any,
    organization: str | None,
    display_name: str | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Create a user, who can sign in with the password that is asked for."""
    password = _password(password_file)
    made = accounts.create_user(server, name, password, organizationID=organization, displayName=display_name, **more)
    if as_json:
        output.show_json(made)
    else:
        click.echo(made["userID"])


@user.command()
@click.argument("name")
@_PASSWORD
@click.option("--database", metavar="URL", help="Change it in this PostgreSQL database itself.")
@output.json_option
@server_options
def password(where: Where, name: str, *, password_file: Any, database: str | None, as_json: bool) -> None:
    """Set a user's password; the user's sessions are over.

    With --data and no server running there, or with --database, the database itself is opened: whoever owns the
    machine sets a lost password again.
    """
    wanted = _password(password_file)
    unattended = where.unattended()
    if database is not None or unattended is not None:
        # The server's own imports, which nothing else here needs.
        from enginehouse.cli import offline  # noqa: PLC0415

        offline.set_password(unattended, database, name, wanted)
    else:
        with asking(where) as server:
            accounts.set_password(server, name, wanted)
    if as_json:
        output.show_json({"success": True, "name": name})
    else:
        click.echo(f"the password of {name} is set")


def _password(file: Any) -> str:
    """From the file, or asked for twice where somebody can type."""
    if file is not None:
        return str(file.readline()).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise FailureError("A password is needed: give --password-file FILE, or - for stdin.", exit_code=2)
    typed: str = click.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    return typed
