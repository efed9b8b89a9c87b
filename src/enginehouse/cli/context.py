"""`enginehouse context …`: keeps servers and their tokens under names, and says which one a command would call."""

import sys
from pathlib import Path
from typing import IO, Any

import click
from click.shell_completion import CompletionItem

from enginehouse.cli import contexts, output, terminal
from enginehouse.cli.confirmation import confirm, yes_option
from enginehouse.cli.connection import ServerFlags, server_options
from enginehouse.cli.contexts import ServerContext
from enginehouse.cli.errors import CommandError
from enginehouse.cli.rows import flexible, show_rows
from enginehouse.cli.server_choice import DEFAULT_SERVER, TOKEN_VARIABLE, ServerChoice
from enginehouse.client import Client, RequestFailed

_PATIENCE = 3.0  # seconds that a new context's server may take to answer


class NameType(click.ParamType[str]):
    """The name of a context. A shell completes it."""

    name = "text"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Returns the contexts that begin so."""
        try:
            known = contexts.read().contexts.values()
        except CommandError:
            return []
        return [CompletionItem(one.name, help=one.place) for one in known if one.name.startswith(incomplete)]


@click.group()
def context() -> None:
    """Keep servers and their tokens under names.

    A command calls the server of --server, --data or --context; else that of the variables ENGINEHOUSE_SERVER,
    ENGINEHOUSE_DATA or ENGINEHOUSE_CONTEXT; else that of the context in use; else http://localhost:9000.
    """


@context.command()
@click.argument("name")
@click.option("--server", metavar="URL", help=f"The server.  [default: {DEFAULT_SERVER}, without --data]")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The data folder of a server on this machine, which has its address and its token.",
)
@click.option("--token-file", type=click.File("r"), help="Read the token from the first line of this file; - is stdin.")
@click.option("--token", help=f"The token. Others can see a flag; {TOKEN_VARIABLE} or a file is safer.")
@click.option("--use", is_flag=True, help="Use it from now on. The first context is used without it.")
@click.option("--replace", is_flag=True, help="Replace the context of this name.")
@output.json_option
def add(
    name: str,
    *,
    server: str | None,
    data: Path | None,
    token_file: IO[str] | None,
    token: str | None,
    use: bool,
    replace: bool,
    as_json: bool,
) -> None:
    """Keep a server and a token under a name. Without a token the command asks for it.

    The token is in a file that nobody else can read, and is only sent to this server.
    """
    contexts.check_name(name)
    if server is not None and data is not None:
        raise CommandError("Give --server or --data, not both.", exit_code=2)
    known = contexts.read()
    if name in known.contexts and not replace:
        raise CommandError(f'There is a context "{name}" already. Give --replace, or another name.')
    if data is not None:
        made = ServerContext(name, data=data.expanduser().absolute())
    else:
        address = _address(server or DEFAULT_SERVER)
        made = ServerContext(name, server=address, token=_token(token_file, token))
        _try(address, made.token)
    known = known.with_context(made)
    if use:
        known = contexts.ContextFile(name, known.contexts)
    contexts.write(known)
    used = known.current == name
    output.show(_record(made, used=used), f"{name}: {made.place}{', in use' if used else ''}", as_json=as_json)


@context.command("list")
@output.json_option
def list_(*, as_json: bool) -> None:
    """List the contexts."""
    known = contexts.read()
    found = sorted(known.contexts.values(), key=lambda one: one.name)
    if as_json:
        output.show_json([_record(one, used=one.name == known.current) for one in found])
        return
    rows = [
        (one.name, one.place, "kept" if one.token else "in its folder", "in use" if one.name == known.current else "")
        for one in found
    ]
    empty = "There is no context. Make one with: enginehouse context add NAME --server URL"
    show_rows(("context", flexible("server"), "token", "state"), rows, empty=empty)


@context.command()
@click.argument("name", type=NameType())
@output.json_option
def use(name: str, *, as_json: bool) -> None:
    """Use this context when neither a flag nor a variable names a server."""
    known = contexts.read()
    chosen = known.get(name)
    contexts.write(contexts.ContextFile(name, known.contexts))
    output.show(_record(chosen, used=True), f"{name}: {chosen.place}, in use", as_json=as_json)


@context.command()
@output.json_option
@server_options
def show(flags: ServerFlags, *, as_json: bool) -> None:
    """Show which server a command with these flags and variables would call, and what says so.

    A flag goes before a variable, a variable before the context in use, and that before the default. The token of a
    context or of a data folder is sent to no other server than theirs. The token itself is not shown.
    """
    chosen = flags.choice()
    record = {
        "server": chosen.server,
        "data": None if chosen.data is None else str(chosen.data),
        "serverFrom": chosen.server_source,
        "token": _has_token(chosen),
        "tokenFrom": chosen.token_source,
        "context": chosen.context,
        "file": str(contexts.path()),
    }
    if as_json:
        output.show_json(record)
        return
    token = f"from {chosen.token_source}" if chosen.token_source else "none"
    place = chosen.server or f"the server on {chosen.data}"
    facts = [("context", chosen.context), ("server", f"{place} (from {chosen.server_source})"), ("token", token)]
    output.console().print(output.facts([*facts, ("contexts in", contexts.path())]))


@context.command()
@click.argument("name", type=NameType())
@yes_option
@output.json_option
def remove(name: str, *, yes: bool, as_json: bool) -> None:
    """Forget a context and its token. The token stays valid: to end it, use token revoke."""
    known = contexts.read()
    gone = known.get(name)
    confirm(f'The context "{name}" ({gone.place}) and its token would be forgotten.', "Forget them?", yes=yes)
    contexts.write(known.without(name))
    output.show({"name": name, "removed": True}, "removed", as_json=as_json)


def _address(server: str) -> str:
    if not server.startswith(("http://", "https://")):
        raise CommandError(f'--server: http:// or https:// and a host, got "{server}".', exit_code=2)
    return server.rstrip("/")


def _token(file: IO[str] | None, flag: str | None) -> str:
    """Returns the token in the file, of the flag, or that a person types. Raises CommandError."""
    if file is not None:
        token = file.readline().strip()
    elif flag is not None:
        token = flag.strip()
    elif sys.stdin.isatty():
        token = click.prompt("token", hide_input=True, err=True).strip()
    else:
        raise CommandError("A token is needed: give --token-file FILE, or - for stdin.", exit_code=2)
    if not token:
        raise CommandError("The token is empty.", exit_code=2)
    return token


def _try(server: str, token: str | None) -> None:
    """If the server does not answer, or refuses the token, a warning is on stderr."""
    try:
        with Client(server, token, timeout=_PATIENCE) as client:
            client.graphql("{ me { id } }")
    except RequestFailed as failure:
        terminal.echo(f"warning: {' '.join(failure.message.splitlines())} The context is kept.", err=True)


def _has_token(chosen: ServerChoice) -> bool:
    return chosen.token is not None or chosen.token_data is not None


def _record(one: ServerContext, *, used: bool) -> dict[str, Any]:
    """Returns what programs see of it, without the token."""
    return {
        "name": one.name,
        "server": one.server,
        "data": None if one.data is None else str(one.data),
        "token": one.token is not None,
        "inUse": used,
    }
