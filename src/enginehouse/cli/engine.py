"""`enginehouse engine …`: lists, adds, tests and removes engines, and limits how many attempts of one may run."""

from typing import Any

import click

from enginehouse.cli import output
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import with_client, with_client_of_server
from enginehouse.cli.engine_new import new
from enginehouse.cli.engine_reload import reload
from enginehouse.cli.engine_run import run_once
from enginehouse.cli.engine_try import try_once
from enginehouse.cli.errors import CommandError
from enginehouse.cli.id_types import ENGINE
from enginehouse.cli.limits import add_pause_commands
from enginehouse.cli.near_words import did_you_mean
from enginehouse.cli.options import engine_id, number_or_none
from enginehouse.cli.relative_time import ago
from enginehouse.cli.rows import Column, flexible, show_rows
from enginehouse.client import Client, Json, engines, limits, overview


@click.group()
def engine() -> None:
    """List engines; make one; add one over HTTP; try, test, limit and pause them."""


add_pause_commands(
    engine,
    "engines",
    pause_help="Let nothing more of an engine start; what runs continues.",
    resume_help="End the pause of an engine.",
)


for command in (run_once, new, try_once, reload):
    engine.add_command(command)


@engine.command()
@output.json_option
@with_client
def numbers(client: Client, *, as_json: bool) -> None:
    """Show what waits for each engine, what runs of it, and what has failed within the hour."""
    records = overview.engine_numbers(client)
    if as_json:
        output.show_json(records)
        return
    rows = [
        (
            one["engineName"],
            one["state"],
            one["waiting"],
            one["running"],
            one["runningLimit"],
            ", ".join(f"{tasks} {reason}" for reason, tasks in one["failures"].items()) or None,
            one["unavailable"] or (None if one["offered"] else "no connected worker takes its work"),
        )
        for one in records
    ]
    failed, why = flexible("failed within the hour"), flexible("remark")
    titles = (flexible("engine"), "state", "waiting", "running", "limit", failed, why)
    show_rows(titles, rows, empty="There is no engine.")


@engine.command()
@click.argument("name")
@click.option("--url", required=True, help="Where the engine answers, such as http://127.0.0.1:8080.")
@click.option("--ready", metavar="PATH", help="The path of its readiness check.  [default: /ready]")
@click.option("--process", metavar="PATH", help="The path that gets the work.  [default: /process]")
@click.option("--category", metavar="NAME|ID", help="Its category.  [default: Other]")
@click.option("--description", help="What it does.")
@click.option("--concurrency", type=int, help="How many calls run at once, of all servers together.  [default: 1]")
@click.option(
    "--mode", type=click.Choice(["chunk", "stream", "batch"]), help="How it takes its input.  [default: chunk]"
)
@click.option(
    "--input",
    "inputs",
    metavar="TYPE",
    multiple=True,
    help="A media type that it takes, such as text/plain or audio/*.  [default: any; a batch engine takes none]",
)
@click.option(
    "--needs",
    metavar="NAME[=NUMBER]",
    multiple=True,
    help="A label of the machine from which it is called, such as a network that only a worker reaches.",
)
@click.option("--public", is_flag=True, help="For every organization; only a super administrator may do that.")
@output.json_option
@with_client_of_server
def add(
    client: Client,
    *,
    name: str,
    url: str,
    inputs: tuple[str, ...],
    needs: tuple[str, ...],
    public: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Add an engine over HTTP: a program that answers GET ready and POST process. Prints its id.

    An operator, who is a super administrator, may give any address; others only public ones.
    """
    fields: Json = {"name": name, "url": url} | {field: value for field, value in given.items() if value is not None}
    if inputs:
        fields["inputs"] = list(inputs)
    if needs:
        fields["needs"] = {label: _amount(label, text) for label, _, text in (one.partition("=") for one in needs)}
    if public:
        fields["public"] = True
    added = engines.add(client, fields)
    output.show(added, added["engineID"], as_json=as_json)


def _amount(label: str, text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        raise CommandError(f"--needs {label}: a number, got {text!r}.", exit_code=2) from None


@engine.command()
@click.argument("name", type=ENGINE, metavar="ID")
@output.json_option
@with_client
def show(client: Client, name: str, *, as_json: bool) -> None:
    """Show one engine: where it answers, how many calls run at once, and whether it is available."""
    found = engines.get(client, engine_id(client, name))
    if as_json:
        output.show_json(found)
        return
    address, unavailable = found.get("address"), found.get("unavailable")
    rows = [
        ("engine", found.get("slug")),
        ("id", found["engineID"]),
        ("name", found["name"]),
        ("description", found["description"] or None),
        ("kind", f"{found['kind']}, {found['mode']}"),
        ("state", found["state"]),
        ("installed", "yes" if found["installed"] else "no: no connected server or worker has it"),
        ("running limit", str(found.get("runningLimit", "none"))),
        ("inputs", ", ".join(found["inputs"]) or "none"),
    ]
    if address is not None:
        rows += [(what, f"{address['url'].rstrip('/')}{address[what]}") for what in ("ready", "process")]
    if unavailable is not None:
        rows.append(("not available", f"{unavailable['reason']}; tried again {ago(unavailable['nextTryDateTime'])}"))
    output.console().print(output.facts(rows))


@engine.command()
@click.argument("name", type=ENGINE, metavar="ID")
@yes_option
@output.json_option
@with_client
def remove(client: Client, name: str, *, yes: bool, as_json: bool) -> None:
    """Remove an engine of the organization, or a public one over HTTP: no job may name it any more."""
    removed = engine_id(client, name)
    shown = engines.get(client, removed)["name"]
    confirm(f'The engine "{shown}" ({removed}) would be removed.', "Remove it?", yes=yes)
    engines.remove(client, removed)
    output.show({"engineID": removed, "removed": True}, "removed", as_json=as_json)


@engine.command("list")
@click.option("--name", help="Only engines with this in their names.")
@click.option("--category", help="Only engines of this category: its name or id.")
@output.json_option
@with_client
def list_(client: Client, *, name: str | None, category: str | None, as_json: bool) -> None:
    """List the engines that jobs may name, by their slugs: short names. An engine without one shows its id."""
    records = engines.search(client, name, category=None if category is None else _category_id(client, category))
    if as_json:
        output.show_json(records)
        return
    rows = [
        (
            one["slug"] or one["id"],
            one["name"],
            (one["category"] or {}).get("name"),
            (one["mode"] or "").lower(),
            _state(one),
            one["id"],
        )
        for one in records
    ]
    titles = ("engine", flexible("name"), flexible("category"), "mode", flexible("state"), Column("id", optional=True))
    show_rows(titles, rows, empty="No engine is like that. See: enginehouse engine list")


def _category_id(client: Client, name: str) -> str:
    """Returns the id of the category with this id or name. Raises CommandError, RequestFailed."""
    known: dict[str, str] = {one["name"]: one["id"] for one in engines.categories(client)}
    by_fold = {word.casefold(): id_ for named, id_ in known.items() for word in (named, id_)}
    found = by_fold.get(name.casefold())
    if found is None:
        names = ", ".join(sorted(known))
        raise CommandError(
            f'--category: "{name}" was not found.{did_you_mean(name, dict.fromkeys(known))} The categories: {names}.'
        )
    return found


@engine.command()
@click.argument("name", type=ENGINE, metavar="ID")
@click.argument("limit", metavar="NUMBER|none")
@output.json_option
@with_client
def limit(client: Client, name: str, limit: str, *, as_json: bool) -> None:
    """Limit how many attempts of an engine run at once, of all organizations together."""
    limited = limits.limit_engine(client, engine_id(client, name), number_or_none(limit))
    output.show(limited, f"running limit: {limited.get('runningLimit', 'none')}", as_json=as_json)


def _state(engine: Json) -> str:
    unavailable = engine["unavailable"]
    if unavailable is not None:
        return f"not available: {unavailable['reason']}"
    return str(engine["state"]) if engine["installed"] or engine["state"] != "active" else "not installed"
