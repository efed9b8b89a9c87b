"""`enginehouse webhook …`: shows what was sent to receivers of webhooks, sends it again, and replaces secrets."""

import json

import click

from enginehouse.cli import output, terminal
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_types import DELIVERY, JOB
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import flexible, optional, show_rows
from enginehouse.client import Client, Json, webhooks


@click.group()
def webhook() -> None:
    """List, show and repeat the deliveries of webhooks, and replace the secrets that sign them."""


@webhook.command("list")
@click.option("--status", type=click.Choice(["pending", "delivered", "failed"]), help="Only these deliveries.")
@click.option("--job", "job_id", type=JOB, metavar="ID", help="Only those about this job.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The largest number to list.")
@click.option("--all", "every", is_flag=True, help="List all of them, whatever their number.")
@output.json_option
@with_client
def list_(client: Client, *, status: str | None, job_id: str | None, limit: int, every: bool, as_json: bool) -> None:
    """List the deliveries, the newest first."""
    most = None if every else limit + 1
    records = list(webhooks.newest(client, status=status, job_id=job_id, limit=most))
    more = not every and len(records) > limit
    records = records if every else records[:limit]
    if as_json:
        output.show_json(records)
        return
    rows = [
        (
            one["id"],
            one["eventName"],
            one.get("coreTaskID") or one.get("coreJobID"),
            one["status"],
            one["attempts"],
            ago(one.get("nextDateTime")),
            one["url"],
            one["sentence"],
        )
        for one in records
    ]
    ends = ("attempts", "next", flexible("to"), optional("answer"))
    columns = ("delivery", flexible("event"), flexible("about"), "status", *ends)
    show_rows(columns, rows, empty="No message was sent.")
    if more:
        terminal.echo(f"There are more than {limit}. --limit or --all shows them.", err=True)


@webhook.command()
@click.argument("delivery_id", type=DELIVERY)
@output.json_option
@with_client
def show(client: Client, delivery_id: str, *, as_json: bool) -> None:
    """Show a delivery: how it stands, the last answer, and the message."""
    _show(webhooks.delivery(client, delivery_id), as_json=as_json)


@webhook.command()
@click.argument("delivery_id", type=DELIVERY)
@output.json_option
@with_client
def redeliver(client: Client, delivery_id: str, *, as_json: bool) -> None:
    """Send a message again at once, with the same id."""
    _show(webhooks.redeliver(client, delivery_id), as_json=as_json)


@webhook.command()
@click.argument("subscription_id", required=False)
@output.json_option
@with_client
def rotate(client: Client, subscription_id: str | None, *, as_json: bool) -> None:
    """Make a new secret for a subscription, or without one for the notificationUris of all jobs, and show it once.

    The secret before signs too for one more day.
    """
    secret = webhooks.rotate_secret(client, subscription_id)
    if as_json:
        output.show_json({"secret": secret})
        return
    terminal.echo_raw(secret)
    terminal.echo("It is not shown again. The secret before signs too for one more day.", err=True)


def _show(delivery: Json, *, as_json: bool) -> None:
    if as_json:
        output.show_json(delivery)
        return
    console = output.console()
    console.print(f"{delivery['eventName']} to {delivery['url']}: {delivery['sentence']}", soft_wrap=True)
    if "message" in delivery:
        console.print(json.dumps(delivery["message"], indent=2, ensure_ascii=False), soft_wrap=True, markup=False)
