"""`enginehouse worker …`: lists the workers, drains and resumes them, and runs one."""

import click

from enginehouse.cli import output
from enginehouse.cli.connection import with_client
from enginehouse.cli.id_types import WORKER
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import flexible, optional, show_rows
from enginehouse.cli.worker_run import run
from enginehouse.client import Client, Json, why


@click.group()
def worker() -> None:
    """List, drain and resume workers, and run one on this machine."""


worker.add_command(run)


@worker.command("list")
@output.json_option
@with_client
def list_(client: Client, *, as_json: bool) -> None:
    """List the workers: their worker slots, how many attempts they run, and when they were last heard of.

    A worker that misses three heartbeats is gone. Only administrators see the names.
    """
    records = why.workers(client)
    if as_json:
        output.show_json(records)
        return
    rows = [
        (
            one["workerID"],
            one.get("name"),
            _state(one),
            one["running"],
            ago(one["seenDateTime"]),
            ", ".join(f"{count} {pool}" for pool, count in sorted(one["slots"].items()) if count),
            len(one["engineIDs"]),
            ", ".join(f"{amount:g} {name}" for name, amount in one["resources"].items()),
        )
        for one in records
    ]
    more = (optional("worker slots"), optional("engines"), optional("resources"))
    titles = ("worker", flexible("name"), "state", "running", "seen", *more)
    show_rows(titles, rows, empty="No worker has sent a heartbeat within a day.")


@worker.command()
@click.argument("worker_id", type=WORKER, metavar="ID")
@click.option("--detail", help="Why, for those who look at the worker.")
@output.json_option
@with_client
def drain(client: Client, *, worker_id: str, detail: str | None, as_json: bool) -> None:
    """Let a worker take no more work. What it runs ends as usual.

    It stays drained when it is started again, until it is resumed. Only for super administrators.
    """
    output.show(why.drain(client, worker_id, detail), "drained", as_json=as_json)


@worker.command()
@click.argument("worker_id", type=WORKER, metavar="ID")
@output.json_option
@with_client
def resume(client: Client, *, worker_id: str, as_json: bool) -> None:
    """Let a drained worker take work again."""
    output.show(why.resume(client, worker_id), "resumed", as_json=as_json)


def _state(one: Json) -> str:
    if not one["connected"]:
        return "gone, drained" if one["drained"] else "gone"
    return "drained" if one["drained"] else "connected"
