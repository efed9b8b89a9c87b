"""`enginehouse run`: starts a server, runs a job on a file, a URL or the sample, and shows the result."""

import shlex
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click

from enginehouse.cli import config_view, curl, output, summary, terminal
from enginehouse.cli.child_server import ChildServer
from enginehouse.cli.connection import as_error
from enginehouse.cli.run_job import open_input, run_job
from enginehouse.cli.settings_options import file_options, settings_options, settled
from enginehouse.client import Client, RequestFailed

_RESULTS = "enginehouse-results"
_USUAL_PORT = 9000
_setting = settings_options()


@click.command()
@click.argument("source", metavar="[FILE|URL]", required=False)
@_setting("--data", "Keep everything here instead of in a temporary folder.", type=click.Path(path_type=Path))
@_setting("--port", "The server's port.  [default: any free port; 9000 with --keep]", type=int)
@_setting("--keep", "Keep the server running afterwards, until Ctrl-C.", is_flag=True)
@_setting("--allow-private-urls", "Let the job read from private and local addresses.", is_flag=True)
@file_options("run")
@output.json_option
def run(
    source: str | None,
    *,
    data: Path | None,
    port: int | None,
    keep: bool,
    allow_private_urls: bool,
    print_config: bool,
    as_json: bool,
) -> None:
    """Run a job on a file, an http(s) URL, or the sample, on a server of its own.

    The job reads the text of a document (text, Markdown, HTML, PDF, DOCX, a table …), cuts it into chunks, finds the
    language, the sentiment and the keywords of each, and collates everything into one AION document. Sound and video
    are transcribed first.

    Other settings of the server are variables, as for `enginehouse serve`; its database and its bytes are always in its
    own folder.
    """
    settled(dict, {}, {})  # refuses what is wrong in variables and the file
    if print_config:
        terminal.echo("\n".join(config_view.lines("run", None)))
        return
    signal.signal(signal.SIGTERM, _interrupt)
    console = output.console(err=as_json)
    with ExitStack() as stack:
        run_input = stack.enter_context(open_input(source))
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="enginehouse-")))
        results = data / "results" if data is not None else Path(_RESULTS)
        if port is None:
            port = _USUAL_PORT if keep else 0
        console.print("starting a server …")
        server = stack.enter_context(ChildServer(folder, port, allow_private_urls=allow_private_urls))
        with Client(server.url, server.token) as client:
            try:
                complete = run_job(client, run_input, results, console)
            except RequestFailed as failure:
                raise as_error(failure) from None
        if as_json:
            output.show_json(complete.facts())
        else:
            if complete.document is None:
                console.print("\nThe result is not JSON, so it is not shown here.")
            else:
                summary.show(console, complete.document)
            console.print(f"\nThe whole result is in {complete.result}", soft_wrap=True)
            console.print(curl.steps(complete, server.url, folder if keep or data else None, keep=keep), soft_wrap=True)
        if keep:
            console.print(_how_to_reach(server, folder, temporary=data is None), soft_wrap=True)
            server.wait()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _how_to_reach(server: ChildServer, folder: Path, *, temporary: bool) -> str:
    remark = f"\n  {folder} is temporary and is deleted then. To keep one, use --data." if temporary else ""
    command = f"{curl.program()} job list --data {shlex.quote(str(folder))}"
    return (
        f"\nThe server stays up.\n  url    {server.url}\n  token  in {folder / 'token'}\n"
        f"  jobs   {command}\nStop it with Ctrl-C.{remark}"
    )
