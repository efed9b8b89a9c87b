"""`enginehouse webhook …`: shows what was sent to receivers of webhooks, and sends it again."""

import json

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.client import Client, Json, webhooks


@click.group()
def webhook() -> None:
    """List, show and repeat the deliveries of webhooks."""


@webhook.command("list")
@click.option("--status", type=click.Choice(["pending", "delivered", "failed"]), help="Only these deliveries.")
@click.option("--job", "job_id", metavar="ID", help="Only those about this job.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="The largest number to list."
)
@output.json_option
@with_client
def list_(client: Client, *, status: str | None, job_id: str | None, limit: int, as_json: bool) -> None:
    """List the deliveries, the newest first."""
    records = webhooks.deliveries(client, status=status, job_id=job_id, limit=limit)["deliveries"]
    if as_json:
        output.show_json(records)
        return
    rows = [
        (
            one["id"],
            one["eventName"],
            one.get("coreTaskID") or one.get("coreJobID"),
            one["url"],
            one["status"],
            one["attempts"],
            one.get("nextDateTime"),
            one["sentence"],
        )
        for one in records
    ]
    columns = ("delivery", "event", "about", "to", "status", "attempts", "next", "")
    output.console().print(output.table(columns, rows))


@webhook.command()
@click.argument("delivery_id")
@output.json_option
@with_client
def show(client: Client, delivery_id: str, *, as_json: bool) -> None:
    """Show a delivery: how it stands, the last answer, and the message."""
    _show(webhooks.delivery(client, delivery_id), as_json=as_json)


@webhook.command()
@click.argument("delivery_id")
@output.json_option
@with_client
def redeliver(client: Client, delivery_id: str, *, as_json: bool) -> None:
    """Send a message again at once, with the same id."""
    _show(webhooks.redeliver(client, delivery_id), as_json=as_json)


def _show(delivery: Json, *, as_json: bool) -> None:
    if as_json:
        output.show_json(delivery)
        return
    console = output.console()
    console.print(f"{delivery['eventName']} to {delivery['url']}: {delivery['sentence']}", soft_wrap=True)
    if "message" in delivery:
        console.print(json.dumps(delivery["message"], indent=2, ensure_ascii=False), soft_wrap=True, markup=False)
