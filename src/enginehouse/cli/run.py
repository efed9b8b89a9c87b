"""`enginehouse run`: runs a pipeline on a file, a URL or the sample, on a standing server or one of its own."""

import shlex
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click
from click.core import ParameterSource
from rich.console import Console

from enginehouse.cli import config_view, curl, output, summary, terminal
from enginehouse.cli.child_server import ChildServer
from enginehouse.cli.connection import ServerFlags, as_error, connect, server_options
from enginehouse.cli.errors import CommandError
from enginehouse.cli.run_job import CompleteRun, open_input, run_job
from enginehouse.cli.settings_options import file_options, settings_options, settled
from enginehouse.cli.transfer import opened_with_bar
from enginehouse.client import Client, RequestFailed

_RESULTS = "enginehouse-results"
_USUAL_PORT = 9000
_setting = settings_options()


@dataclass(frozen=True, slots=True)
class _OwnServer:
    """What is wanted of a server of this command's own. `data` keeps everything; None stands for a temporary folder."""

    data: Path | None
    port: int | None
    keep: bool
    allow_private_urls: bool


@click.command()
@click.argument("source", metavar="[FILE|URL]", required=False)
@_setting("--pipeline", "What to do with it.", default="understand", show_default=True)
@_setting("--own", "Use a server of its own, whatever server is configured.", is_flag=True)
@_setting("--port", "The own server's port.  [default: any free port; 9000 with --keep]", type=int)
@_setting("--keep", "Keep the own server running afterwards, until Ctrl-C.", is_flag=True)
@_setting("--allow-private-urls", "Let jobs of the own server read private and local addresses.", is_flag=True)
@file_options("run")
@output.json_option
@server_options
def run(
    flags: ServerFlags,
    source: str | None,
    *,
    pipeline: str,
    own: bool,
    port: int | None,
    keep: bool,
    allow_private_urls: bool,
    print_config: bool,
    as_json: bool,
) -> None:
    """Run a pipeline on a file, an http(s) URL, or the sample.

    It runs on the server that is configured, as for every other command, or else on one of its own, which is gone
    afterwards. --data names the folder of a server; if none runs there, an own one keeps everything in it.

    The pipeline understand reads the text of a document (text, Markdown, HTML, PDF, DOCX, a table …), cuts it into
    chunks, finds the language, the sentiment and the keywords of each, and collates everything into one AION document.
    Sound and video are transcribed first. The bytes say what the file is, not its name.

    Other settings of the own server are variables, as for `enginehouse serve`; its database and its bytes are always in
    its own folder.
    """
    settled(dict, {}, {})  # refuses what is wrong in variables and the file
    if print_config:
        terminal.echo("\n".join(config_view.lines("run", None)))
        return
    signal.signal(signal.SIGTERM, _interrupt)
    console = output.console(err=as_json)
    typed = _typed("own", "port", "keep", "allow_private_urls")
    if typed and flags.is_typed():
        raise CommandError(f"{typed[0]} is for a server of this command's own; leave --server out.", exit_code=2)
    with open_input(source) as run_input:
        if not typed and not own and flags.names_server():
            with connect(flags) as client:
                complete = run_job(client, pipeline, run_input, Path(_RESULTS), console)
            _show(console, complete, f"\nIn a browser: {client.url}/jobs/{complete.job_id}", as_json=as_json)
            return
        server_wanted = _OwnServer(flags.offline_data(), port, keep, allow_private_urls)
        with (
            _own_server(server_wanted, console) as (server, folder),
            Client(server.url, server.token, open_file=opened_with_bar) as client,
        ):
            results = server_wanted.data / "results" if server_wanted.data is not None else Path(_RESULTS)
            try:
                complete = run_job(client, pipeline, run_input, results, console)
            except RequestFailed as failure:
                raise as_error(failure) from None
            data = folder if keep or server_wanted.data else None
            _show(console, complete, curl.steps(complete, server.url, data, keep=keep), as_json=as_json)
            if keep:
                console.print(_how_to_reach(server, folder, temporary=server_wanted.data is None), soft_wrap=True)
                server.wait()


@contextmanager
def _own_server(wanted: _OwnServer, console: Console) -> Iterator[tuple[ChildServer, Path]]:
    with ExitStack() as stack:
        folder = wanted.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="enginehouse-")))
        port = wanted.port if wanted.port is not None else _USUAL_PORT if wanted.keep else 0
        console.print("starting a server …")
        yield stack.enter_context(ChildServer(folder, port, allow_private_urls=wanted.allow_private_urls)), folder


def _typed(*names: str) -> list[str]:
    """Returns the flags among these options that are on the command line."""
    ctx = click.get_current_context()
    found = [name for name in names if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    return [f"--{name.replace('_', '-')}" for name in found]


def _show(console: Console, complete: CompleteRun, more: str, *, as_json: bool) -> None:
    """The result is on the console, and then what helps to go on."""
    if as_json:
        output.show_json(complete.facts())
        return
    if complete.result.is_dir():
        console.print(f"\nWhat it has made is in {complete.result}", soft_wrap=True)
    else:
        if complete.document is None:
            console.print("\nThe result is not JSON, so it is not shown here.")
        else:
            summary.show(console, complete.document)
        console.print(f"\nThe whole result is in {complete.result}", soft_wrap=True)
    console.print(more, soft_wrap=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _how_to_reach(server: ChildServer, folder: Path, *, temporary: bool) -> str:
    remark = f"\n  {folder} is temporary and is deleted then. To keep one, use --data." if temporary else ""
    command = f"{curl.program()} job list --data {shlex.quote(str(folder))}"
    return (
        f"\nThe server stays up.\n  url    {server.url}\n  token  in {folder / 'token'}\n"
        f"  jobs   {command}\nStop it with Ctrl-C.{remark}"
    )
