"""`enginehouse user …`: create users and set their passwords, also in a database that no server runs on."""

import sys
from typing import IO, Any

import click

from enginehouse.cli import output
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import ServerFlags, connect, server_options, with_client
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_types import USER
from enginehouse.cli.near_words import did_you_mean
from enginehouse.cli.offline_options import config_option, of_file
from enginehouse.cli.options import organization_option
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import Column, flexible, show_rows
from enginehouse.client import Client, accounts

_password_option = click.option(
    "--password-file", type=click.File("r"), help="Read the password from the first line of this file; - is stdin."
)


@click.group()
def user() -> None:
    """Create, list and delete users, and set their passwords."""


@user.command()
@click.argument("name")
@_password_option
@click.option(
    "--role",
    type=click.Choice(["admin", "user", "reader"]),
    default="user",
    show_default=True,
    help="An admin does everything, a user works with jobs, a reader only reads.",
)
@organization_option
@click.option("--display-name", help="The name that people see.")
@click.option("--email", help="The user's e-mail address.")
@output.json_option
@with_client
def create(
    client: Client,
    name: str,
    *,
    password_file: IO[str] | None,
    organization: str | None,
    display_name: str | None,
    as_json: bool,
    **fields: Any,
) -> None:
    """Create a user. The command asks for the password."""
    password = _read_password(password_file)
    record = accounts.create_user(
        client, name, password, organizationID=organization, displayName=display_name, **fields
    )
    output.show(record, record["userID"], as_json=as_json)


@user.command("list")
@organization_option
@output.json_option
@with_client
def list_(client: Client, *, organization: str | None, as_json: bool) -> None:
    """List the users whom you manage. The token must be an administrator's."""
    records = accounts.users(client, organization=organization)
    if as_json:
        output.show_json(records)
        return
    rows = [
        (
            one["name"],
            ", ".join(role["name"] for role in one["roles"] or ()),
            one["status"],
            one["organizationId"],
            ago(one["lastLoginDateTime"]) or "never",
            ago(one["createdDateTime"]),
            one["id"],
        )
        for one in records
    ]
    columns = (flexible("name"), "role", "status", "organization", "signed in", "created", Column("id", optional=True))
    show_rows(columns, rows, empty="There is no user.")


@user.command()
@click.argument("name", type=USER, metavar="NAME|ID")
@yes_option
@output.json_option
@with_client
def delete(client: Client, name: str, *, yes: bool, as_json: bool) -> None:
    """Delete a user: nobody signs in with this name any more, and the user's tokens end. What it has made stays."""
    known = accounts.users(client)
    found = [one for one in known if name in (one["id"], one["name"])]
    if len(found) != 1:
        near = did_you_mean(name, {one["name"]: one for one in known})
        why = f"was not found.{near}" if not found else "is the name of several users. Give an id."
        raise CommandError(f'User "{name}" {why} See: enginehouse user list')
    [one] = found
    confirm(f"The user {one['name']} of organization {one['organizationId']} would be deleted.", "Delete?", yes=yes)
    accounts.delete_user(client, one["id"])
    output.show({"id": one["id"], "name": one["name"], "deleted": True}, "deleted", as_json=as_json)


@user.command()
@click.argument("name")
@_password_option
@click.option("--database", metavar="URL", help="Change the password in this PostgreSQL database, without a server.")
@output.json_option
@config_option
@server_options
def password(
    flags: ServerFlags,
    name: str,
    *,
    password_file: IO[str] | None,
    database: str | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Set a user's password. The user's sessions end.

    With --database, or with --data when no server runs there, the command opens the database itself. So the owner of
    the machine can replace a lost password.
    """
    new_password = _read_password(password_file)
    data = flags.offline_data()
    if database is not None or data is not None:
        # The server's own imports, which nothing else here needs.
        from enginehouse.cli import offline  # noqa: PLC0415

        if data is not None:
            database = of_file(config, data, database)
        offline.set_password(data, database, name, new_password)
    else:
        with connect(flags) as client:
            accounts.set_password(client, name, new_password)
    output.show({"success": True, "name": name}, f"the password of {name} is set", as_json=as_json)


def _read_password(file: IO[str] | None) -> str:
    """Returns the password in the file, or the one that a person types twice. Raises CommandError."""
    if file is not None:
        return file.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError("A password is needed: give --password-file FILE, or - for stdin.", exit_code=2)
    typed: str = click.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    return typed
