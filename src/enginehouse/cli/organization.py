"""`enginehouse organization …`: creates organizations, and sets how they share the server."""

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_types import ORGANIZATION
from enginehouse.cli.limits import add_pause_commands
from enginehouse.cli.options import number_or_none
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import Column, flexible, show_rows
from enginehouse.client import Client, Json, accounts, limits


@click.group()
def organization() -> None:
    """Create and list organizations; share the server between them."""


add_pause_commands(
    organization,
    "organizations",
    pause_help="Let nothing more of an organization start; what runs continues.",
    resume_help="End the pause of an organization.",
)


@organization.command()
@click.argument("name")
@click.option("--default-retries", type=int, help="The retries of a task that does not set its own.")
@output.json_option
@with_client
def create(client: Client, name: str, *, default_retries: int | None, as_json: bool) -> None:
    """Create an organization. The token must be a super administrator's."""
    record = accounts.create_organization(client, name, default_retries=default_retries)
    output.show(record, record["organizationID"], as_json=as_json)


@organization.command("list")
@output.json_option
@with_client
def list_(client: Client, *, as_json: bool) -> None:
    """List the organizations that the token may act for."""
    records = accounts.organizations(client)
    if as_json:
        output.show_json(records)
        return
    rows = [
        (one["organizationID"], one["name"], _share(one), ago(one["createdDateTime"]), one["internalOrganizationID"])
        for one in records
    ]
    titles = ("organization", flexible("name"), "share", "created", Column("REST id", optional=True))
    show_rows(titles, rows, empty="There is no organization.")


@organization.command("set")
@click.argument("organization_id", type=ORGANIZATION, metavar="ID")
@click.option("--weight", type=int, help="Its share of the worker slots. An ordinary organization has weight 1.")
@click.option("--running-limit", metavar="NUMBER|none", help="How many attempts of it may run at once.")
@output.json_option
@with_client
def set_(client: Client, organization_id: str, *, weight: int | None, running_limit: str | None, as_json: bool) -> None:
    """Change an organization's share of the server. The token must be a super administrator's."""
    changes: Json = {} if weight is None else {"weight": weight}
    if running_limit is not None:
        changes["runningLimit"] = number_or_none(running_limit)
    record = limits.set_organization(client, organization_id, changes)
    output.show(record, _share(record), as_json=as_json)


def _share(organization: Json) -> str:
    limit = organization.get("runningLimit")
    words = [f"weight {organization['weight']}", "" if limit is None else f"at most {limit} at once"]
    return ", ".join(filter(None, [*words, "paused" if organization.get("pausedDateTime") else ""]))
