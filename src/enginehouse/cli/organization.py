"""`enginehouse organization …`."""

from typing import Any

import click

from enginehouse.cli import output, pause
from enginehouse.cli.connection import at_server
from enginehouse.client import accounts, limits
from enginehouse.client.http import Connection


@click.group()
def organization() -> None:
    """Create and list organizations; share the server between them."""


pause.add_to(organization, "organizations", what="an organization")


@organization.command()
@click.argument("name")
@click.option("--default-retries", type=int, help="For tasks that say nothing themselves.")
@output.json_option
@at_server
def create(server: Connection, name: str, *, default_retries: int | None, as_json: bool) -> None:
    """Create an organization; a super administrator's token is needed."""
    made = accounts.create_organization(server, name, default_retries)
    if as_json:
        output.show_json(made)
    else:
        click.echo(made["organizationID"])


@organization.command("list")
@output.json_option
@at_server
def list_(server: Connection, *, as_json: bool) -> None:
    """List the organizations that the token may act for."""
    found = accounts.organizations(server)
    if as_json:
        output.show_json(found)
        return
    rows = [
        (one["organizationID"], one["name"], one["internalOrganizationID"], _share(one), one["createdDateTime"])
        for one in found
    ]
    output.console().print(output.table(("organization", "name", "REST id", "share", "created"), rows))


@organization.command("set")
@click.argument("organization_id", metavar="ID")
@click.option("--weight", type=int, help="Its share of the slots beside the others', 1 for an ordinary one.")
@click.option("--running-limit", metavar="NUMBER|none", help="At most so many attempts of it run at once.")
@output.json_option
@at_server
def set_(
    server: Connection, organization_id: str, *, weight: int | None, running_limit: str | None, as_json: bool
) -> None:
    """Change an organization's share of the server; a super administrator's token is needed."""
    given: dict[str, int | None] = {} if weight is None else {"weight": weight}
    if running_limit is not None:
        given["runningLimit"] = pause.limit_in(running_limit)
    changed = limits.set_organization(server, organization_id, given)
    if as_json:
        output.show_json(changed)
    else:
        click.echo(_share(changed))


def _share(one: dict[str, Any]) -> str:
    limit = one.get("runningLimit")
    words = [f"weight {one['weight']}", "" if limit is None else f"at most {limit} at once"]
    return ", ".join(filter(None, [*words, "paused" if one.get("pausedDateTime") else ""]))
